"""A person's till: the shift that is open, and money taken in and paid out in it, each form once.

What is sent is written down under the shift in the transaction that posts it: both are there, or neither. So a shift
counts every posting of its own, a form that comes twice posts once, and what was refused or lost leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select
from sqlalchemy.exc import IntegrityError

from service.books.books import Books
from service.books.decisions.person_charges import payment_key
from service.books.messages import Message, Refund, Refused, TopUp
from service.books.records import TransferKind
from service.counter.errors import BILL_PAID, FORM_USED, NO_SHIFT, CounterRefused, telling_why, too_little_free
from service.counter.tables import counter_entries, shifts
from service.errors import AdminError, ServiceError
from service.identity import trail
from service.payers.charging import Charging
from service.payers.wallets import COUNTER_FORM
from service.reports.statement import cards
from service.store import schema
from service.store.clock import from_us, to_us
from service.store.database import Database, telling_faults
from service.store.identity_tables import people
from service.store.payer_tables import charges

METHODS = ("cash", "scan", "bank")
CASH = "cash"
FORM = COUNTER_FORM
Beside = Callable[[Connection], None]
"""What is written in the transaction of a posting."""


@dataclass(frozen=True, slots=True)
class CounterEntry:
    """One payment as it was sent. subject: the card, or the charge that is paid. posted: it stands in the ledger."""

    key: str
    shift: int
    at: datetime
    kind: str
    subject: str
    amount_fen: int
    method: str
    note: str
    cashier: str
    station: str
    posted: bool


@dataclass(frozen=True, slots=True)
class OpenShift:
    """The shift in which a person works now."""

    id: int
    station: str
    cashier: str
    opened_at: datetime
    float_fen: int


@dataclass(frozen=True, slots=True)
class Payment:
    """What a form asks for."""

    key: str
    kind: TransferKind
    subject: str
    amount_fen: int
    method: str
    note: str = ""


class _PostedBefore(ServiceError):
    """The same form came before; nothing is left to do."""


class Till:
    """Of one person at one station. Raises CounterRefused with nothing posted."""

    def __init__(self, books: Books, person: str, station: str) -> None:
        self._books = books
        self._database = books.database
        self._person = person
        self._station = station

    def open_shift(self, float_fen: int) -> None:
        """Begin a shift with so much cash in the drawer; again, nothing changes."""
        now_us = to_us(self._books.clock.now())
        with telling_faults(), self._database.writing() as connection:
            lock_person(connection, self._person)
            if _open_row(connection, self._person) is None:
                connection.execute(
                    shifts.insert().values(
                        id=self._books.ids.next(now_us),
                        station=self._station,
                        cashier=self._person,
                        opened_us=now_us,
                        float_fen=float_fen,
                        note="",
                    )
                )
                detail = {"station": self._station, "float": str(float_fen)}
                deed = trail.TrailEntry(
                    self._books.clock.now(), f"person:{self._person}", "shift.open", self._person, detail
                )
                trail.note(connection, deed)

    def shift(self) -> OpenShift | None:
        """The person's open shift, at whatever station."""
        with telling_faults(), self._database.reading() as connection:
            row = _open_row(connection, self._person)
        return None if row is None else _shift(row)

    def entries(self) -> list[CounterEntry]:
        """What was posted in the open shift at this station, the newest first."""
        with telling_faults(), self._database.reading() as connection:
            row = _open_row(connection, self._person)
            found = [] if row is None or row.station != self._station else entries_of_shift(connection, row.id)
        return [entry for entry in reversed(found) if entry.posted]

    def top_up(self, key: str, card: str, amount_fen: int, method: str, note: str = "") -> None:
        """Money comes in for a card. key: the form's own; the same form twice tops up once."""
        self.pay(Payment(key, TransferKind.TOP_UP, card, amount_fen, method, note))

    def refund(self, key: str, card: str, amount_fen: int, method: str, note: str = "") -> None:
        """Money goes out, at most what is free."""
        self.pay(Payment(key, TransferKind.REFUND, card, amount_fen, method, note))

    def settle(self, charge: str, method: str) -> str:
        """A charge that a phone has not paid is paid here; returns the key of its receipt."""
        with telling_faults(), self._database.reading() as connection:
            mine = charges.c.id == charge, charges.c.station == self._station
            amount_fen = connection.execute(select(charges.c.amount_fen).where(*mine)).scalar()
        if amount_fen is None:
            raise CounterRefused(f"本站没有账单 {charge}。", f"There is no bill {charge} at this station.")
        payment = Payment(payment_key(charge), TransferKind.CASH, charge, amount_fen, method)
        self.pay(payment)
        return payment.key

    def pay(self, payment: Payment, beside: Beside | None = None) -> None:
        """Post it under the open shift; a repeat of what is posted does nothing. beside: written with it or not."""
        if payment.kind is TransferKind.REFUND:
            self._require_free(payment)

        def first(connection: Connection) -> None:
            if beside is not None:
                beside(connection)
            self.enter(connection, payment)

        with suppress(_PostedBefore), telling_why():
            self._post(payment, first)

    def _post(self, payment: Payment, first: Beside) -> None:
        """As the command line does, with what goes first in the same transaction."""
        actor = f"person:{self._person}"
        if payment.kind is TransferKind.CASH:
            try:
                Charging(self._books).settle(payment.subject, actor, first)
            except IntegrityError as error:  # another till was faster by a moment
                raise CounterRefused(*BILL_PAID) from error
            return
        message = TopUp if payment.kind is TransferKind.TOP_UP else Refund
        sent = message(
            card=payment.subject, amount_fen=payment.amount_fen, key=payment.key, actor=actor, note=payment.note
        )
        if not posted(self._books, sent, first):
            raise CounterRefused(*FORM_USED)

    def enter(self, connection: Connection, payment: Payment) -> None:
        """Beside a posting: write it down under the open shift. Raises _PostedBefore where it stands there."""
        lock_person(connection, self._person)
        before = entry_of(connection, payment.key)
        if before is not None:
            self._require_same(before, payment)
            raise _PostedBefore
        shift = _open_row(connection, self._person, locks=True)
        if shift is None or shift.station != self._station:
            raise CounterRefused(*NO_SHIFT, back="/counter/shift")
        connection.execute(
            counter_entries.insert().values(
                key=payment.key,
                shift=shift.id,
                at_us=to_us(self._books.clock.now()),
                kind=payment.kind.value,
                subject=payment.subject,
                amount_fen=payment.amount_fen,
                method=payment.method,
                note=payment.note,
            )
        )

    def _require_same(self, before: CounterEntry, payment: Payment) -> None:
        kept = (before.kind, before.subject, before.amount_fen, before.method, before.note)
        sent = (payment.kind.value, payment.subject, payment.amount_fen, payment.method, payment.note)
        is_mine = (before.cashier, before.station) == (self._person, self._station)
        if kept != sent or not is_mine or not before.posted:
            raise CounterRefused(*(BILL_PAID if payment.kind is TransferKind.CASH else FORM_USED))

    def _require_free(self, payment: Payment) -> None:
        with telling_faults(), self._database.reading() as connection:
            if (before := entry_of(connection, payment.key)) is not None and before.posted:
                return
        with telling_why():
            card = cards(self._database, payment.subject)[0]
        if card.available_fen < payment.amount_fen:
            raise too_little_free(card.card, card.available_fen, payment.amount_fen)


def posted(books: Books, message: Message, beside: Beside) -> bool:
    """Whether it is posted now, with what is beside it; False: its key was before. Raises AdminError."""
    answer = books.carry_out_beside(message, beside)
    if isinstance(answer, Refused):
        raise AdminError(answer.detail)
    return not getattr(answer, "repeated", False)


def entry_of(connection: Connection, key: str) -> CounterEntry | None:
    """One entry of the counter, with whether it is posted."""
    row = connection.execute(_entries().where(counter_entries.c.key == key)).first()
    return None if row is None else _entry(row)


def entries_of_shift(connection: Connection, shift: int) -> list[CounterEntry]:
    """All of a shift, oldest first."""
    query = _entries().where(counter_entries.c.shift == shift).order_by(counter_entries.c.at_us)
    return [_entry(row) for row in connection.execute(query)]


def find_entry(database: Database, key: str) -> CounterEntry | None:
    with telling_faults(), database.reading() as connection:
        return entry_of(connection, key)


def _entries() -> Any:
    entries, moved = counter_entries, schema.transfers
    posted = (moved.c.key == entries.c.key) & (moved.c.kind == entries.c.kind)
    joined = entries.join(shifts, shifts.c.id == entries.c.shift).outerjoin(moved, posted)
    return select(entries, shifts.c.cashier, shifts.c.station, moved.c.id.label("transfer")).select_from(joined)


def _entry(row: Row[Any]) -> CounterEntry:
    return CounterEntry(
        row.key,
        row.shift,
        from_us(row.at_us),
        row.kind,
        row.subject,
        row.amount_fen,
        row.method,
        row.note,
        row.cashier,
        row.station,
        row.transfer is not None,
    )


def lock_person(connection: Connection, person: str) -> None:
    """What one person sends twice at the same moment is looked at one after another."""
    connection.execute(select(people.c.name).where(people.c.name == person).with_for_update(key_share=True))


def _open_row(connection: Connection, person: str, locks: bool = False) -> Row[Any] | None:
    query = select(shifts).where(shifts.c.cashier == person, shifts.c.closed_us.is_(None))
    return connection.execute(query.with_for_update() if locks else query).first()


def _shift(row: Row[Any]) -> OpenShift:
    return OpenShift(row.id, row.station, row.cashier, from_us(row.opened_us), row.float_fen)
