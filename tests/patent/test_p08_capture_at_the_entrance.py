"""P8: the camera captures when the vehicle enters the station; the answer is there sooner, and no rule is weakened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from controller.settings_records import Settings
from greenlane.simulation.cast import SimulatedCard
from greenlane.simulation.entrance import play_entrance
from greenlane.simulation.play import ClipPlayer, LineDelay, Watching
from greenlane.simulation.results import VisitResult
from greenlane.simulation.world import World
from service.admin.admin import Admin
from service.store.schema import authorisations
from tests.simulation.clips import LevelReader, write_clip
from wire.reasons import Reason, Verdict

PLATE, OTHER = "沪A8K526", "苏E6T308"
READER = LevelReader({30: (PLATE, 0.999), 60: (OTHER, 0.999)})
WATCHING = Watching(lambda name, frames: None, lambda: None, lambda story: None)
LINE_S = 0.4
"""Of a slow line; nothing else takes time here, so that the machine's own speed changes no figure."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "one.mp4", [30], stands_s=7.0)


@contextmanager
def station(fen: int = 60_000) -> Iterator[World]:
    with World(Settings(), (SimulatedCard(PLATE, fen), SimulatedCard(OTHER, 60_000)), preset_fen=10_000) as world:
        yield world


def at_the_pump(world: World, clip: Path, reader: LevelReader = READER) -> VisitResult:
    result = ClipPlayer(world, reader, {}, 1.0, line=LineDelay(LINE_S, lambda: 0.0)).play(clip, WATCHING)
    (visit,) = result.visits
    return visit


def to_green_s(visit: VisitResult) -> float:
    assert (visit.summary.decision, visit.summary.reason) == (Verdict.ALLOW, Reason.OK)
    assert visit.summary.decided_s is not None
    return visit.summary.decided_s - visit.summary.first_seen_s


def states(world: World) -> list[tuple[str, str]]:
    """Plate and state of every authorisation that was ever asked for, in order."""
    query = select(authorisations.c.plate, authorisations.c.state).order_by(authorisations.c.asked_us)
    with world.books.database.reading() as connection:
        return [(row.plate, row.state) for row in connection.execute(query)]


@pytest.mark.slow
def test_P8_green_comes_sooner_when_the_entry_camera_has_asked_ahead(clip: Path) -> None:
    with station() as world:
        without_s = to_green_s(at_the_pump(world, clip))
    with station() as world:
        assert play_entrance(world, READER, clip).plates == (PLATE,)
        assert states(world) == []
        visit = at_the_pump(world, clip)
        assert [answer.question.visit for answer in visit.answers] == [f"{visit.summary.visit}.0"]
        assert states(world) == [(PLATE, "captured")]
    assert without_s - to_green_s(visit) >= LINE_S - 0.15
    assert visit.fuelled is not None
    assert visit.fuelled.receipt is not None
    assert visit.fuelled.receipt.charged_fen == 750


@pytest.mark.slow
@pytest.mark.parametrize("what", ["emptied", "card blocked", "plate blocked"])
def test_P8_what_changed_since_the_entrance_counts_at_the_pump(clip: Path, what: str) -> None:
    with station(fen=10_000 if what == "emptied" else 60_000) as world:
        assert play_entrance(world, READER, clip).plates == (PLATE,)
        admin = Admin(world.books, "test")
        if what == "emptied":
            admin.money.correct("card-1", -1, note="test")
        elif what == "card blocked":
            admin.cards.block("card-1", True)
        else:
            admin.plates.block(PLATE, True)
        summary = at_the_pump(world, clip).summary
    reason = {
        "emptied": Reason.BELOW_PRESET,
        "card blocked": Reason.CARD_BLOCKED,
        "plate blocked": Reason.PLATE_BLOCKED,
    }
    assert (summary.decision, summary.reason) == (Verdict.REFUSE, reason[what])


def test_P8_an_expected_plate_makes_no_read_certain(clip: Path) -> None:
    """The vehicle at the pump is never read well enough, whatever was expected: red."""
    with station() as world:
        play_entrance(world, READER, clip)
        summary = at_the_pump(world, clip, LevelReader({30: (PLATE, 0.6)})).summary
        assert states(world) == []
    assert (summary.plate, summary.decision, summary.reason) == (None, Verdict.REFUSE, Reason.UNSURE)


def test_P8_a_first_read_that_was_wrong_holds_nothing_of_the_expected_plate(clip: Path) -> None:
    """The first read at the pump says the plate that was read at the entrance, all later ones another."""

    class Slips(LevelReader):
        reads = 0

        def read(self, image: object, region: object = None) -> object:
            found = super().read(image, None)
            if found.plates:
                self.reads += 1
            return found if self.reads != 1 or not found.plates else READER.read(image, None)

    with station() as world:
        play_entrance(world, READER, clip)
        visit = at_the_pump(world, clip, Slips({30: (OTHER, 0.999)}))
        world.courier.step()
        assert sorted(states(world)) == [(PLATE, "released"), (OTHER, "captured")]
    assert (visit.summary.plate, visit.summary.decision) == (OTHER, Verdict.ALLOW)
    assert {answer.question.plate for answer in visit.answers} == {OTHER}


@pytest.mark.slow
def test_P8_ten_minutes_later_nobody_is_expected(clip: Path) -> None:
    with station() as world:
        play_entrance(world, READER, clip)
        world.clock.advance(601.0)
        assert world.ahead.expected(0, 0.0, 5.0).plates == ()
        visit = at_the_pump(world, clip)
    assert [answer.question.visit for answer in visit.answers] == [visit.summary.visit]
