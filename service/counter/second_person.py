"""Refunds of cards and bills, and corrections, above a station's limit: one person asks, another confirms.

The books have both names. The limit holds for all that one person gives back or corrects alone in a day, and for all of
one card: a large amount in small forms is as large.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from service.books.books import Books
from service.books.messages import Correct
from service.books.records import TransferKind
from service.counter.bill_refunds import BillRefunds, FuellingBill, fuelling_bill
from service.counter.errors import FORM_USED, CounterRefused, telling_why, too_little_free
from service.counter.spent_alone import gave_back, is_posted, is_used, spent_alone_fen
from service.counter.tables import money_requests
from service.counter.till import Beside, Payment, Till, lock_person, posted
from service.counter.views import StationFacts
from service.errors import ServiceError
from service.identity import trail
from service.reports.statement import cards
from service.store import schema
from service.store.clock import from_us, to_us
from service.store.database import telling_faults
from service.store.zones import midnight_us

BILL = TransferKind.PAY_BACK.value
"""The kind of a request that is about a bill."""
WAITING, CONFIRMED, DECLINED = "waiting", "confirmed", "declined"


class _NeedsTwo(ServiceError):
    """The day's sum would be above the limit, or the form has asked for a second person before; nothing is posted."""


@dataclass(frozen=True, slots=True)
class MoneyRequest:
    """What one person asked for. subject: the card or bill. posted: it stands in the ledger."""

    key: str
    kind: str
    subject: str
    amount_fen: int
    method: str
    note: str
    asked_by: str
    asked_at: datetime
    state: str
    decided_by: str | None
    posted: bool


class SecondPerson:
    """Of one person, `person`, at one station. Raises CounterRefused with nothing posted."""

    def __init__(self, books: Books, person: str, station: StationFacts) -> None:
        self._books = books
        self._database = books.database
        self._person = person
        self._station = station

    def refund(self, payment: Payment) -> bool:
        """Pay out at once, or ask for a second person: False."""
        self._require_free(payment)
        try:
            Till(self._books, self._person, self._station.id).pay(payment, self._require_alone(payment))
        except _NeedsTwo:
            return self._ask(payment, "refund")
        return True

    def correct(self, payment: Payment) -> bool:
        """Post at once, or ask for a second person: False. The payment's amount may be below zero."""
        try:
            self._post_correction(payment, self._person, self._require_alone(payment))
        except _NeedsTwo:
            return self._ask(payment, "correction")
        return True

    def give_back(self, payment: Payment) -> bool:
        """Of the bill that is the payment's subject: at once, or ask for a second person: False."""
        self._bill(payment.subject)
        return self._bill_back(payment, BillRefunds(self._books, self._person, self._station.id).give_back)

    def end_dispute(self, bill: str, form: Payment) -> bool:
        """For the driver, the whole bill: at once, or ask for a second person: False. form: without the amount."""
        found = self._bill(bill)
        if not found.is_disputed:
            return True
        payment = replace(form, amount_fen=found.proposed_fen)
        return self._bill_back(payment, BillRefunds(self._books, self._person, self._station.id).end_dispute)

    def uphold(self, bill: str, why: str) -> None:
        """End a dispute for the station; no money moves, so nobody else has to confirm it."""
        if self._bill(bill).is_disputed:
            BillRefunds(self._books, self._person, self._station.id).uphold(bill, why)

    def _bill_back(self, payment: Payment, give: Callable[[Payment, Beside], object]) -> bool:
        try:
            give(payment, self._require_alone(payment))
        except _NeedsTwo:
            return self._ask(payment, BILL)
        return True

    def _bill(self, bill: str) -> FuellingBill:
        found = fuelling_bill(self._database, self._station.id, bill)
        if found is None:
            raise CounterRefused("本站没有这张账单。", "There is no such bill at this station.")
        return found

    def decide(self, key: str, confirms: bool) -> MoneyRequest:
        """Another person's word on what waits. A confirmation stands when it is posted: until then it still waits."""
        found = next((one for one in self.list() if one.key == key), None)
        if found is None:
            raise CounterRefused("本站没有这个申请。", "There is no such request at this station.")
        if not confirms:
            self._decline(found)
        elif found.asked_by == self._person:
            raise CounterRefused("须由另一人确认，不能确认自己的申请。", "Another person has to confirm it, not you.")
        elif found.state == WAITING:
            self._post(found)
        return found

    def list(self) -> list[MoneyRequest]:
        """The newest first."""
        asked, moved = money_requests, schema.transfers.c
        query = select(asked, moved.id.label("transfer")).select_from(
            asked.outerjoin(schema.transfers, moved.key == asked.c.key)
        )
        mine = query.where(asked.c.station == self._station.id).order_by(asked.c.asked_us.desc()).limit(100)
        with telling_faults(), self._database.reading() as connection:
            return [_request(row) for row in connection.execute(mine)]

    def _require_alone(self, payment: Payment) -> Beside:
        """Raises _NeedsTwo within the posting's transaction, so that two forms sent at once count each other."""

        def required(connection: Connection) -> None:
            lock_person(connection, self._person)
            if self._is_done(payment, connection):
                return
            asked = money_requests.c
            before = connection.execute(select(asked.key).where(asked.key == payment.key)).first()
            if before is not None or self._is_above(payment, connection):
                raise _NeedsTwo

        return required

    def _is_done(self, payment: Payment, connection: Connection) -> bool:
        """Whether this form posted this before. Raises CounterRefused where it did something else."""
        if payment.kind is TransferKind.PAY_BACK:
            if gave_back(connection, payment):
                return True
            if is_used(connection, payment, midnight_us(self._station.zone, self._books.clock.now())):
                raise CounterRefused(*FORM_USED)
            return False
        return is_posted(connection, payment)

    def _is_above(self, payment: Payment, connection: Connection) -> bool:
        limit_fen = self._station.second_person_fen
        if limit_fen is None:
            return False
        card = None if payment.kind is TransferKind.PAY_BACK else payment.subject
        about = self._person, card, self._station.zone
        return spent_alone_fen(connection, *about, self._books.clock.now()) + abs(payment.amount_fen) > limit_fen

    def _ask(self, payment: Payment, kind: str) -> bool:
        now = self._books.clock.now()
        row = {
            "station": self._station.id,
            "kind": kind,
            "card": None if kind == BILL else payment.subject,
            "bill": payment.subject if kind == BILL else None,
            "amount_fen": payment.amount_fen,
            "method": payment.method,
            "note": payment.note,
            "asked_by": self._person,
        }
        with telling_faults(), self._database.writing() as connection:
            lock_person(connection, self._person)
            before = connection.execute(select(money_requests).where(money_requests.c.key == payment.key)).first()
            if before is not None:
                if any(getattr(before, name) != value for name, value in row.items()):
                    raise CounterRefused(*FORM_USED)
                return False
            values = {**row, "key": payment.key, "asked_us": to_us(now), "state": WAITING}
            connection.execute(money_requests.insert().values(**values))
            deed = trail.TrailEntry(now, f"person:{self._person}", f"ask_{kind}", payment.subject, _detail(payment))
            trail.note(connection, deed)
        return False

    def _decline(self, found: MoneyRequest) -> None:
        if found.state == CONFIRMED:
            raise CounterRefused(
                "已确认入账，不能再拒绝。", "It is confirmed and posted; it cannot be declined any more."
            )
        if found.state == WAITING:
            with telling_faults(), self._database.writing() as connection:
                self._keep_decision(connection, found, DECLINED)

    def _keep_decision(self, connection: Connection, found: MoneyRequest, state: str) -> None:
        now = self._books.clock.now()
        waiting = money_requests.c.key == found.key, money_requests.c.state == WAITING
        decided = {"state": state, "decided_by": self._person, "decided_us": to_us(now)}
        if connection.execute(update(money_requests).where(*waiting).values(**decided)).rowcount == 0:
            raise CounterRefused("这个申请已有人处理。", "Somebody has decided this already.")
        detail = {"fen": str(found.amount_fen), "asked_by": found.asked_by, "key": found.key}
        deed = trail.TrailEntry(now, f"person:{self._person}", f"{found.kind}_{state}", found.subject, detail)
        trail.note(connection, deed)

    def _post(self, found: MoneyRequest) -> None:
        """In the name of who asked, with the second name in the note; a refund out of the asker's own till.

        The confirmation is written with the posting, or not at all.
        """

        def confirmed(connection: Connection) -> None:
            self._keep_decision(connection, found, CONFIRMED)

        note = f"{found.note} [{self._person}]".strip()
        if found.kind == BILL:
            payment = Payment(found.key, TransferKind.PAY_BACK, found.subject, found.amount_fen, found.method, note)
            self._post_bill(payment, found.asked_by, confirmed)
            return
        if found.kind == "correction":
            payment = Payment(found.key, TransferKind.CORRECTION, found.subject, found.amount_fen, found.method, note)
            if not self._post_correction(payment, found.asked_by, confirmed):
                raise CounterRefused(*FORM_USED)
            return
        payment = Payment(found.key, TransferKind.REFUND, found.subject, found.amount_fen, found.method, note)
        Till(self._books, found.asked_by, self._station.id).pay(payment, confirmed)

    def _post_bill(self, payment: Payment, person: str, beside: Beside) -> None:
        """A bill that goes back whole while it is disputed ends its dispute."""
        bill, refunds = self._bill(payment.subject), BillRefunds(self._books, person, self._station.id)
        if bill.is_disputed and payment.amount_fen == bill.proposed_fen:
            refunds.end_dispute(payment, beside)
        elif not refunds.give_back(payment, beside):
            raise CounterRefused(*FORM_USED)

    def _post_correction(self, payment: Payment, person: str, beside: Beside) -> bool:
        sent = Correct(
            card=payment.subject,
            amount_fen=payment.amount_fen,
            key=payment.key,
            actor=f"person:{person}",
            note=payment.note,
        )
        with telling_why():
            return posted(self._books, sent, beside)

    def _require_free(self, payment: Payment) -> None:
        with telling_why():
            card = cards(self._database, payment.subject)[0]
        with telling_faults(), self._database.reading() as connection:
            sent = is_posted(connection, payment)
        if not sent and card.available_fen < payment.amount_fen:
            raise too_little_free(card.card, card.available_fen, payment.amount_fen)


def _detail(payment: Payment) -> dict[str, str]:
    return {"fen": str(payment.amount_fen), "note": payment.note, "key": payment.key}


def _request(row: Row[Any]) -> MoneyRequest:
    return MoneyRequest(
        row.key,
        row.kind,
        row.bill or row.card,
        row.amount_fen,
        row.method,
        row.note,
        row.asked_by,
        from_us(row.asked_us),
        row.state,
        row.decided_by,
        row.transfer is not None or (row.kind == BILL and row.state == CONFIRMED),
    )
