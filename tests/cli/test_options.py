"""What is written on a command line: numbers beyond what any store holds, and names that would steer the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlane.cli import main

BEYOND = str(10**20)


@pytest.mark.parametrize("number", [BEYOND, "0", "1.5", "\uff11", "9" * 5000])
@pytest.mark.parametrize(
    "words",
    [
        ["admin", "typed", "--last"],
        ["admin", "shift", "list", "--last"],
        ["admin", "trail", "--limit"],
        ["admin", "offline", "conflicts", "--days"],
        ["admin", "offline", "visits", "--days"],
        ["outbox", "retry"],
        ["outbox", "discard"],
        ["explain", "--list", "--count"],
    ],
    ids=" ".join,
)
def test_a_number_out_of_bounds_is_told(words: list[str], number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words, number])
    assert (ended.value.code, "write a whole number from 1 to" in capsys.readouterr().err) == (2, True)


def test_the_order_of_payers_has_bounds_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["admin", "payer", "set", "粤B12345", "Chen", "--hours", "0-8", "--order", BEYOND])
    assert "write a whole number from -1000 to" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["simulate"], ["read"], ["run", "--check", "--config"], ["doctor", "--config"]])
def test_nothing_that_is_quoted_steers_the_terminal(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "odd.toml"
    settings.write_text(r"[camera]" "\n" r'"\u001b[31mkind" = "x"', encoding="utf-8")
    for name in [str(tmp_path / "absent\x1b[31m.mp4"), *([str(settings)] if "--config" in words else [])]:
        assert main([*words, name]) == 1
        printed = "".join(capsys.readouterr())
        assert r"\x1b[31m" in printed
        assert "\x1b" not in printed


def test_options_of_the_live_demonstration_are_refused_without_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--clip", "own.mp4", "--seconds", "3"]) == 1
    out, err = capsys.readouterr()
    assert (out, err.partition(";")[0]) == ("", "greenlane demo: --clip, --seconds: only with --live")
