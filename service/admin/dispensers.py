"""Which lane a dispenser belongs to: seen, and changed by an operator; the first report under a free one binds it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, delete, insert, select, text

from service.books.books import Books
from service.errors import AdminError
from service.identity import trail
from service.store.clock import from_us, to_us
from service.store.database import Database, telling_faults
from service.store.naming import require_name
from service.store.schema import dispenser_lanes, dispensers, fuellings, stations

BIND, RELEASE = "bind_dispenser", "release_dispenser"
"""Actions in the trail, with the lanes that the dispenser has afterwards as a JSON list."""

_UNLESS_THERE = """
insert into dispensers (station, id, last_sequence, totaliser_ml) values (:station, :dispenser, 0, 0)
on conflict do nothing
"""


@dataclass(frozen=True, slots=True)
class BoundDispenser:
    """lanes: that may report under it, none where the next report decides. by_operator: not by its first report."""

    station: str
    dispenser: str
    lanes: tuple[str, ...]
    bound_at: datetime | None
    by_operator: bool
    last_sequence: int
    last_lane: str | None


class Dispensers:
    """What an operator, `actor`, may see and change. Raises AdminError."""

    def __init__(self, books: Books, actor: str) -> None:
        self._books = books
        self._actor = actor

    def list(self, station: str | None = None) -> list[BoundDispenser]:
        """Those that have fuelled or were bound, of one station or all."""
        return bound_dispensers(self._books.database, station)

    def bind(self, station: str, dispenser: str, lane: str, *, also: bool = False) -> tuple[str, ...]:
        """Let this lane alone report under the dispenser, or also this one; returns the lanes it belonged to before."""
        require_name(dispenser, "dispenser")
        require_name(lane, "lane")
        self._make_known(station, dispenser)
        with telling_faults(), self._books.database.writing() as connection:
            last_sequence, before = self._locked(connection, station, dispenser)
            after = sorted({*before, lane}) if also else [lane]
            if tuple(after) != before:
                self._change(connection, BIND, (station, dispenser), before, after, last_sequence)
        return before

    def reserve(self, station: str, dispenser: str, lane: str) -> None:
        """Bind a free dispenser, so that no other lane can be the first to report under it. Moves none."""
        require_name(dispenser, "dispenser")
        self._make_known(station, dispenser)
        with telling_faults(), self._books.database.writing() as connection:
            last_sequence, before = self._locked(connection, station, dispenser)
            if before and lane not in before:
                lanes = ", ".join(before)
                raise AdminError(f"dispenser {dispenser} belongs to lane {lanes}; `dispenser bind` moves it")
            if not before:
                self._change(connection, BIND, (station, dispenser), before, [lane], last_sequence)

    def release(self, station: str, dispenser: str, lane: str) -> tuple[str, ...]:
        """Take a dispenser from a lane; of none, it is the next lane's that reports. Returns the lanes it has left."""
        with telling_faults(), self._books.database.writing() as connection:
            last_sequence, before = self._locked(connection, station, dispenser)
            if lane not in before:
                raise AdminError(f"dispenser {dispenser} of station {station} does not belong to lane {lane}")
            after = [other for other in before if other != lane]
            self._change(connection, RELEASE, (station, dispenser), before, after, last_sequence)
        return tuple(after)

    def _make_known(self, station: str, dispenser: str) -> None:
        """Add the dispenser's row unless it is there, in a transaction of its own.

        A report that is the dispenser's first adds row and lane in whatever order PostgreSQL takes them; were the row
        added with the lane here, too, each could wait for the other's.
        """
        with telling_faults(), self._books.database.writing() as connection:
            if connection.execute(select(stations.c.id).where(stations.c.id == station)).first() is None:
                raise AdminError(f"no station {station}; `station set` makes one")
            mine = dispensers.c.station == station, dispensers.c.id == dispenser
            if connection.execute(select(dispensers.c.id).where(*mine)).first() is None:
                connection.execute(text(_UNLESS_THERE), {"station": station, "dispenser": dispenser})

    def _locked(self, connection: Connection, station: str, dispenser: str) -> tuple[int, tuple[str, ...]]:
        """Its highest sequence and its lanes, with the lock that reports take too; 0 and none where it is not known."""
        mine = dispensers.c.station == station, dispensers.c.id == dispenser
        found = select(dispensers.c.last_sequence).where(*mine).with_for_update(key_share=True)
        last_sequence = connection.execute(found).scalar_one_or_none() or 0
        bound = dispenser_lanes.c
        lanes = connection.execute(select(bound.lane).where(bound.station == station, bound.dispenser == dispenser))
        return last_sequence, tuple(sorted(lanes.scalars()))

    def _change(
        self,
        connection: Connection,
        action: str,
        named: tuple[str, str],
        before: Iterable[str],
        after: Sequence[str],
        last_sequence: int,
    ) -> None:
        """The lanes from this sequence on, with their line in the trail. named: station and dispenser."""
        station, dispenser = named
        bound, now = dispenser_lanes.c, self._books.clock.now()
        connection.execute(delete(dispenser_lanes).where(bound.station == station, bound.dispenser == dispenser))
        same = {"station": station, "dispenser": dispenser, "after_sequence": last_sequence, "bound_us": to_us(now)}
        if after:
            connection.execute(insert(dispenser_lanes), [same | {"lane": lane} for lane in after])
        detail = {"station": station, "lanes": _words(after), "from": _words(before)}
        trail.note(connection, trail.TrailEntry(now, self._actor, action, dispenser, detail))


def _words(lanes: Iterable[str]) -> str:
    return json.dumps(list(lanes), ensure_ascii=False)


def bound_dispensers(database: Database, station: str | None = None) -> list[BoundDispenser]:
    """Those that have fuelled or were bound, with their lanes, of one station or all."""
    named = select(dispensers.c.station, dispensers.c.id, dispensers.c.last_sequence, fuellings.c.lane)
    named = named.select_from(dispensers.outerjoin(fuellings, _NEWEST)).order_by(dispensers.c.station, dispensers.c.id)
    lanes: Select[tuple[str, ...]] = select(dispenser_lanes).order_by(dispenser_lanes.c.lane)
    if station is not None:
        named = named.where(dispensers.c.station == station)
    with telling_faults(), database.reading() as connection:
        bound: dict[tuple[str, str], list[tuple[str, int, bool]]] = {}
        for row in connection.execute(lanes):
            found = bound.setdefault((row.station, row.dispenser), [])
            found.append((row.lane, row.bound_us, row.fuelling is None))
        return [_listed(*row, bound.get((row.station, row.id), [])) for row in connection.execute(named)]


_NEWEST = (
    (fuellings.c.station == dispensers.c.station)
    & (fuellings.c.dispenser == dispensers.c.id)
    & (fuellings.c.sequence == dispensers.c.last_sequence)
)


def _listed(
    station: str, name: str, last_sequence: int, last_lane: str | None, bound: list[tuple[str, int, bool]]
) -> BoundDispenser:
    return BoundDispenser(
        station=station,
        dispenser=name,
        lanes=tuple(lane for lane, _, _ in bound),
        bound_at=from_us(max(at_us for _, at_us, _ in bound)) if bound else None,
        by_operator=any(by_operator for _, _, by_operator in bound),
        last_sequence=last_sequence,
        last_lane=last_lane,
    )
