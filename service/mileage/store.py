"""Keeps odometer rows and positions: the same row twice adds nothing, another one for the same instant is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Table, insert, select

from service.books.books import Books
from service.identity.trail import TrailEntry, note
from service.mileage.csv_lines import Bad, Numbered
from service.mileage.datum import Datum
from service.mileage.readings import OdometerReading
from service.mileage.tracks import Position
from service.store.clock import US_PER_S, to_us
from service.store.database import telling_faults
from service.store.naming import require_plate
from service.store.vehicle_tables import odometer_rows, positions

_BATCH = 5_000
_AHEAD_US = 24 * 3_600 * US_PER_S
"""A clock may be off by hours; farther ahead is a day and a month in the wrong order."""
Kept = TypeVar("Kept", OdometerReading, Position)


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file's rows; bad ones were named one by one."""

    plate: str
    rows: int
    added: int
    repeated: int
    bad: int


@dataclass(frozen=True, slots=True)
class _Kind(Generic[Kept]):
    """A table, and how a row of it and a record become each other."""

    table: Table
    action: str
    values: Callable[[Kept], dict[str, Any]]
    record: Callable[[Any], Kept]


def reading_of(row: Any) -> OdometerReading:
    return OdometerReading(row.at_us, row.odometer_m, row.volume_ml, bool(row.is_full), row.total_fuel_ml)


def position_of(row: Any) -> Position:
    return Position(row.at_us, row.lat_e7, row.lon_e7, Datum(row.datum), row.odometer_m)


def _reading_values(reading: OdometerReading) -> dict[str, Any]:
    return {
        "at_us": reading.at_us,
        "odometer_m": reading.odometer_m,
        "volume_ml": reading.volume_ml,
        "is_full": reading.is_full,
        "total_fuel_ml": reading.total_fuel_ml,
    }


def _position_values(position: Position) -> dict[str, Any]:
    return {
        "at_us": position.at_us,
        "lat_e7": position.lat_e7,
        "lon_e7": position.lon_e7,
        "datum": position.datum.value,
        "odometer_m": position.odometer_m,
    }


_READINGS: _Kind[OdometerReading] = _Kind(odometer_rows, "odometer.import", _reading_values, reading_of)
_POSITIONS: _Kind[Position] = _Kind(positions, "track.import", _position_values, position_of)


class MileageStore:
    """What an operator, `actor`, may bring about a vehicle's ways. Raises AdminError with the reason."""

    def __init__(self, books: Books, actor: str) -> None:
        self._books = books
        self._actor = actor

    def take_readings(
        self, plate: str, rows: Iterable[Numbered[OdometerReading] | Bad], name_bad: Callable[[Bad], None]
    ) -> Imported:
        """Keep odometer rows; name_bad hears of each that is not kept."""
        return self._take(_READINGS, plate, rows, name_bad)

    def take_positions(
        self, plate: str, rows: Iterable[Numbered[Position] | Bad], name_bad: Callable[[Bad], None]
    ) -> Imported:
        """Keep positions; name_bad hears of each that is not kept."""
        return self._take(_POSITIONS, plate, rows, name_bad)

    def _take(
        self, kind: _Kind[Kept], plate: str, rows: Iterable[Numbered[Kept] | Bad], name_bad: Callable[[Bad], None]
    ) -> Imported:
        kept, counts = require_plate(plate), {"rows": 0, "added": 0, "repeated": 0, "bad": 0}
        for batch in _batches(rows):
            good = [found for found in batch if isinstance(found, Numbered)]
            bad = [found for found in batch if isinstance(found, Bad)]
            with telling_faults(), self._books.database.writing() as connection:
                new, clashes = self._sort(connection, kind, kept, good)
                if new:
                    connection.execute(insert(kind.table), [self._row(kind, kept, record) for record in new])
            bad += clashes
            for one in sorted(bad, key=lambda b: b.line):
                name_bad(one)
            counts["rows"] += len(batch)
            counts["added"] += len(new)
            counts["bad"] += len(bad)
        counts["repeated"] = counts["rows"] - counts["added"] - counts["bad"]
        with telling_faults(), self._books.database.writing() as connection:
            detail = {name: str(count) for name, count in counts.items()}
            note(connection, TrailEntry(self._books.clock.now(), self._actor, kind.action, kept, detail))
        return Imported(kept, **counts)

    def _row(self, kind: _Kind[Kept], plate: str, record: Kept) -> dict[str, Any]:
        row = {"plate": plate, **kind.values(record)}
        if kind.table is odometer_rows:
            row["added_us"] = to_us(self._books.clock.now())
        return row

    def _sort(
        self, connection: Connection, kind: _Kind[Kept], plate: str, good: list[Numbered[Kept]]
    ) -> tuple[list[Kept], list[Bad]]:
        """The records that are new, and those that lie ahead or for whose instant something else is kept."""
        known = _kept(connection, kind, plate, [found.row.at_us for found in good])
        latest_us = to_us(self._books.clock.now()) + _AHEAD_US
        new: list[Kept] = []
        clashes: list[Bad] = []
        for found in good:
            before = known.get(found.row.at_us)
            if found.row.at_us > latest_us:
                clashes.append(Bad(found.line, "at: it lies in the future: are day and month in order?"))
            elif before is None:
                known[found.row.at_us] = found.row
                new.append(found.row)
            elif before != found.row:
                clashes.append(Bad(found.line, "something else is kept for the same instant; the first one stays"))
        return new, clashes


def _kept(connection: Connection, kind: _Kind[Kept], plate: str, instants: list[int]) -> dict[int, Kept]:
    """What is kept for these instants; one by one, because the span of rows out of order holds all there are."""
    c = kind.table.c
    rows = connection.execute(select(kind.table).where(c.plate == plate, c.at_us.in_(instants)))
    return {row.at_us: kind.record(row) for row in rows}


def _batches(rows: Iterable[Numbered[Kept] | Bad]) -> Iterator[list[Numbered[Kept] | Bad]]:
    each = iter(rows)
    while batch := list(islice(each, _BATCH)):
        yield batch
