"""What people do about charges: phones pay, decline and dispute, operators settle; and whom an open one asks next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from service.books.books import Books
from service.books.decisions.person_charges import UNPAID, ChargeEvent, after, payment_key
from service.books.records import TransferKind
from service.errors import AdminError
from service.live.changes import count_change, person_topic
from service.payers import keys, wallets
from service.payers.escalation import Request, next_request
from service.payers.owner_agreement import AGREED, agreement_for
from service.payers.phones import require_person
from service.store import schema
from service.store.clock import from_us, to_us
from service.store.database import telling_faults
from service.store.ids import first_us_after
from service.store.payer_tables import charge_events, charges, persons, plate_payers
from service.store.payment_tables import payments
from wire.money import format_yuan
from wire.payers import PAYMENT_WORDS, ChargeState, PaymentText, PhoneWord, Signed

DISPUTE_WITHIN = timedelta(days=90)
BY_CASH = "cash"
_BY_TIME = (charges.c.created_us, charges.c.fuelling, charges.c.part)


@dataclass(frozen=True, slots=True)
class ListedCharge:
    """One charge for an operator's list; phone: the name of whose charge it is."""

    id: str
    visit: str | None
    plate: str | None
    phone: str
    amount_fen: int
    state: str
    at: datetime
    due: datetime | None
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class StepCause:
    """Who caused a step of a charge, and the signed message where it was a phone."""

    actor: str
    detail: str = ""
    key: str | None = None
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class LockedCharge:
    """A charge whose row, person's accounts and station's account are locked."""

    row: Row[Any]
    wallet: int
    owed: int
    revenue: int

    @property
    def state(self) -> ChargeState:
        return ChargeState(self.row.state)


class Charging:
    """Raises AdminError with the reason for what can't be done; with nothing half done."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._database = books.database

    def hear(self, signed: Signed) -> ChargeState:
        """What a phone has signed about one charge: pay, decline or dispute; the charge's state afterwards.

        Refuses another's phone, a revoked key, a stale or repeated message, and another amount than the charge's.
        """
        now = self._books.clock.now()
        with telling_faults(), self._database.writing() as connection:
            person, text = keys.judged(connection, PAYMENT_WORDS, signed, PaymentText)
            keys.require_fresh(text.at, now)
            step = charge_events.c  # a signature can be written otherwise by anybody, its text by nobody
            repeated = select(step.id).where(step.charge == text.charge, step.detail == signed.text)
            if connection.execute(repeated.where(step.key == signed.key_id)).first() is not None:
                raise keys.NotSigned("this message was heard before")
            locked = self._lock(connection, text.charge, person)
            if text.amount_fen != locked.row.amount_fen:
                raise keys.NotSigned(f"the charge is {format_yuan(locked.row.amount_fen)} yuan")
            cause = StepCause(f"phone {person}", signed.text, signed.key_id, signed.signature)
            if text.word is PhoneWord.PAY:
                return self._pay(connection, locked, person, cause)
            if text.word is PhoneWord.DECLINE:
                return self._decline(connection, locked, person, cause)
            return self._dispute(connection, locked, person, cause)

    def note(self, charge: str, person: str, event: ChargeEvent) -> None:
        """That a charge was sent to a phone or seen on it; what cannot happen any more is not a fault."""
        with telling_faults(), self._database.writing() as connection:
            locked = self._lock(connection, charge, person)
            if after(locked.state, event) is not None and event in (ChargeEvent.SEND, ChargeEvent.SEE):
                self._step(connection, locked, event, StepCause(f"phone {person}"))

    def settle(self, charge: str, actor: str, beside: Callable[[Connection], None] | None = None) -> ChargeState:
        """Cash at the counter pays a charge that is open. beside: written in the same transaction, or not at all."""
        with telling_faults(), self._database.writing() as connection:
            if beside is not None:
                beside(connection)
            locked = self._lock(connection, charge)
            self._require_payable(connection, locked)
            self._move(connection, locked, TransferKind.CASH, wallets.CLEARING, locked.owed, actor)
            paid = {"paid_us": self._now_us(), "paid_by": BY_CASH, "due_us": None, "overdue_us": None}
            return self._step(connection, locked, ChargeEvent.PAY, StepCause(actor, "cash at the counter"), **paid)

    def hand_on_due(self, most: int = 100) -> int:
        """Hand every charge whose time is over to whom it goes next; how many there were."""
        due = select(charges.c.id).where(charges.c.due_us <= self._now_us()).order_by(charges.c.due_us).limit(most)
        with telling_faults(), self._database.reading() as connection:
            names = [name for (name,) in connection.execute(due)]
        return sum(self._hand_on(name) for name in names)

    def list(
        self, *, phone: str | None = None, plate: str | None = None, state: str | None = None
    ) -> tuple[ListedCharge, ...]:
        """Charges, oldest first. Raises AdminError for a person whom nobody knows."""
        query = select(charges, persons.c.name).join(persons, persons.c.id == charges.c.person)
        for column, value in ((persons.c.name, phone), (charges.c.plate, plate), (charges.c.state, state)):
            if value is not None:
                query = query.where(column == value)
        with telling_faults(), self._database.reading() as connection:
            if phone is not None:
                require_person(connection, phone)
            return tuple(_listed(row) for row in connection.execute(query.order_by(*_BY_TIME)))

    def with_periods(self) -> tuple[tuple[ListedCharge, str | None], ...]:
        """All charges with the hours of whose they are, oldest first."""
        query = select(charges, persons.c.name).join(persons, persons.c.id == charges.c.person).order_by(*_BY_TIME)
        with telling_faults(), self._database.reading() as connection:
            return tuple((_listed(row), row.period) for row in connection.execute(query))

    def _pay(self, connection: Connection, locked: LockedCharge, person: str, cause: StepCause) -> ChargeState:
        self._require_payable(connection, locked)
        wallet = connection.execute(select(persons.c.wallet).where(persons.c.id == person)).scalar_one()
        self._move(connection, locked, TransferKind.PAYMENT, wallet, locked.owed, cause.actor)
        paid = {"paid_us": self._now_us(), "paid_by": person, "due_us": None, "overdue_us": None}
        return self._step(connection, locked, ChargeEvent.PAY, cause, **paid)

    def _decline(self, connection: Connection, locked: LockedCharge, person: str, cause: StepCause) -> ChargeState:
        """At no cost; the charge goes to the next at once, and stays its first payer's."""
        if person != locked.row.asked:
            raise AdminError("somebody else is asked to pay this charge now")
        self._require_at_rest(connection, locked)
        self._require(locked, ChargeEvent.DECLINE)
        return self._step(connection, locked, ChargeEvent.DECLINE, cause, due_us=self._now_us())

    def _dispute(self, connection: Connection, locked: LockedCharge, person: str, cause: StepCause) -> ChargeState:
        """Once, within 90 days; it stops the clock."""
        now_us = self._now_us()
        if locked.row.disputed_us is not None:
            raise AdminError("this charge was disputed before; ask the operator")
        if from_us(now_us) - from_us(locked.row.created_us) > DISPUTE_WITHIN:
            raise AdminError(f"a charge can be disputed within {DISPUTE_WITHIN.days} days")
        self._require_at_rest(connection, locked)
        self._require(locked, ChargeEvent.DISPUTE)
        stopped: dict[str, Any] = {"disputed_us": now_us, "due_us": None, "overdue_us": None}
        return self._step(connection, locked, ChargeEvent.DISPUTE, cause, **stopped)

    def _hand_on(self, charge: str) -> bool:
        with telling_faults(), self._database.writing() as connection:
            locked = self._lock(connection, charge)
            now_us = self._now_us()
            if locked.state not in UNPAID or locked.row.due_us is None or locked.row.due_us > now_us:
                return False
            request = next_request(connection, locked.row, now_us, self._books.settings)
            event = ChargeEvent.EXPIRE if request.is_over else ChargeEvent.HAND_ON
            rests = locked.state is ChargeState.DECLINED and request.is_same(locked.row) and not request.is_over
            if rests or after(locked.state, event) is None:
                row = charges.c.id == charge
                connection.execute(update(charges).where(row).values(due_us=request.due_us))
                return False
            self._step(connection, locked, event, StepCause("service"), **asking(request, locked.row))
            if event is ChargeEvent.HAND_ON:
                self._pay_as_agreed(connection, charge, request.asked)
            return True

    def _pay_as_agreed(self, connection: Connection, charge: str, owner: str) -> None:
        """Where the plate's owner agreed beforehand, and has the money: nobody else's machine pays what escalates."""
        locked = self._lock(connection, charge)
        agreed = agreement_for(connection, locked.row, owner, self._now_us())
        if agreed is None:
            return
        wallet = connection.execute(select(persons.c.wallet).where(persons.c.id == owner)).scalar_one()
        if wallets.read(connection, wallet)[wallet].free_fen < locked.row.amount_fen:
            return
        self._move(connection, locked, TransferKind.PAYMENT, wallet, locked.owed, agreed.actor)
        paid = {"paid_us": self._now_us(), "paid_by": owner, "due_us": None, "overdue_us": None}
        self._step(connection, locked, ChargeEvent.PAY, StepCause(agreed.actor, AGREED), **paid)

    def _lock(self, connection: Connection, charge: str, person: str | None = None) -> LockedCharge:
        """Accounts first, then the charge, as everybody does. person: who must be its payer or the one asked."""
        found = connection.execute(select(charges).where(charges.c.id == charge)).first()
        if found is None or (person is not None and person not in (found.person, found.asked)):
            raise AdminError(f"no charge {charge}")
        whom = connection.execute(select(persons).where(persons.c.id == found.person)).one()
        owner = select(plate_payers.c.owner).where(plate_payers.c.plate == found.plate)
        named = persons.c.id.in_([found.asked, found.paid_by or ""]) | persons.c.id.in_(owner)
        payers = connection.execute(select(persons.c.wallet).where(named))
        station = select(schema.stations.c.revenue_account).where(schema.stations.c.id == found.station)
        revenue = connection.execute(station).scalar_one()
        numbers = {whom.wallet, whom.owed, revenue, wallets.CLEARING, *(number for (number,) in payers)}
        wallets.lock(connection, *numbers)
        row = connection.execute(select(charges).where(charges.c.id == charge).with_for_update()).one()
        if person is not None and person not in (row.person, row.asked):
            raise AdminError(f"no charge {charge}")
        return LockedCharge(row, whom.wallet, whom.owed, revenue)

    def _require(self, locked: LockedCharge, event: ChargeEvent) -> None:
        if after(locked.state, event) is None:
            word = event.value.replace("_", " ")
            raise AdminError(f"charge {locked.row.id} is {locked.row.state}: it cannot be {_DONE.get(word, word)}")

    def _require_payable(self, connection: Connection, locked: LockedCharge) -> None:
        """By wallet or cash: never what a provider may still take, so that no order is paid in two ways."""
        self._require_at_rest(connection, locked)
        self._require(locked, ChargeEvent.PAY)

    def _require_at_rest(self, connection: Connection, locked: LockedCharge) -> None:
        order = select(payments.c.provider).where(payments.c.charge == locked.row.id, payments.c.ended_us.is_(None))
        provider = connection.execute(order).scalar()
        if provider is not None:
            raise AdminError(f"charge {locked.row.id} is with {provider}: wait until it has said whether it is paid")

    def _move(
        self, connection: Connection, locked: LockedCharge, kind: TransferKind, debit: int, credit: int, actor: str
    ) -> None:
        """Pay what is owed; one key, so that a charge is paid once whoever pays it."""
        row = locked.row
        posting = wallets.Posting(kind, debit, credit, row.amount_fen, payment_key(row.id), actor, row.visit or "")
        if not wallets.post(connection, posting, self._books.ids, self._now_us()):
            raise AdminError(f"charge {row.id} is paid already")

    def _step(
        self, connection: Connection, locked: LockedCharge, event: ChargeEvent, cause: StepCause, **changes: Any
    ) -> ChargeState:
        """Move the charge on and write the step down."""
        self._require(locked, event)
        new = after(locked.state, event)
        assert new is not None
        values = {"state": new.value, **changes}
        connection.execute(update(charges).where(charges.c.id == locked.row.id).values(**values))
        connection.execute(
            charge_events.insert().values(
                id=self._step_number(connection, locked.row.id),
                charge=locked.row.id,
                at_us=self._now_us(),
                event=event.value,
                old=locked.row.state,
                new=new.value,
                asked=changes.get("asked", locked.row.asked),
                actor=cause.actor[:80],
                detail=cause.detail,
                key=cause.key,
                signature=cause.signature,
            )
        )
        concerned = {locked.row.person, locked.row.asked, changes.get("asked", locked.row.asked)}
        count_change(connection, *(person_topic(person) for person in concerned))
        return new

    def _step_number(self, connection: Connection, charge: str) -> int:
        """Above that of the step before, whichever worker made it within the same millisecond or by another clock."""
        last = select(charge_events.c.id).where(charge_events.c.charge == charge).order_by(charge_events.c.id.desc())
        before = connection.execute(last.limit(1)).scalar()
        earliest_us = 0 if before is None else first_us_after(before)
        return self._books.ids.next(max(self._now_us(), earliest_us))

    def _now_us(self) -> int:
        return to_us(self._books.clock.now())


_DONE = {
    "pay": "paid",
    "refund": "given back",
    "refund part": "given back",
    "waive": "waived",
    "decline": "declined",
    "dispute": "disputed",
}


def asking(request: Request, row: Row[Any] | None = None) -> dict[str, Any]:
    overdue_us = request.overdue_us if row is None else row.overdue_us
    return {"asked": request.asked, "due_us": request.due_us, "overdue_us": overdue_us}


def _listed(row: Row[Any]) -> ListedCharge:
    return ListedCharge(
        id=row.id,
        visit=row.visit,
        plate=row.plate,
        phone=row.name,
        amount_fen=row.amount_fen,
        state=row.state,
        at=from_us(row.created_us),
        due=None if row.due_us is None else from_us(row.due_us),
        paid_at=None if row.paid_us is None else from_us(row.paid_us),
    )
