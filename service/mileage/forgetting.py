"""Forgets positions: those older than is kept, and a driver's own on request. What they said of refuellings stays."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from service.books.books import Books
from service.errors import AdminError
from service.identity.trail import TrailEntry, note
from service.mileage.history import History, frozen_key
from service.mileage.places import FAR_US, Placement
from service.payer_rules.periods import holders
from service.payers.plate_payers import load_schedule
from service.store.clock import from_us, to_us
from service.store.database import telling_faults
from service.store.naming import require_plate
from service.store.payer_tables import persons
from service.store.vehicle_tables import kept_placements, positions
from service.store.zones import HOME_ZONE

KEPT_FOR = timedelta(days=90)
_AT_ONCE = 2_000
"""Deleted in one transaction, so that nobody waits long."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """vehicles: that had such positions. placements: refuellings whose place was written down before."""

    vehicles: int
    positions: int
    placements: int


class Forgetting:
    """What an operator, `actor`, or the nightly run lets go. Raises AdminError with the reason."""

    def __init__(self, books: Books, actor: str) -> None:
        self._books = books
        self._actor = actor

    def older_than(self, kept_for: timedelta) -> Forgotten:
        """Positions older than that, of all vehicles, one after another."""
        before_us = to_us(self._books.clock.now() - kept_for)
        with telling_faults(), self._books.database.reading() as connection:
            query = select(positions.c.plate).where(positions.c.at_us < before_us).distinct()
            plates = sorted(connection.execute(query).scalars())
        done = [self._forget(plate, lambda at_us: at_us < before_us) for plate in plates]
        return Forgotten(len(done), sum(d.positions for d in done), sum(d.placements for d in done))

    def of_person(self, plate: str, name: str) -> Forgotten:
        """The positions of one vehicle that fall in the hours which the person holds, or held then."""
        kept, zone = require_plate(plate), HOME_ZONE
        with telling_faults(), self._books.database.reading() as connection:
            if connection.execute(select(persons.c.id).where(persons.c.name == name)).first() is None:
                raise AdminError(f"no person {name}; `phone list` shows them")
            schedule = load_schedule(connection, kept)
        if schedule is None:
            return Forgotten(0, 0, 0)
        return self._forget(kept, lambda at_us: name in {b.name for b in holders(schedule, from_us(at_us), zone)})

    def _forget(self, plate: str, is_due: Callable[[int], bool]) -> Forgotten:
        with telling_faults(), self._books.database.writing() as connection:
            every = connection.execute(select(positions.c.at_us).where(positions.c.plate == plate)).scalars()
            due = sorted(at_us for at_us in every if is_due(at_us))
            if not due:
                return Forgotten(0, 0, 0)
            kept = self._keep_placements(connection, plate, due)
            detail = {"positions": str(len(due)), "placements": str(kept)}
            note(connection, TrailEntry(self._books.clock.now(), self._actor, "track.forget", plate, detail))
        for first in range(0, len(due), _AT_ONCE):
            with telling_faults(), self._books.database.writing() as connection:
                gone = positions.c.plate == plate, positions.c.at_us.in_(due[first : first + _AT_ONCE])
                connection.execute(delete(positions).where(*gone))
        return Forgotten(1, len(due), kept)

    def _keep_placements(self, connection: Connection, plate: str, due: list[int]) -> int:
        """Write down where the refuellings near these positions were, as all positions together say it."""
        rows = [
            {**_key(key), "plate": plate, **_values(placement), "kept_us": to_us(self._books.clock.now())}
            for key, placement in _placed_by(History(connection, plate), due)
        ]
        if rows:
            connection.execute(insert(kept_placements), rows)
        return len(rows)


def _placed_by(history: History, due: list[int]) -> Iterable[tuple[tuple[int, str], Placement]]:
    """Refuellings that any of these positions speaks of and that are not written down yet."""
    for index, fill in enumerate(history.refuellings):
        first = bisect_left(due, fill.since_us - FAR_US)
        near = first < len(due) and due[first] <= fill.until_us + FAR_US
        placement = history.told_by_positions(index) if near and frozen_key(fill) not in history.frozen else None
        if placement is not None:
            yield frozen_key(fill), placement


def _key(key: tuple[int, str]) -> Mapping[str, Any]:
    return {"at_us": key[0], "fuelling": key[1]}


def _values(placement: Placement) -> Mapping[str, Any]:
    evidence = [[one.kind.value, one.at_us, one.detail] for one in placement.evidence]
    return {
        "status": placement.status.value,
        "station": placement.station,
        "reason": placement.reason,
        "evidence": json.dumps(evidence, ensure_ascii=False),
    }
