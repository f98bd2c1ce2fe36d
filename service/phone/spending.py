"""What a person has paid, by month and plate: sums alone, in the time of the station where the fuel flowed."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from sqlalchemy import Connection, and_, or_, select

from service.books.books import Books
from service.store.clock import from_us
from service.store.database import telling_faults
from service.store.payer_tables import charges, persons
from service.store.schema import fuellings, stations
from service.store.zones import HOME_ZONE, shown_zone
from wire.phone import PlateSpending, SpendingMonth

MONTHS = 12
Key = tuple[date, str]


def spending(books: Books, person: str, months: int = MONTHS) -> tuple[SpendingMonth, ...]:
    """The last months up to this one, the oldest first, those without fuel too; what was given back is taken off.

    This month is one that has begun at any station. A charge counts for who paid it: their wallet, or the counter where
    it was theirs.
    """
    now = books.clock.now()
    with telling_faults(), books.database.reading() as connection:
        sums = _sums(connection, person)
        zones = [shown_zone(name) for name in connection.execute(select(stations.c.zone).distinct()).scalars()]
    newest = _month(max(now.astimezone(zone).date() for zone in zones or [HOME_ZONE]))
    wanted = [_before(newest, number) for number in range(months - 1, -1, -1)]
    return tuple(SpendingMonth(month=f"{month:%Y-%m}", plates=_plates(sums, month)) for month in wanted)


def _sums(connection: Connection, person: str) -> dict[Key, tuple[int, int]]:
    """Fen and millilitres; of a fuelling that several charges pay the litres go by their share of its amount."""
    c = charges.c
    others = select(persons.c.id)
    mine = or_(c.paid_by == person, and_(c.person == person, c.paid_by.not_in(others)))
    query = (
        select(c.plate, c.amount_fen, c.refunded_fen, c.captured_us, stations.c.zone)
        .add_columns(fuellings.c.volume_ml, fuellings.c.amount_fen.label("fuelling_fen"))
        .join_from(charges, stations, stations.c.id == c.station)
        .join(fuellings, fuellings.c.id == c.fuelling)
        .where(c.paid_us.is_not(None), mine)
    )
    sums: dict[Key, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row in connection.execute(query):
        paid_fen = row.amount_fen - row.refunded_fen
        key = _month(from_us(row.captured_us).astimezone(shown_zone(row.zone)).date()), row.plate or ""
        fen, ml = sums[key]
        sums[key] = fen + paid_fen, ml + row.volume_ml * paid_fen // max(1, row.fuelling_fen)
    return sums


def _plates(sums: dict[Key, tuple[int, int]], month: date) -> tuple[PlateSpending, ...]:
    of_month = sorted((plate, found) for (when, plate), found in sums.items() if when == month and found[0])
    return tuple(PlateSpending(plate=plate, amount_fen=fen, volume_ml=ml) for plate, (fen, ml) in of_month)


def _month(day: date) -> date:
    return day.replace(day=1)


def _before(month: date, count: int) -> date:
    number = month.year * 12 + month.month - 1 - count
    return date(number // 12, number % 12 + 1, 1)
