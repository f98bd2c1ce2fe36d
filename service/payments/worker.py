"""Asks providers what is due, in a thread of its own: orders, what became of them, refunds, states of plates."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select, update

from service.books.books import Books
from service.errors import ServiceError
from service.payments.port import PaymentOrder, PaymentOutcome, PaymentProvider
from service.payments.settling import Settling
from service.store.clock import US_PER_S, from_us, to_us
from service.store.database import telling_faults
from service.store.payer_tables import charges, mandate_plates, mandates, persons
from service.store.payment_tables import payment_refunds, payments, provider_plates
from service.store.schema import fuellings, stations

MOST_AT_ONCE = 20
"""So that even a silent provider's deadlines together stay within the lease."""
PLATE_STATE_EVERY_S = 600
LEASE_S = 300
"""For so long the one that asks is alone with an order; who dies meanwhile is followed by another worker."""
IDLE_S = 1.0

_LOG = logging.getLogger(__name__)


class PaymentWorker:
    """start() and close() as the books' worker. round_() alone serves tests and benches that move the clock."""

    def __init__(self, books: Books, providers: Mapping[str, PaymentProvider]) -> None:
        self._books = books
        self._providers = providers
        self._settling = Settling(books)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to ask; nothing to do where no provider is set up."""
        if self._providers:
            self._thread = threading.Thread(target=self._run, name="payments", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Ask no more; what is being asked ends within the provider's deadline. Idempotent."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def round_(self) -> int:
        """Everything that is due now, at most so much of each kind; how much there was."""
        done = sum(self._order(row) for row in self._leased(payments))
        done += sum(self._refund(row) for row in self._leased(payment_refunds))
        return done + sum(self._plate(provider, plate) for provider, plate in self._unknown_plates())

    def _run(self) -> None:
        was_away = False
        while not self._stop.wait(IDLE_S):
            try:
                while self.round_() and not self._stop.is_set():
                    pass
                was_away = False
            except ServiceError as error:
                if not was_away:
                    _LOG.error("payments wait: %s", error)
                was_away = True
            except Exception:
                _LOG.exception("payments: a round failed")

    def _leased(self, table: Any) -> list[Row[Any]]:
        """What is due now, and is this worker's to ask until the lease ends."""
        now_us = self._now_us()
        due = select(table).where(table.c.due_us <= now_us).order_by(table.c.due_us).limit(MOST_AT_ONCE)
        with telling_faults(), self._books.database.reading() as connection:
            if connection.execute(due.limit(1)).first() is None:
                return []
        with telling_faults(), self._books.database.writing() as connection:
            found = list(connection.execute(due.with_for_update(skip_locked=True)))
            mine = table.c.number.in_([row.number for row in found])
            connection.execute(update(table).where(mine).values(due_us=now_us + LEASE_S * US_PER_S))
            return found

    def _order(self, row: Row[Any]) -> bool:
        provider = self._providers.get(row.provider)
        if provider is None:
            return False
        if row.times == 0:
            said = provider.pay(self._described(row))
        else:
            said = provider.query(row.number, row.amount_fen)
            if said.outcome is PaymentOutcome.MISSING:
                said = provider.pay(self._described(row))
        self._settling.take(row.number, said)
        return True

    def _refund(self, row: Row[Any]) -> bool:
        with telling_faults(), self._books.database.reading() as connection:
            order = connection.execute(select(payments).where(payments.c.number == row.payment)).one()
        provider = self._providers.get(order.provider)
        if provider is None:
            return False
        said = provider.refund(order.number, row.number, row.amount_fen, order.amount_fen)
        self._settling.take_refund(row.number, said)
        return True

    def _plate(self, name: str, plate: str) -> bool:
        """What the provider says of a plate; silence leaves what it said before, until that is too old."""
        state = self._providers[name].plate_state(plate)
        if state is None:
            return False
        with telling_faults(), self._books.database.writing() as connection:
            keep_state(connection, name, plate, state, self._now_us())
        return True

    def _unknown_plates(self) -> list[tuple[str, str]]:
        """Plates that their payers pay for by a provider, and that it was not asked about of late."""
        states, since_us = provider_plates, self._now_us() - PLATE_STATE_EVERY_S * US_PER_S
        query = (
            select(persons.c.pays_by, mandate_plates.c.plate)
            .select_from(
                mandate_plates.join(mandates)
                .join(persons, persons.c.id == mandates.c.person)
                .outerjoin(
                    states, and_(states.c.provider == persons.c.pays_by, states.c.plate == mandate_plates.c.plate)
                )
            )
            .where(persons.c.pays_by.in_(list(self._providers)))
            .where(mandates.c.ended_us.is_(None), mandate_plates.c.ended_us.is_(None))
            .where(or_(states.c.told_us.is_(None), states.c.told_us <= since_us))
            .distinct()
            .limit(MOST_AT_ONCE)
        )
        with telling_faults(), self._books.database.reading() as connection:
            return [(name, plate) for name, plate in connection.execute(query)]

    def _described(self, row: Row[Any]) -> PaymentOrder:
        query = (
            select(fuellings, stations.c.name)
            .join_from(charges, fuellings, fuellings.c.id == charges.c.fuelling)
            .join(stations, stations.c.id == charges.c.station)
            .where(charges.c.id == row.charge)
        )
        with telling_faults(), self._books.database.reading() as connection:
            fuelled = connection.execute(query).one()
        return PaymentOrder(
            number=row.number,
            plate=row.plate,
            amount_fen=row.amount_fen,
            station_name=fuelled.name,
            dispenser=fuelled.dispenser,
            product=fuelled.product,
            volume_ml=fuelled.volume_ml,
            started_at=from_us(fuelled.started_us),
        )

    def _now_us(self) -> int:
        return to_us(self._books.clock.now())


def keep_state(connection: Connection, provider: str, plate: str, state: str, now_us: int) -> None:
    """What a provider says of a plate now."""
    table = provider_plates
    same = and_(table.c.provider == provider, table.c.plate == plate)
    values = {"state": state, "told_us": now_us}
    if connection.execute(update(table).where(same).values(**values)).rowcount == 0:
        connection.execute(table.insert().values(provider=provider, plate=plate, **values))
