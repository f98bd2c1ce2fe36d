"""`payer at`, the decision and the charge name the same payer, at every boundary and a microsecond around it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from service.payer_rules.periods import GapAction, Hours, PayerKind
from service.payers.charging import Charging
from service.payers.plate_payers import PlatePayers
from service.reports.audit import audit
from service.store.database import Database
from tests.service.identity.kit import spare_the_disk
from tests.service.payers.phone import payer, person
from tests.service.world import PLATE, ManualClock, Pump, World
from wire.reasons import Reason

TICK = timedelta(microseconds=1)
NAMES, OWNER = ("A", "B", "C"), "Boss"
MADE = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = {
    "Asia/Shanghai": (datetime(2026, 5, 4),),
    "Europe/Berlin": (datetime(2026, 3, 29), datetime(2026, 10, 25)),
    "Australia/Lord_Howe": (datetime(2026, 4, 5), datetime(2026, 10, 4)),
}
"""Days to look at, in each zone: those on which its clock changes, where it does."""

periods = st.builds(
    Hours, st.integers(0, 23).map(lambda hour: 60 * hour), st.integers(1, 24).map(lambda hour: 60 * hour)
)
seconds = st.integers(0, 86_400 * 10**6 - 1).map(lambda us: timedelta(microseconds=us))


@contextmanager
def world_in(migrated_file: Path, zone: str) -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{shutil.copy(migrated_file, Path(folder) / 'service.sqlite3')}")
        spare_the_disk(database.engine)
        world = World(database, ManualClock(MADE))
        world.admin.stations.set("S1", zone=zone, preset_fen=100)
        yield world
        database.close()


def instants(zone: str, held: list[Hours], others: list[timedelta]) -> list[datetime]:
    """Each boundary, a microsecond before and after it, and some more, in the order in which they come."""
    edges = {timedelta(minutes=minute) for hours in held for minute in (hours.start_min, hours.end_min)}
    found = set()
    for day in DAYS[zone]:
        for offset in (*edges, *others):
            at = (day + offset).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
            found |= {at - TICK, at, at + TICK}
    return sorted(found)


@settings(max_examples=max(6, settings().max_examples // 5), deadline=None)
@given(
    zone=st.sampled_from(sorted(DAYS)),
    held=st.lists(periods, min_size=1, max_size=3),
    gap=st.none() | st.tuples(periods, st.sampled_from([GapAction.REFUSE, GapAction.OWNER])),
    others=st.lists(seconds, max_size=3),
)
def test_payer_at_decision_and_charge_agree(
    migrated_file: Path, zone: str, held: list[Hours], gap: tuple[Hours, GapAction] | None, others: list[timedelta]
) -> None:
    limits: dict[str, object] = {"per_fill_fen": 100_000, "per_day_fen": 10**8, "tries_per_day": 1000}
    with world_in(migrated_file, zone) as world:
        for name, hours in zip(NAMES, held, strict=False):
            payer(world, name, str(hours), 10**7, PLATE, **limits)
        payers, pump = PlatePayers(world.books, "tester"), Pump("D1")
        owner = person(world, OWNER, None, 10**7)
        payers.set_owner(PLATE, OWNER)
        owner.mandate(PLATE, **limits)
        if gap is not None:
            payers.set_gap(PLATE, *gap)
        for at in instants(zone, held, others):
            agree(world, payers, pump, at)
        assert audit(world.database).findings == ()


def agree(world: World, payers: PlatePayers, pump: Pump, at: datetime) -> None:
    world.clock.moment = at + timedelta(seconds=5)
    turn, _ = payers.turn(PLATE, at, "S1")
    decision = world.ask(captured_at=at)
    charged = {charge.id for charge in Charging(world.books).list()}
    if turn.payer.kind is PayerKind.NONE:
        assert decision.authorisation is None
        assert decision.reason in (Reason.NO_PAYER, Reason.GAP)
        assert decision.reason.value == turn.reason
        return
    assert decision.authorisation is not None, (at, turn, decision)
    world.clock.advance(120)
    world.report(pump.fuelling(world.clock, 100, authorisation=decision.authorisation))
    (new,) = [charge for charge in Charging(world.books).list() if charge.id not in charged]
    assert (new.phone, new.state) == (turn.payer.name, "paid"), at
