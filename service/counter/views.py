"""What the counter shows of cards and plates: whose plate is this, what a receipt says, and a card's movements.

Cards are the company's, so every cashier may serve them; where and when a card refuelled at another station is not
for a person who sees one station alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select

from service.books.decisions.person_charges import UNPAID
from service.books.records import TransferPhase
from service.counter.till import CounterEntry
from service.reports.statement import Line, statement
from service.store import schema
from service.store.clock import from_us
from service.store.database import Database, telling_faults
from service.store.payer_tables import charges, persons
from service.store.zones import zone_named
from wire.plates import normalise

MOST_FOUND = 20
MOST_BILLS = 100
ELSEWHERE = ""
"""In place of a station that the reader may not see; of the time they see the day."""
SHORTEST = 2
"""So many characters a search needs, so that one does not list the customers."""


@dataclass(frozen=True, slots=True)
class PlateOrCard:
    """A plate with its card (None: phones pay), or a card alone (plate None)."""

    plate: str | None
    plate_state: str | None
    card: str | None
    name: str
    card_state: str | None


@dataclass(frozen=True, slots=True)
class StationFacts:
    """A station as its pages need it."""

    id: str
    title: str
    zone: ZoneInfo
    second_person_fen: int | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A posted payment. owner: whose card or charge; balance_fen: of a card, after this payment."""

    entry: CounterEntry
    at: datetime
    owner: str
    plates: tuple[str, ...]
    balance_fen: int | None


def station_facts(database: Database, name: str) -> StationFacts | None:
    with telling_faults(), database.reading() as connection:
        row = connection.execute(select(schema.stations).where(schema.stations.c.id == name)).first()
    if row is None:
        return None
    return StationFacts(row.id, row.name, zone_named(row.zone), row.second_person_fen)


def find(database: Database, text: str) -> list[PlateOrCard]:
    """Plates, cards and card holders that a search names, the exact ones alone where there are any."""
    text = text.strip()
    if len(text) < SHORTEST:
        return []
    plate, card = normalise(text), schema.cards.c
    own = schema.plates.c
    with telling_faults(), database.reading() as connection:
        for of_plates, of_cards in (
            (own.plate == plate, card.id == text),
            (
                own.plate.contains(plate, autoescape=True),
                or_(card.id.contains(text, autoescape=True), card.name.contains(text, autoescape=True)),
            ),
        ):
            joined = schema.plates.outerjoin(schema.cards)
            query = select(own.plate, own.state.label("plate_state"), own.card, card.name, card.state)
            plates = connection.execute(
                query.select_from(joined).where(of_plates).order_by(own.plate).limit(MOST_FOUND)
            )
            found = [PlateOrCard(r.plate, r.plate_state, r.card, r.name or "", r.state) for r in plates]
            rows = connection.execute(select(schema.cards).where(of_cards).order_by(card.id).limit(MOST_FOUND))
            named = {one.card for one in found}
            found += [PlateOrCard(None, None, r.id, r.name, r.state) for r in rows if r.id not in named]
            if found:
                return found[:MOST_FOUND]
    return []


def receipt(database: Database, entry: CounterEntry) -> Receipt | None:
    """None for what is not posted."""
    moved = schema.transfers.c
    with telling_faults(), database.reading() as connection:
        row = connection.execute(select(moved.id).where(moved.key == entry.key, moved.kind == entry.kind)).first()
        if row is None:
            return None
        card = connection.execute(select(schema.cards).where(schema.cards.c.id == entry.subject)).first()
        if entry.kind in ("cash_payment", "charge_refund") or card is None:
            joined = charges.join(persons, persons.c.id == charges.c.person)
            query = select(persons.c.name, charges.c.plate).select_from(joined).where(charges.c.id == entry.subject)
            who = connection.execute(query).first()
            plates = (who.plate,) if who is not None and who.plate else ()
            return Receipt(entry, entry.at, who.name if who is not None else "", plates, None)
        own = (card.account, card.receivable)
        known = moved.id <= row.id, moved.phase.in_([TransferPhase.SINGLE.value, TransferPhase.POST.value])
        sums = [
            connection.execute(
                select(func.coalesce(func.sum(moved.amount_fen), 0)).where(side.in_(own), *known)
            ).scalar_one()
            for side in (moved.credit_account, moved.debit_account)
        ]
        bound = connection.execute(select(schema.plates.c.plate).where(schema.plates.c.card == card.id)).scalars()
        return Receipt(entry, entry.at, card.name, tuple(sorted(bound)), int(sums[0]) - int(sums[1]))


@dataclass(frozen=True, slots=True)
class UnpaidBill:
    """A bill that somebody still has to pay, by phone or at the counter."""

    id: str
    at: datetime
    plate: str | None
    person: str
    amount_fen: int


def unpaid_bills(database: Database, station: str, plate: str = "") -> list[UnpaidBill]:
    """Those of this station, of one plate where one is named; the newest first."""
    c = charges.c
    query = (
        select(charges, persons.c.name)
        .select_from(charges.join(persons, persons.c.id == c.person))
        .where(c.station == station, c.state.in_([state.value for state in UNPAID]))
        .order_by(c.created_us.desc())
        .limit(MOST_BILLS)
    )
    if plate:
        query = query.where(c.plate == normalise(plate))
    with telling_faults(), database.reading() as connection:
        rows = connection.execute(query).all()
    return [UnpaidBill(r.id, from_us(r.created_us), r.plate, r.name, r.amount_fen) for r in rows]


def lines_for(
    database: Database, card: str, since: datetime | None, until: datetime | None, only: str | None
) -> list[Line]:
    """The card's statement as `greenlane admin statement` has it. only: the one station that the reader may see.

    Of fuellings elsewhere that reader sees the amount, so that the balance adds up, and nothing else.
    """
    lines = statement(database, card, since, until)
    if only is None:
        return lines
    return [line if line.station in (None, only) else _elsewhere(line) for line in lines]


def _elsewhere(line: Line) -> Line:
    return replace(
        line,
        station=ELSEWHERE,
        dispenser=None,
        sequence=None,
        plate=None,
        product=None,
        volume_ml=None,
        note=None,
        actor=None,
    )


def station_caps(database: Database, station: str) -> tuple[int, list[tuple[str, int]]]:
    """The station's offline cap of each card, and the cards that have a cap of their own."""
    card = schema.cards.c
    with telling_faults(), database.reading() as connection:
        own = select(schema.stations.c.offline_fen).where(schema.stations.c.id == station)
        rows = connection.execute(
            select(card.id, card.offline_fen).where(card.offline_fen.is_not(None)).order_by(card.id)
        )
        return int(connection.execute(own).scalar_one()), [(row.id, row.offline_fen) for row in rows]
