"""`simulate --phone`: a paired phone pays by its mandate, in the hour that the clip's time says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from greenlane.cli import main
from greenlane.simulation.cast import CastError, Phone, parse_phone
from tests.simulation.clips import LevelReader, write_clip

PLATE = "沪A8K526"


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """One vehicle; the reader knows its plate by the grey of the picture."""
    monkeypatch.setattr("models.build.build_reader", lambda engine: LevelReader({30: (PLATE, 0.999)}))
    return str(write_clip(tmp_path / "one.mp4", [30], stands_s=7.5))


def simulate(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert main(["simulate", "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)  # type: ignore[no-any-return]


@pytest.mark.slow
def test_the_hour_of_the_first_frame_picks_the_phone(clip: str, capsys: pytest.CaptureFixture[str]) -> None:
    phones = ["--phone", f"{PLATE}@0-8=Wang:300", "--phone", f"{PLATE}@8-16=Li", "--phone", f"{PLATE}@22-0=Wu"]
    for at, name, period in (
        ("2026-05-04T07:59:50+08:00", "Wang", {"from": "00:00", "to": "08:00"}),
        ("2026-05-04T08:00:00+08:00", "Li", {"from": "08:00", "to": "16:00"}),
        ("2026-05-03T23:59:50Z", "Wang", {"from": "00:00", "to": "08:00"}),
        ("2026-05-03T16:00:00-08:00", "Li", {"from": "08:00", "to": "16:00"}),
        ("2026-05-03T23:59:50+08:00", "Wu", {"from": "22:00", "to": "24:00"}),
        ("2026-05-03T16:00:00Z", "Wang", {"from": "00:00", "to": "08:00"}),
    ):
        found = simulate(capsys, clip, *phones, "--at", at)
        (visit,) = found["visits"]  # type: ignore[misc]
        (charge,) = found["charges"]  # type: ignore[misc]
        assert visit["payer"] == {"kind": "phone", "id": name}
        assert (charge["visit"], charge["phone"], charge["period"]) == (visit["visit"], name, period)
        assert (charge["amount_fen"], charge["state"]) == (750, "paid")
        assert visit["decided_s"] < charge["paid_s"]


def test_with_a_card_for_the_same_plate_the_card_pays_first(clip: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--card", f"{PLATE}=5", "--phone", f"{PLATE}@0-24=Wang"]
    found = simulate(capsys, clip, *words)
    (visit,) = found["visits"]  # type: ignore[misc]
    (charge,) = found["charges"]  # type: ignore[misc]
    assert visit["payer"] == {"kind": "card", "id": "card-1"}
    assert (visit["limit_fen"], charge["amount_fen"], charge["state"]) == (10_000, 250, "paid")


def test_a_wallet_below_the_preset_amount_is_red(clip: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = simulate(capsys, clip, "--phone", f"{PLATE}@0-24=Wang:99.99")
    assert [(v["reason"], v["decision"]) for v in found["visits"]] == [("below_preset", "refuse")]  # type: ignore[attr-defined]
    assert found["charges"] == []


@pytest.mark.slow
def test_a_person_s_yuan_is_said_once_or_the_same_everywhere(clip: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--phone", f"{PLATE}@0-24=Wang", "--phone", "粤B99999@0-24=Wang:99.99"]
    found = simulate(capsys, clip, *words)
    assert [v["reason"] for v in found["visits"]] == ["below_preset"]  # type: ignore[attr-defined]


@pytest.mark.slow
def test_who_gave_phones_is_not_told_that_every_plate_is_unknown(clip: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words, is_told in (([], True), (["--phone", f"{PLATE}@0-24=Wang:99"], False)):
        assert main(["simulate", clip, *words]) == 0
        assert ("every plate is unknown" in capsys.readouterr().out) == is_told


@pytest.mark.slow
def test_the_report_shows_what_phones_paid(clip: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    simulate(capsys, clip, "--phone", f"{PLATE}@0-24=Wang", "--report", str(tmp_path / "report"))
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "Charges to phones" in page
    assert "Wang, 7.50 yuan: paid" in page


def test_phones_as_they_are_typed() -> None:
    assert parse_phone("粤b·12345@22-6=Chen Wu:300.5") == Phone("粤B12345", "22:00-06:00", "Chen Wu", 30_050)
    assert parse_phone("粤B12345@0-24=Chen").wallet_fen == 50_000


@pytest.mark.parametrize(
    "text", ["", "粤B12345=Chen", "粤B12345@8=Chen", "HELLO@0-8=Chen", "粤B12345@0-8=", "粤B12345@0-8=A:-1"]
)
def test_what_is_no_phone_is_said(text: str) -> None:
    with pytest.raises(CastError):
        parse_phone(text)


def test_a_time_without_offset_and_two_wallets_of_one_person_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["simulate", "--at", "2026-05-04T08:00:00"])
    assert "offset" in capsys.readouterr().err
    words = ["--phone", f"{PLATE}@0-8=A:100", "--phone", f"{PLATE}@8-16=A:200"]
    assert main(["simulate", *words]) != 0
    assert "one wallet" in capsys.readouterr().err
