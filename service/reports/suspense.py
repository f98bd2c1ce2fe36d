"""Fuel that nobody was charged for yet: what waits for an operator, fuelling by fuelling."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, Select, exists, select, text

from service.books.records import TransferKind
from service.reports.statement import flagged
from service.store import schema
from service.store.clock import from_us
from service.store.database import Database, telling_faults

RESOLVING = (TransferKind.CLAIM.value, TransferKind.WRITE_OFF.value)
"""What ends a fuelling's time in suspense."""


@dataclass(frozen=True, slots=True)
class SuspendedFuelling:
    """A fuelling of which suspended_fen waits; card: who was charged for the rest of amount_fen."""

    station: str
    dispenser: str
    sequence: int
    lane: str
    ended_at: datetime
    plate: str | None
    card: str | None
    amount_fen: int
    suspended_fen: int
    flags: tuple[str, ...]


def suspended(database: Database, station: str | None = None) -> list[SuspendedFuelling]:
    """All that waits, the oldest first."""
    with telling_faults(), database.reading() as connection:
        return [_record(row) for row in connection.execute(_query(station)).mappings()]


def waiting_fen(connection: Connection, station: str, begin_us: int, end_us: int) -> int:
    """What still waits of the fuellings that ended in that time, from begin_us inclusive to end_us exclusive."""
    ended = schema.fuellings.c.ended_us
    rows = connection.execute(_query(station).where(ended >= begin_us, ended < end_us)).mappings()
    return sum(int(row["suspended_fen"]) for row in rows)


def _query(station: str | None) -> Select[tuple[object, ...]]:
    fuelled, moved = schema.fuellings, schema.transfers.c
    resolved = exists().where(moved.fuelling_id == fuelled.c.id, moved.kind.in_(RESOLVING))
    query = select(fuelled).where(text("suspended_fen > 0"), ~resolved).order_by(fuelled.c.id)
    return query if station is None else query.where(fuelled.c.station == station)


def _record(row: RowMapping) -> SuspendedFuelling:
    return SuspendedFuelling(
        station=row["station"],
        dispenser=row["dispenser"],
        sequence=row["sequence"],
        lane=row["lane"],
        ended_at=from_us(row["ended_us"]),
        plate=row["plate"],
        card=row["card"],
        amount_fen=row["amount_fen"],
        suspended_fen=row["suspended_fen"],
        flags=tuple(flagged(row)),
    )
