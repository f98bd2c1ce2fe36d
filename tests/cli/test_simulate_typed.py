"""`greenlane simulate --typed`: what is typed at the panel during the bundled clip."""

from __future__ import annotations

import json
from typing import Any

import pytest

from greenlane.cli import main

READ, OTHER, UNREADABLE = "苏E6T308", "沪A8K526", "皖C4M790"
"""Of the bundled clip: the second vehicle's plate, the first one's, and that of the fourth, which cannot be read."""
CARDS = ["--card", f"{OTHER}=600", "--card", f"{UNREADABLE}=500", "--card", f"{READ}=60"]


def visits(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert main(["simulate", "--json", *CARDS, *words]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["visits"]
    return found


@pytest.mark.slow
def test_a_strangers_plate_stays_red_and_an_attendant_helps_where_nothing_is_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = visits(capsys, "--typed", f"19={OTHER}", "--typed", f"40={UNREADABLE}#ok")
    first, second, _, fourth, _ = found
    assert (first["plate"], first["typed"], first["read"], first["reason"]) == (OTHER, None, OTHER, "ok")
    assert (second["plate"], second["typed"], second["read"]) == (OTHER, OTHER, READ)
    assert (second["decision"], second["reason"]) == ("refuse", "typed_differs")
    assert "green" not in [colour for _, colour in second["lamp"]]
    assert (fourth["plate"], fourth["typed"], fourth["read"]) == (UNREADABLE, UNREADABLE, None)
    assert (fourth["decision"], fourth["reason"]) == ("allow", "ok")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "decision", "reason"),
    [
        (["--typed", f"40={UNREADABLE}"], "refuse", "attendant_needed"),
        (["--typed", f"40={UNREADABLE}", "--typed-rule", "free"], "allow", "ok"),
        (["--typed", f"40={UNREADABLE}", "--typed-rule", "refuse"], "refuse", "typed_refused"),
        (["--typed", f"40={UNREADABLE}", "--typed-rule", "pin"], "refuse", "pin_needed"),
        (["--typed", f"40={UNREADABLE}#493817", "--typed-rule", "pin"], "refuse", "pin_wrong"),
        (
            ["--typed", f"40={UNREADABLE}#493817", "--typed-rule", "pin", "--pin", f"{UNREADABLE}=493817"],
            "allow",
            "ok",
        ),
    ],
)
def test_every_rule(capsys: pytest.CaptureFixture[str], words: list[str], decision: str, reason: str) -> None:
    fourth = visits(capsys, *words)[3]
    assert (fourth["decision"], fourth["reason"]) == (decision, reason)


def test_what_was_typed_in_vain_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", *CARDS, "--typed", f"1={OTHER}", "--typed", f"500={READ}"]) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if "typed" in line]
    assert said == [
        f"{plate} typed at {at_s} s: no vehicle waits for a typed plate then"
        for at_s, plate in ((1.0, OTHER), (500.0, READ))
    ]


@pytest.mark.parametrize("typed", ["12", "x=粤B12345", "5=hello", "5=粤B12345#12", "-1=粤B12345", "nan=粤B12345"])
def test_what_cannot_be_typed(capsys: pytest.CaptureFixture[str], typed: str) -> None:
    with pytest.raises(SystemExit):
        main(["simulate", f"--typed={typed}"])
    assert "--typed" in capsys.readouterr().err
