"""A person's charges as their phones see them: the lasting inbox, whatever else tells of a charge."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, or_, select

from service.books.books import Books
from service.books.decisions.person_charges import UNPAID, ChargeEvent, after
from service.payers.charging import DISPUTE_WITHIN, Charging
from service.phone.access import NotYours
from service.store.clock import from_us
from service.store.database import telling_faults
from service.store.payer_tables import charges
from service.store.schema import fuellings, stations
from wire.payers import ChargeState, PhoneWord
from wire.phone import ChargeMessage

MOST_LISTED = 100
_FUELLING = (
    "lane",
    "dispenser",
    "started_us",
    "ended_us",
    "product",
    "volume_ml",
    "unit_price_fen_per_l",
    "totaliser_before_ml",
    "totaliser_after_ml",
)


class Inbox:
    """The charges of one person: theirs from the first, and those that ask them now."""

    def __init__(self, books: Books, person: str) -> None:
        self._books = books
        self._person = person

    def newest(self) -> tuple[ChargeMessage, ...]:
        """At most a hundred; with this the open ones among them have been sent to the phone."""
        rows = self._rows()
        unsent = [row for row in rows if row.state == ChargeState.CREATED and row.asked == self._person]
        for row in unsent:
            Charging(self._books).note(row.id, self._person, ChargeEvent.SEND)
        if unsent:
            rows = self._rows()
        return tuple(self._message(row) for row in rows)

    def one(self, charge: str, *, is_seen: bool = False) -> ChargeMessage:
        """One of them. is_seen: it is shown to the person now. Raises NotYours."""
        rows = self._rows(charge)
        if not rows:
            raise NotYours
        if is_seen and rows[0].asked == self._person and after(ChargeState(rows[0].state), ChargeEvent.SEE):
            Charging(self._books).note(charge, self._person, ChargeEvent.SEE)
            rows = self._rows(charge)
        if not rows:
            raise NotYours
        return self._message(rows[0])

    def visit(self, charge: str) -> tuple[str, str | None]:
        """Station and visit of one of them. Raises NotYours."""
        rows = self._rows(charge)
        if not rows:
            raise NotYours
        return rows[0].station, rows[0].visit

    def _rows(self, charge: str | None = None) -> list[Row[Any]]:
        of_fuelling = [fuellings.c[name] for name in _FUELLING]
        query = (
            select(
                charges, *of_fuelling, fuellings.c.amount_fen.label("fuelling_fen"), stations.c.name, stations.c.zone
            )
            .join_from(charges, fuellings, fuellings.c.id == charges.c.fuelling)
            .join(stations, stations.c.id == charges.c.station)
            .where(or_(charges.c.person == self._person, charges.c.asked == self._person))
            .order_by(charges.c.created_us.desc(), charges.c.id)
            .limit(MOST_LISTED)
        )
        if charge is not None:
            query = query.where(charges.c.id == charge)
        with telling_faults(), self._books.database.reading() as connection:
            return list(connection.execute(query).all())

    def _message(self, row: Row[Any]) -> ChargeMessage:
        return ChargeMessage(
            id=row.id,
            state=ChargeState(row.state),
            amount_fen=row.amount_fen,
            plate=row.plate,
            station=row.station,
            station_name=row.name,
            zone=row.zone,
            lane=row.lane,
            dispenser=row.dispenser,
            started_at=from_us(row.started_us),
            ended_at=from_us(row.ended_us),
            product=row.product,
            volume_ml=row.volume_ml,
            unit_price_fen_per_l=row.unit_price_fen_per_l,
            fuelling_fen=row.fuelling_fen,
            totaliser_before_ml=row.totaliser_before_ml,
            totaliser_after_ml=row.totaliser_after_ml,
            created_at=from_us(row.created_us),
            due_at=None if row.due_us is None else from_us(row.due_us),
            paid_at=None if row.paid_us is None else from_us(row.paid_us),
            refunded_fen=row.refunded_fen,
            period=row.period if row.person == self._person else None,
            escalated=row.person != self._person,
            by_mandate=row.mandate is not None and row.paid_us is not None,
            may=sayable(row, self._person, self._books.clock.now()),
        )


def sayable(row: Row[Any], person: str, now: datetime) -> tuple[PhoneWord, ...]:
    """What this person's phone can say about a charge as it stands."""
    state, found = ChargeState(row.state), []
    if state in UNPAID:
        found.append(PhoneWord.PAY)
    if row.asked == person and after(state, ChargeEvent.DECLINE) is not None:
        found.append(PhoneWord.DECLINE)
    is_in_time = now - from_us(row.created_us) <= DISPUTE_WITHIN
    if row.disputed_us is None and is_in_time and after(state, ChargeEvent.DISPUTE) is not None:
        found.append(PhoneWord.DISPUTE)
    return tuple(found)
