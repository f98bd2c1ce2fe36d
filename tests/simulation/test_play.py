"""A whole simulated lane, with the real service over HTTP, on small clips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from controller.records import LampColour
from controller.settings_records import Settings
from greenlane.simulation.cast import SimulatedCard
from greenlane.simulation.play import ClipPlayer, Watching
from greenlane.simulation.results import ClipResult, document
from greenlane.simulation.world import World
from tests.simulation.clips import LevelReader, write_clip
from wire.reasons import Reason, Verdict

RICH, POOR, STRANGER, MUDDY = "沪A8K526", "苏E6T308", "浙B72915", "皖C4M790"
READER = LevelReader({30: (RICH, 0.999), 60: (POOR, 0.999), 170: (STRANGER, 0.999), 220: (MUDDY, 0.6)})
CARDS = (SimulatedCard(RICH, 60_000), SimulatedCard(POOR, 6_000))


def play(*clips: Path, litres: float = 1.0) -> tuple[ClipResult, ...]:
    watching = Watching(lambda name, frames: None, lambda: None, lambda visit_result: None)
    with World(Settings(), CARDS, preset_fen=10_000) as world:
        stage = ClipPlayer(world, READER, {}, litres)
        return tuple(stage.play(clip, watching) for clip in clips)


def colours(result: ClipResult, visit: int) -> list[LampColour]:
    return [change.colour for change in result.visits[visit].summary.lamp]


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> ClipResult:
    clip = write_clip(tmp_path_factory.mktemp("clips") / "four.mp4", [30, 60, 170, 220], stands_s=7.5)
    return play(clip)[0]


def test_every_vehicle_is_one_visit_with_its_decision(four: ClipResult) -> None:
    found = [(v.summary.plate, v.summary.decision, v.summary.reason) for v in four.visits]
    assert found == [
        (RICH, Verdict.ALLOW, Reason.OK),
        (POOR, Verdict.REFUSE, Reason.BELOW_PRESET),
        (STRANGER, Verdict.REFUSE, Reason.UNKNOWN_PLATE),
        (None, Verdict.REFUSE, Reason.UNSURE),
    ]
    assert four.error is None


def test_the_lamp_goes_out_when_the_vehicle_has_gone(four: ClipResult) -> None:
    assert LampColour.GREEN in colours(four, 0)
    for visit in range(4):
        assert colours(four, visit)[-1] is LampColour.OFF
    assert all(LampColour.GREEN not in colours(four, visit) for visit in (1, 2, 3))


def test_fuel_is_metered_charged_and_the_hold_released(four: ClipResult) -> None:
    fuelled = four.visits[0].fuelled
    assert fuelled is not None
    assert fuelled.report is not None
    assert fuelled.receipt is not None
    assert fuelled.report.volume_ml == 1000
    assert fuelled.receipt.charged_fen == 750
    assert fuelled.receipt.balance_fen == 60_000 - 750
    assert four.visits[1].fuelled is None


def test_the_document_has_the_keys_other_programs_build_on(four: ClipResult) -> None:
    found = document((four,))
    assert {"visits", "frames", "frames_per_s", "wall_s"} <= found.keys()
    assert found["frames"] == four.frames
    for visit in found["visits"]:
        assert {
            "visit",
            "plate",
            "decision",
            "reason",
            "first_seen_s",
            "read_s",
            "decided_s",
            "gone_s",
            "lamp",
        } <= visit.keys()
        assert visit["first_seen_s"] <= visit["decided_s"] <= visit["gone_s"]
        assert all(colour in ("off", "red", "green") for _, colour in visit["lamp"])
        assert [at for at, _ in visit["lamp"]] == sorted(at for at, _ in visit["lamp"])
    assert found["visits"][3]["plate"] is None
    assert found["visits"][3]["read_s"] is None
    assert 1.0 < found["visits"][0]["first_seen_s"] < 2.5


@pytest.mark.slow
def test_clips_follow_each_other_and_share_their_cards(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "one.mp4", [30], stands_s=5.0)
    first, second = play(clip, clip)
    balances = [
        v.fuelled.receipt.balance_fen for r in (first, second) for v in r.visits if v.fuelled and v.fuelled.receipt
    ]
    assert balances == [59_250, 58_500]
    assert first.visits[0].summary.visit != second.visits[0].summary.visit
    assert (
        abs(
            (first.visits[0].at(first.visits[0].summary.first_seen_s) or 0)
            - (second.visits[0].at(second.visits[0].summary.first_seen_s) or 0)
        )
        < 0.1
    )


@pytest.mark.slow
def test_a_vehicle_still_there_at_the_end_is_a_visit_and_its_hold_is_given_back(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "stays.mp4", [30], leaves=False)
    (result,) = play(clip, litres=0.0)
    assert len(result.visits) == 1
    assert result.visits[0].summary.decision is Verdict.ALLOW
    assert "still in view" in result.visits[0].notes[-1][1]
    assert colours(result, 0) == [LampColour.OFF, LampColour.RED, LampColour.GREEN, LampColour.RED]
    assert result.lamp[-1].colour is LampColour.RED


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content"),
    [("missing.mp4", None), ("empty.mp4", b""), ("text.mp4", b"this is not a video\n" * 50)],
)
def test_a_clip_that_is_no_video_is_an_error_and_the_next_one_plays(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    bad = tmp_path / name
    if content is not None:
        bad.write_bytes(content)
    good = write_clip(tmp_path / "good.mp4", [170])
    first, second = play(bad, good)
    assert first.error is not None
    assert name in first.error
    assert first.visits == ()
    assert len(second.visits) == 1
    assert document((first, second))["clips"][0]["error"] == first.error


@pytest.mark.slow
def test_every_seen_vehicle_keeps_a_picture(four: ClipResult) -> None:
    pictures: Sequence[bytes] = [v.picture.jpeg for v in four.visits if v.picture]
    assert len(pictures) == 4
    assert all(jpeg.startswith(b"\xff\xd8") for jpeg in pictures)
