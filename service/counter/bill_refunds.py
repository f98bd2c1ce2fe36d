"""Giving a fuelling's money back at the counter: who was charged what of it, and the cash of it out of the drawer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, case, select

from service.books.books import Books
from service.books.records import TransferKind
from service.counter.errors import telling_why
from service.counter.till import Beside, Payment, Till
from service.counter.views import MOST_BILLS
from service.identity import trail
from service.payers.refunds import BesideRefund, PayerRefund, Refunds, Share, shares_of, until
from service.store import schema
from service.store.clock import from_us
from service.store.database import Database, telling_faults
from service.store.payer_tables import charges, persons
from wire.payers import ChargeState
from wire.plates import normalise

BILL_BACK = "charge_refund"
"""What the trail calls a bill that was given back at the counter."""


@dataclass(frozen=True, slots=True)
class PaidShare:
    """What one payer was charged of a fuelling. bill: None for a card's share; name: the card, or the person."""

    bill: str | None
    name: str
    charged_fen: int
    back_fen: int
    state: ChargeState | None


@dataclass(frozen=True, slots=True)
class FuellingBill:
    """A bill with its whole fuelling. proposed_fen: this bill whole, and before it what was charged after it.

    visit: by which the station's page has its picture; None where no lane reported one.
    """

    id: str
    visit: str | None
    at: datetime
    plate: str | None
    amount_fen: int
    volume_ml: int
    left_fen: int
    proposed_fen: int
    shares: tuple[PaidShare, ...]

    @property
    def disputed(self) -> tuple[str, ...]:
        """Those bills of the fuelling that are disputed."""
        return tuple(one.bill for one in self.shares if one.bill and one.state is ChargeState.DISPUTED)

    @property
    def is_disputed(self) -> bool:
        return self.id in self.disputed


@dataclass(frozen=True, slots=True)
class ListedBill:
    id: str
    at: datetime
    plate: str | None
    person: str
    amount_fen: int
    refunded_fen: int
    state: ChargeState


def bills_of(database: Database, station: str, plate: str = "") -> list[ListedBill]:
    """The bills of a station, of one plate where one is named: disputed ones first, then the newest."""
    c = charges.c
    query = select(charges, persons.c.name).join(persons, persons.c.id == c.person).where(c.station == station)
    waits_for_a_word = case((c.state == ChargeState.DISPUTED.value, 0), else_=1)
    if plate:
        query = query.where(c.plate == normalise(plate))
    with telling_faults(), database.reading() as connection:
        rows = connection.execute(query.order_by(waits_for_a_word, c.created_us.desc(), c.id).limit(MOST_BILLS)).all()
    return [_listed(row) for row in rows]


def fuelling_bill(database: Database, station: str, bill: str) -> FuellingBill | None:
    """None for what is not a bill of this station."""
    fuelled = schema.fuellings.c
    query = (
        select(charges, fuelled.volume_ml, fuelled.ended_us, fuelled.amount_fen.label("fuelling_fen"))
        .join(schema.fuellings, fuelled.id == charges.c.fuelling)
        .where(charges.c.id == bill, charges.c.station == station)
    )
    with telling_faults(), database.reading() as connection:
        row = connection.execute(query).first()
        if row is None:
            return None
        shares = shares_of(connection, row.fuelling)
        names = {charge.id: charge.name for charge in connection.execute(_names(row.fuelling))}
    return FuellingBill(
        row.id,
        row.visit,
        from_us(row.ended_us),
        row.plate,
        row.fuelling_fen,
        row.volume_ml,
        sum(share.left_fen for share in shares),
        until(shares, bill),
        tuple(_share(share, names) for share in shares),
    )


class BillRefunds:
    """In one person's name, out of their till. Raises CounterRefused with nothing given back."""

    def __init__(self, books: Books, person: str, station: str) -> None:
        self._books = books
        self._person = person
        self._till = Till(books, person, station)

    def give_back(self, payment: Payment, first: Beside | None = None) -> tuple[PayerRefund, ...]:
        """As `greenlane admin charge refund` does. payment.subject: the bill; first: written with it, or not at all."""
        beside = _FromTheDrawer(self._books, self._person, self._till, payment, first)
        with telling_why():
            return Refunds(self._books).refund(
                payment.subject, f"person:{self._person}", payment.amount_fen, key=payment.key, beside=beside
            )

    def end_dispute(self, payment: Payment, first: Beside | None = None) -> None:
        """For the driver, as `greenlane admin charge resolve` does; payment and first as above."""
        beside = _FromTheDrawer(self._books, self._person, self._till, payment, first)
        self._resolve(payment.subject, payment.note, True, beside)

    def uphold(self, bill: str, why: str) -> None:
        """End a dispute for the station: what was paid stays paid, an open bill asks its payer again."""
        self._resolve(bill, why, False, _Upheld(self._books, self._person, bill, why))

    def _resolve(self, bill: str, why: str, for_driver: bool, beside: BesideRefund) -> None:
        actor = f"person:{self._person}"
        with telling_why():
            Refunds(self._books).resolve(bill, for_driver=for_driver, why=why, actor=actor, beside=beside)


@dataclass(frozen=True, slots=True)
class _Upheld:
    """Leaves a line in the trail."""

    books: Books
    person: str
    bill: str
    why: str

    def before(self, connection: Connection) -> None: ...

    def after(self, connection: Connection, backs: tuple[PayerRefund, ...]) -> None:
        deed = trail.TrailEntry(
            self.books.clock.now(), f"person:{self.person}", "charge_upheld", self.bill, {"note": self.why}
        )
        trail.note(connection, deed)


class _FromTheDrawer:
    """Enters under the open shift what goes back over the counter, and leaves a line in the trail."""

    def __init__(self, books: Books, person: str, till: Till, payment: Payment, first: Beside | None) -> None:
        self._books = books
        self._person = person
        self._till = till
        self._payment = payment
        self._first = first

    def before(self, connection: Connection) -> None:
        if self._first is not None:
            self._first(connection)

    def after(self, connection: Connection, backs: tuple[PayerRefund, ...]) -> None:
        sent = self._payment
        for back in backs:
            if back.cash is not None:
                paid_out = Payment(back.cash, TransferKind.PAY_BACK, back.id, back.amount_fen, sent.method, sent.note)
                self._till.enter(connection, paid_out)
        to_whom = {f"{back.kind} {back.id}": str(back.amount_fen) for back in backs}
        detail = {"fen": str(sent.amount_fen), "note": sent.note, "key": sent.key, **to_whom}
        actor = f"person:{self._person}"
        trail.note(connection, trail.TrailEntry(self._books.clock.now(), actor, BILL_BACK, sent.subject, detail))


def _names(fuelling: int) -> Any:
    query = select(charges.c.id, persons.c.name).join(persons, persons.c.id == charges.c.person)
    return query.where(charges.c.fuelling == fuelling)


def _listed(row: Row[Any]) -> ListedBill:
    state = ChargeState(row.state)
    return ListedBill(row.id, from_us(row.created_us), row.plate, row.name, row.amount_fen, row.refunded_fen, state)


def _share(share: Share, names: dict[str, str]) -> PaidShare:
    if share.charge is None:
        return PaidShare(None, share.name, share.charged_fen, share.back_fen, None)
    state = ChargeState(share.charge.state)
    return PaidShare(share.name, names[share.name], share.charged_fen, share.back_fen, state)
