"""Plays scenarios in one town, one after another, and keeps a record of each."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from sqlalchemy import func, select

from models.grammar import FORMATS, PlateKind
from models.training.drawing.plates import random_text
from service.offline.visits import offline_visits
from service.reports.statement import cards
from service.store import schema
from tests.faults.three_hosts.collect import is_over, most_outstanding, stray_greens, visit_record
from tests.faults.three_hosts.invariants import breaches
from tests.faults.three_hosts.machine import NeverCame
from tests.faults.three_hosts.network import Network
from tests.faults.three_hosts.record import ScenarioRecord, VisitRecord
from tests.faults.three_hosts.scenarios import Scenario
from tests.faults.three_hosts.scene import Scene, lane_file, rows, station_file, waiting
from tests.faults.three_hosts.town import MONEY_FEN, PLATE_CAP_FEN, STATION_CAP_FEN, Town

RICH, POOR = 40, 4
ML_PER_PULSE = 10
RECONCILED_WITHIN_S = 300.0
LOOK_EVERY_S = 0.05

Listener = Callable[[ScenarioRecord], None]


@contextmanager
def town() -> Iterator[Town]:
    """A fresh town in a temporary folder. Raises NoNetwork."""
    plates = _plates(RICH + POOR)
    with tempfile.TemporaryDirectory(prefix="greenlane-") as folder, Network() as network:
        made = Town(Path(folder), network, plates[:RICH], plates[RICH:])
        with made.open():
            yield made


def play(made: Town, scenarios: Sequence[Scenario], listener: Listener = lambda _: None) -> list[ScenarioRecord]:
    """One after another; told() hears of each when it is over."""
    plates, poor = iter(made.plates), iter(made.poor)
    records = []
    for scenario in scenarios:
        scene = Scene(made, plates, poor)
        scenario.play(scene)
        reconciled_s = _reconciled(scene)
        records.append(_record(scene, scenario, reconciled_s))
        listener(records[-1])
    return records


def _plates(count: int) -> tuple[str, ...]:
    """So many blue plates, no two the same."""
    rng = np.random.default_rng(2026)
    blue = next(f for f in FORMATS if f.kind == PlateKind.BLUE)
    found: dict[str, None] = {}
    while len(found) < count:
        found[random_text(rng, blue)] = None
    return tuple(found)


def _reconciled(scene: Scene) -> float:
    """Wait until nothing is on its way any more; the seconds since all was well again."""
    ends_s = time.monotonic() + RECONCILED_WITHIN_S
    while not _is_quiet(scene):
        if time.monotonic() > ends_s:
            raise NeverCame(f"not reconciled within {RECONCILED_WITHIN_S:.0f} s: {_left(scene)} are left")
        time.sleep(LOOK_EVERY_S)
    return time.monotonic() - scene.mended_s


def _is_quiet(scene: Scene) -> bool:
    return not any(_left(scene).values())


def _left(scene: Scene) -> dict[str, int]:
    """What is still on its way: fuellings and releases at the lanes and at the station, grants the server lacks."""
    files = {lane.name: lane_file(lane) for lane in scene.town.lanes.values()}
    station = station_file(scene.town)
    unsent = rows(station, "SELECT count(*) FROM offline_grant WHERE receipt IS NULL")[0][0]
    found = {name: waiting(file, "%") + len(rows(file, "SELECT 1 FROM open_fuelling")) for name, file in files.items()}
    unwritten = sum(not is_over(scene, came) for came in scene.came)
    return found | {"station": waiting(station, "%"), "grants untold": int(unsent), "traces": unwritten}


def _record(scene: Scene, scenario: Scenario, reconciled_s: float) -> ScenarioRecord:
    visits = tuple(visit_record(scene, came) for came in scene.came)
    made = scene.town
    offline = [g for v in visits for g in v.grants if g.by == "list"]
    fuelled = [f for v in visits for f in v.fuelled]
    gone_s = {g.name: v.gone_s for v in visits for g in v.grants}
    by_card = [[g for g in offline if g.card == card] for card in {g.card for g in offline}]
    mine = {g.name for g in offline}
    listener = [visit for visit in offline_visits(made.books.database, "S1") if visit.authorisation in mine]
    conflicts = [f"{flag} ({visit.plate})" for visit in listener for flag in visit.conflicts]
    record = ScenarioRecord(
        name=scenario.name,
        title=scenario.title,
        visits=visits,
        card_cap_fen=PLATE_CAP_FEN,
        station_cap_fen=STATION_CAP_FEN,
        most_card_fen=max((most_outstanding(grants, fuelled, gone_s) for grants in by_card), default=0),
        most_station_fen=most_outstanding(offline, fuelled, gone_s),
        waiting_unit=scene.waiting_unit,
        waiting_station=scene.waiting_station,
        conflicts=tuple(sorted(conflicts)),
        reconciled_s=round(reconciled_s, 1),
        lasted_s=round((made.shift.now() - scene.began).total_seconds(), 1),
        wall_s=round(time.monotonic() - scene.began_real_s, 1),
        audit=made.audit(),
        breaches=(),
    )
    found = (*breaches(record), *stray_greens(scene, visits), *_unpaid(made, visits), *_unmetered(made))
    return replace(record, breaches=found)


def _unpaid(made: Town, visits: Sequence[VisitRecord]) -> Iterator[str]:
    """Each card of these visits has paid what was metered for it, not a fen more, and nothing is held any longer."""
    for plate in dict.fromkeys(v.plate for v in visits):
        metered_fen = sum(v.metered_fen for v in visits if v.plate == plate)
        (card,) = cards(made.books.database, made.card_of(plate))
        had_fen = MONEY_FEN if plate in made.plates else PLATE_CAP_FEN - 1
        if card.balance_fen - card.owed_fen != had_fen - metered_fen:
            yield f"card {card.card} had {had_fen} fen, {metered_fen} were metered, it has {card.balance_fen}"
        if card.held_fen:
            yield f"card {card.card}: {card.held_fen} fen are still held"


def _unmetered(made: Town) -> Iterator[str]:
    """All that ever left each pump, by the pump's own count, is in the books."""
    for lane in made.lanes.values():
        pulses = [int(line["pulses"]) for line in lane.machine.said() if "pulses" in line]
        left_ml = ML_PER_PULSE * max(pulses, default=0)
        query = select(func.coalesce(func.sum(schema.fuellings.c.volume_ml), 0))
        with made.books.database.reading() as connection:
            posted_ml = connection.execute(query.where(schema.fuellings.c.lane == lane.name)).scalar_one()
        if posted_ml != left_ml:
            yield f"{lane.name}: {left_ml} ml left the pump, {posted_ml} are in the books"
