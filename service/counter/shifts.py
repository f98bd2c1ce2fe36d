"""Closing a shift: the counted cash against what was taken in and paid out, and the difference in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from service.books.books import Books
from service.books.records import TransferKind
from service.counter.errors import NO_SHIFT, CounterRefused
from service.counter.tables import shifts
from service.counter.till import CASH, CounterEntry, entries_of_shift
from service.identity import trail
from service.payers import wallets
from service.store.clock import from_us, to_us
from service.store.database import Database, telling_faults

PAID_OUT = (TransferKind.REFUND, TransferKind.PAY_BACK)
OVER_SHORT = 3
"""The company's account of cash over or short; made with the counter's tables."""


@dataclass(frozen=True, slots=True)
class Taking:
    """What came in (out: refunds, of bills too) of one kind by one method in a shift."""

    kind: str
    method: str
    count: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class ShiftReport:
    """A shift with its figures; expected, counted and difference are None while it is open."""

    id: int
    station: str
    cashier: str
    opened_at: datetime
    closed_at: datetime | None
    float_fen: int
    expected_fen: int | None
    counted_fen: int | None
    difference_fen: int | None
    takings: tuple[Taking, ...]
    note: str


def reports(
    database: Database, station: str | None = None, *, cashier: str | None = None, last: int = 50
) -> list[ShiftReport]:
    """The newest shifts first."""
    query = select(shifts).order_by(shifts.c.id.desc()).limit(last)
    for column, value in ((shifts.c.station, station), (shifts.c.cashier, cashier)):
        if value is not None:
            query = query.where(column == value)
    with telling_faults(), database.reading() as connection:
        return [_report(row, entries_of_shift(connection, row.id)) for row in connection.execute(query).all()]


def open_shifts(database: Database, station: str) -> list[str]:
    """Who has a shift open at a station."""
    mine = shifts.c.station == station, shifts.c.closed_us.is_(None)
    with telling_faults(), database.reading() as connection:
        return list(connection.execute(select(shifts.c.cashier).where(*mine).order_by(shifts.c.cashier)).scalars())


def close(books: Books, person: str, counted_fen: int, note: str = "", *, by: str, station: str) -> int:
    """End the person's open shift at this station; its number. Raises CounterRefused where none is open there.

    by: who counted, the person or, for one who has left, an operator; the trail and the difference bear that name.

    The lock on the shift's row keeps further entries out, and waits for one that is being posted.
    """
    now = books.clock.now()
    mine = shifts.c.cashier == person, shifts.c.station == station, shifts.c.closed_us.is_(None)
    with telling_faults(), books.database.writing() as connection:
        row = connection.execute(select(shifts).where(*mine).with_for_update()).first()
        if row is None:
            raise CounterRefused(*NO_SHIFT, back="/counter/shift")
        expected_fen = row.float_fen + cash_fen(entries_of_shift(connection, row.id))
        _post_difference(books, connection, row, counted_fen - expected_fen, by)
        closed = {"closed_us": to_us(now), "expected_fen": expected_fen, "counted_fen": counted_fen, "note": note}
        connection.execute(update(shifts).where(shifts.c.id == row.id).values(**closed))
        detail = {"counted": str(counted_fen), "expected": str(expected_fen), "station": row.station}
        trail.note(connection, trail.TrailEntry(now, f"person:{by}", "shift.close", row.cashier, detail))
    return int(row.id)


def _post_difference(books: Books, connection: Connection, row: Row[Any], difference_fen: int, by: str) -> None:
    if difference_fen == 0:
        return
    sides = (wallets.CLEARING, OVER_SHORT) if difference_fen > 0 else (OVER_SHORT, wallets.CLEARING)
    posting = wallets.Posting(
        TransferKind.OVER_SHORT,
        *sides,
        abs(difference_fen),
        f"shift {row.id}",
        f"person:{by}",
        f"{row.station} {row.cashier}",
    )
    wallets.post(connection, posting, books.ids, to_us(books.clock.now()))


def cash_fen(entries: Sequence[CounterEntry]) -> int:
    """What posted entries brought into the drawer, refunds taken off."""
    return sum(
        -entry.amount_fen if entry.kind in PAID_OUT else entry.amount_fen
        for entry in entries
        if entry.posted and entry.method == CASH
    )


def _report(row: Row[Any], entries: Sequence[CounterEntry]) -> ShiftReport:
    posted = [entry for entry in entries if entry.posted]
    kinds = sorted({(entry.kind, entry.method) for entry in posted})
    own = {name: [e.amount_fen for e in posted if (e.kind, e.method) == name] for name in kinds}
    return ShiftReport(
        id=row.id,
        station=row.station,
        cashier=row.cashier,
        opened_at=from_us(row.opened_us),
        closed_at=None if row.closed_us is None else from_us(row.closed_us),
        float_fen=row.float_fen,
        expected_fen=row.expected_fen,
        counted_fen=row.counted_fen,
        difference_fen=None if row.counted_fen is None else row.counted_fen - row.expected_fen,
        takings=tuple(Taking(*name, len(fens), sum(fens)) for name, fens in own.items()),
        note=row.note,
    )
