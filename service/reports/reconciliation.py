"""A station's day: what was fuelled, what was posted for it, and what the dispensers' totalisers say to both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping, func, select

from service.books.records import State, TransferPhase
from service.errors import AdminError
from service.reports.gaps import ExplainedGap, explained_gaps, is_explained
from service.reports.statement import flagged
from service.reports.suspense import waiting_fen
from service.reports.zones import YEARS
from service.store import schema
from service.store.clock import to_us
from service.store.database import Database, telling_faults
from service.store.zones import zone_named
from wire.money import format_yuan


@dataclass(frozen=True, slots=True)
class ProductTotal:
    product: str
    fuellings: int
    volume_ml: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class DispenserTotal:
    """unreported_ml: what its totaliser moved between first and last fuelling without being reported.

    Missing sequences and unreported_ml are without what an operator has explained, which stands beside them.
    """

    dispenser: str
    first_sequence: int
    last_sequence: int
    missing_sequences: int
    totaliser_before_ml: int
    totaliser_after_ml: int
    volume_ml: int
    unreported_ml: int
    explained_sequences: int
    explained_ml: int


@dataclass(frozen=True, slots=True)
class _Jump:
    """Between two fuellings of a dispenser that were reported one after the other."""

    sequences: int
    moved_ml: int
    explained: bool


@dataclass(frozen=True, slots=True)
class Oddity:
    """A fuelling that carries flags."""

    dispenser: str
    sequence: int
    plate: str | None
    amount_fen: int
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """One station's day in its own time zone. difference_fen is 0 when every fuelling was posted in full.

    unclaimed_fen: of that, what still waits in suspense; what phones paid, what was claimed or written off does not.
    """

    station: str
    day: str
    zone: str
    products: tuple[ProductTotal, ...]
    dispensers: tuple[DispenserTotal, ...]
    reported_fen: int
    posted_fen: int
    difference_fen: int
    captured_fen: int
    overrun_fen: int
    unclaimed_fen: int
    oddities: tuple[Oddity, ...]
    rejected: int
    open_holds: int
    open_holds_fen: int

    @property
    def balanced(self) -> bool:
        """Nothing is missing: all posted, no gap without an explanation, nothing refused."""
        return not self.troubles

    @property
    def troubles(self) -> tuple[str, ...]:
        """Why the day is not balanced, each with what to do."""
        return tuple(_troubles(self))


def _troubles(day: Day) -> Iterator[str]:
    if day.difference_fen:
        yield (
            f"the fuellings' postings are {format_yuan(day.difference_fen)} yuan off what was reported: "
            "greenlane admin audit names the fuelling"
        )
    for d in day.dispensers:
        if d.missing_sequences:
            yield (
                f"{d.dispenser}: {d.missing_sequences} of the numbers {d.first_sequence} to {d.last_sequence} were "
                "never reported: on its lane unit see greenlane outbox list and greenlane doctor; "
                "what is lost for good: greenlane admin explain-gap"
            )
        if d.unreported_ml:
            yield (
                f"{d.dispenser}: its totaliser moved {d.unreported_ml / 1000:.3f} L that no fuelling accounts for: "
                "compare with the pump's own record, then greenlane admin explain-gap DISPENSER SEQUENCE, "
                "with the number of the first fuelling after it"
            )
    if day.rejected:
        yield (
            f"{day.rejected} reports were refused for good: greenlane admin rejected --station {day.station} "
            "tells why; after correcting the cause, send them again on the lane unit: greenlane outbox retry ID"
        )


def reconcile(database: Database, station: str, day: date | datetime) -> Day:
    """The figures of a day of the station, or of the one that an instant falls in.

    A fuelling belongs to the day in which it ended. Raises AdminError for an unknown station.
    """
    if day.year not in YEARS:
        raise AdminError(f"the year {day.year}: write one from {YEARS[0]} to {YEARS[-1]}")
    with telling_faults(), database.reading() as connection:
        row = connection.execute(select(schema.stations).where(schema.stations.c.id == station)).mappings().first()
        if row is None:
            raise AdminError(f"no station {station}")
        local = day.astimezone(zone_named(row["zone"])).date() if isinstance(day, datetime) else day
        return _day(connection, row, local)


def _day(connection: Connection, station: RowMapping, day: date) -> Day:
    begin_us, end_us = _bounds(day, zone_named(station["zone"]))
    table = schema.fuellings
    rows = (
        connection.execute(
            select(table)
            .where(table.c.station == station["id"], table.c.ended_us >= begin_us, table.c.ended_us < end_us)
            .order_by(table.c.dispenser, table.c.sequence)
        )
        .mappings()
        .all()
    )
    given = explained_gaps(connection)
    reported_fen = sum(row["amount_fen"] for row in rows)
    posted_fen = _posted_fen(connection, station, begin_us, end_us)
    holds = _open_holds(connection, station["id"])
    return Day(
        station=station["id"],
        day=day.isoformat(),
        zone=station["zone"],
        products=tuple(_product(name, rows) for name in sorted({row["product"] for row in rows})),
        dispensers=tuple(_dispenser(name, rows, given) for name in sorted({row["dispenser"] for row in rows})),
        reported_fen=reported_fen,
        posted_fen=posted_fen,
        difference_fen=posted_fen - reported_fen,
        captured_fen=sum(row["captured_fen"] for row in rows),
        overrun_fen=sum(row["overrun_fen"] for row in rows),
        unclaimed_fen=waiting_fen(connection, station["id"], begin_us, end_us),
        oddities=tuple(_oddity(row) for row in rows if flagged(row)),
        rejected=_rejected(connection, station["id"], begin_us, end_us),
        open_holds=holds[0],
        open_holds_fen=holds[1],
    )


def _bounds(day: date, zone: ZoneInfo) -> tuple[int, int]:
    begin = datetime.combine(day, time(), zone)
    end = datetime.combine(day + timedelta(days=1), time(), zone)
    return to_us(begin), to_us(end)


def _posted_fen(connection: Connection, station: RowMapping, begin_us: int, end_us: int) -> int:
    """What reached the station's revenue for the day's fuellings, whenever it was posted."""
    transfers, fuellings = schema.transfers, schema.fuellings
    query = (
        select(func.coalesce(func.sum(transfers.c.amount_fen), 0))
        .select_from(transfers.join(fuellings))
        .where(fuellings.c.station == station["id"], fuellings.c.ended_us >= begin_us, fuellings.c.ended_us < end_us)
        .where(transfers.c.phase.in_([TransferPhase.SINGLE.value, TransferPhase.POST.value]))
        .where(transfers.c.credit_account == station["revenue_account"])
    )
    return int(connection.execute(query).scalar_one())


def _open_holds(connection: Connection, station: str) -> tuple[int, int]:
    table = schema.authorisations
    query = select(func.count(), func.coalesce(func.sum(table.c.limit_fen), 0)).where(
        table.c.station == station, table.c.state == State.OPEN.value
    )
    count, held_fen = connection.execute(query).one()
    return int(count), int(held_fen)


def _rejected(connection: Connection, station: str, begin_us: int, end_us: int) -> int:
    table = schema.rejected_messages
    query = select(func.count()).where(table.c.station == station, table.c.at_us >= begin_us, table.c.at_us < end_us)
    return int(connection.execute(query).scalar_one())


def _product(name: str, rows: Sequence[RowMapping]) -> ProductTotal:
    own = [row for row in rows if row["product"] == name]
    return ProductTotal(name, len(own), sum(r["volume_ml"] for r in own), sum(r["amount_fen"] for r in own))


def _dispenser(name: str, rows: Sequence[RowMapping], given: Sequence[ExplainedGap]) -> DispenserTotal:
    own = [row for row in rows if row["dispenser"] == name]
    first, last = own[0], own[-1]
    jumps = [_jump(before, after, given) for before, after in pairwise(own)]
    return DispenserTotal(
        dispenser=name,
        first_sequence=first["sequence"],
        last_sequence=last["sequence"],
        missing_sequences=sum(jump.sequences for jump in jumps if not jump.explained),
        totaliser_before_ml=first["totaliser_before_ml"],
        totaliser_after_ml=last["totaliser_after_ml"],
        volume_ml=sum(r["volume_ml"] for r in own),
        unreported_ml=sum(jump.moved_ml for jump in jumps if not jump.explained),
        explained_sequences=sum(jump.sequences for jump in jumps if jump.explained),
        explained_ml=sum(jump.moved_ml for jump in jumps if jump.explained),
    )


def _jump(before: RowMapping, after: RowMapping, given: Sequence[ExplainedGap]) -> _Jump:
    return _Jump(
        after["sequence"] - before["sequence"] - 1,
        after["totaliser_before_ml"] - before["totaliser_after_ml"],
        is_explained(given, after["station"], after["dispenser"], after["sequence"], after["received_us"]),
    )


def _oddity(row: RowMapping) -> Oddity:
    return Oddity(row["dispenser"], row["sequence"], row["plate"], row["amount_fen"], tuple(flagged(row)))
