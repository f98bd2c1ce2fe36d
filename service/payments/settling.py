"""What a provider says about an order becomes a step of its charge: in one transaction, however often it is said."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select, update

from service.books.decisions.person_charges import ChargeEvent, after
from service.books.records import TransferKind
from service.payers import wallets
from service.payers.charging import Charging, LockedCharge, StepCause
from service.payers.escalation import first_request
from service.payments.port import Forged, Notice, PaymentOutcome, ProviderAnswer
from service.store.clock import US_PER_S
from service.store.database import telling_faults
from service.store.payer_tables import persons
from service.store.payment_tables import payment_refunds, payments

POLL_AFTER_S = (5, 10, 15, 30, 60, 180, 600, 1800, 3600)
"""How long after an order was asked for the n-th time it is asked about again; the last goes on for ever."""


def next_due_us(times: int, now_us: int) -> int:
    return now_us + POLL_AFTER_S[min(times, len(POLL_AFTER_S) - 1)] * US_PER_S


class Settling(Charging):
    """Takes providers' words. Raises AdminError and Unavailable as Charging does."""

    def notified(self, notice: Notice, provider: str) -> None:
        """A notification of a provider. Raises Forged where it is about no order of ours, or another amount."""
        with telling_faults(), self._database.reading() as connection:
            order = connection.execute(select(payments).where(payments.c.number == notice.order)).first()
        if order is None or order.provider != provider:
            raise Forged("it names no order of ours")
        if order.amount_fen != notice.amount_fen:
            raise Forged("it names another amount than the order's")
        if notice.said.outcome is PaymentOutcome.PAID:
            self.take(notice.order, notice.said)

    def take(self, number: str, said: ProviderAnswer) -> None:
        """One word about one order. What contradicts an end that is known changes nothing, but money that came."""
        with telling_faults(), self._database.writing() as connection:
            found = connection.execute(select(payments.c.charge).where(payments.c.number == number)).scalar_one()
            locked = self._lock(connection, found)
            order = connection.execute(select(payments).where(payments.c.number == number).with_for_update()).one()
            if order.state == PaymentOutcome.PAID or (
                order.state == PaymentOutcome.FAILED and said.outcome is not PaymentOutcome.PAID
            ):
                return
            if said.outcome is PaymentOutcome.PAID:
                self._take_money(connection, locked, order, said)
            elif said.outcome is PaymentOutcome.FAILED:
                self._end(connection, order, said)
                asked = first_request(order.person, self._now_us(), self._books.settings)
                again = {"due_us": asked.due_us, "overdue_us": asked.overdue_us}
                self._follow(connection, locked, ChargeEvent.FAIL, order, said, **again)
            else:
                self._wait(connection, locked, order, said)

    def take_refund(self, number: str, said: ProviderAnswer) -> None:
        """One word about money on its way back; refused for good, it goes to the person's wallet instead."""
        with telling_faults(), self._database.writing() as connection:
            table = payment_refunds
            payment = connection.execute(select(table.c.payment).where(table.c.number == number)).scalar_one()
            order = connection.execute(select(payments).where(payments.c.number == payment)).one()
            wallet = connection.execute(select(persons.c.wallet).where(persons.c.id == order.person)).scalar_one()
            wallets.lock(connection, wallets.PROVIDER, wallet)
            row = connection.execute(select(table).where(table.c.number == number).with_for_update()).one()
            if row.state != "waiting":
                return
            values: dict[str, Any] = {"times": row.times + 1, "reason": said.reason}
            if said.outcome is PaymentOutcome.PAID:
                values |= {"state": "done", "due_us": None}
            elif said.outcome is PaymentOutcome.FAILED:
                values |= {"state": "failed", "due_us": None}
                kind, key = TransferKind.PAY_BACK, f"provider {number}"
                back = wallets.Posting(kind, wallets.PROVIDER, wallet, row.amount_fen, key, order.provider, said.reason)
                wallets.post(connection, back, self._books.ids, self._now_us())
            else:
                values["due_us"] = next_due_us(row.times, self._now_us())
            connection.execute(update(table).where(table.c.number == number).values(**values))

    def _take_money(self, connection: Connection, locked: LockedCharge, order: Row[Any], said: ProviderAnswer) -> None:
        """It pays the charge; where that is paid or in dispute by now, it is the person's, in their wallet."""
        self._end(connection, order, said)
        if after(locked.state, ChargeEvent.PAY) is None:
            wallet = connection.execute(select(persons.c.wallet).where(persons.c.id == order.person)).scalar_one()
            kind, key = TransferKind.BY_PROVIDER, f"provider {order.number}"
            surplus = wallets.Posting(kind, wallets.PROVIDER, wallet, order.amount_fen, key, order.provider)
            wallets.post(connection, surplus, self._books.ids, self._now_us())
            return
        self._move(connection, locked, TransferKind.BY_PROVIDER, wallets.PROVIDER, locked.owed, order.provider)
        paid = {"paid_us": self._now_us(), "paid_by": order.provider, "due_us": None, "overdue_us": None}
        self._follow(connection, locked, ChargeEvent.PAY, order, said, **paid)

    def _wait(self, connection: Connection, locked: LockedCharge, order: Row[Any], said: ProviderAnswer) -> None:
        """Accepted, or silent: asked about again later."""
        is_accepted = said.outcome is PaymentOutcome.ACCEPTED
        state = "accepted" if is_accepted else "unknown"
        due_us = next_due_us(order.times, self._now_us())
        values = {"state": state, "times": order.times + 1, "due_us": due_us, "reason": said.reason}
        connection.execute(update(payments).where(payments.c.number == order.number).values(**values))
        self._follow(connection, locked, ChargeEvent.ACCEPT if is_accepted else ChargeEvent.LOSE, order, said)

    def _end(self, connection: Connection, order: Row[Any], said: ProviderAnswer) -> None:
        values = {"due_us": None, "ended_us": self._now_us(), "reason": said.reason, "times": order.times + 1}
        values |= {"state": said.outcome.value, "transaction_id": said.transaction or order.transaction_id}
        connection.execute(update(payments).where(payments.c.number == order.number).values(**values))

    def _follow(
        self,
        connection: Connection,
        locked: LockedCharge,
        event: ChargeEvent,
        order: Row[Any],
        said: ProviderAnswer,
        **changes: Any,
    ) -> None:
        """The charge's step, where it has one: an accepted one stays accepted without a word."""
        if after(locked.state, event) is not None:
            self._step(connection, locked, event, StepCause(order.provider, said.reason), **changes)
