"""What one person has given back or corrected today without a second one, all forms together."""

from __future__ import annotations

import json
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, case, func, or_, select

from service.books.records import TransferKind
from service.counter.bill_refunds import BILL_BACK
from service.counter.tables import money_requests
from service.counter.till import Payment
from service.store import schema
from service.store.ids import first_number_at
from service.store.zones import midnight_us

KINDS = (TransferKind.REFUND.value, TransferKind.CORRECTION.value)


def spent_alone_fen(connection: Connection, person: str, card: str | None, zone: ZoneInfo, now: datetime) -> int:
    """Refunds of cards and bills, and corrections by their size, since midnight there, that no second person confirmed:
    all of this person's, or of this card by whoever, whichever is more. Locks the card's row until the end.

    What the person did on the command line counts where the two names are one.
    """
    since_us = midnight_us(zone, now)
    own_fen, card_fen = _posted_fen(connection, person, card, since_us)
    return max(own_fen + _bills_fen(connection, person, since_us), card_fen)


def gave_back(connection: Connection, payment: Payment) -> bool:
    """Whether this very form gave its bill back before."""
    event = schema.operator_events.c
    return _has_key(connection, payment.key, event.subject == payment.subject)


def is_posted(connection: Connection, payment: Payment) -> bool:
    """Whether the ledger has something under this form's key."""
    moved = schema.transfers.c
    return connection.execute(select(moved.id).where(moved.key == payment.key)).first() is not None


def is_used(connection: Connection, payment: Payment, since_us: int) -> bool:
    """Whether the form stands in the ledger, or since then gave another bill back: it is good for one payment."""
    if is_posted(connection, payment):
        return True
    event = schema.operator_events.c
    since = event.id >= first_number_at(since_us), event.at_us >= since_us
    return _has_key(connection, payment.key, *since, event.subject != payment.subject)


def _has_key(connection: Connection, key: str, *which: ColumnElement[bool]) -> bool:
    event = schema.operator_events.c
    query = select(event.detail).where(event.action == BILL_BACK, *which)
    return any(json.loads(detail).get("key") == key for detail in connection.execute(query).scalars())


def _posted_fen(connection: Connection, person: str, card: str | None, since_us: int) -> tuple[int, int]:
    """The person's and the card's."""
    cards, moved, asked = schema.cards.c, schema.transfers.c, money_requests.c
    locked = select(cards.account).where(cards.id == card).with_for_update(key_share=True)
    account = connection.execute(locked).scalar()
    own = moved.actor.in_((f"person:{person}", person))
    of_card = or_(moved.debit_account == account, moved.credit_account == account)
    confirmed = select(asked.key).where(asked.key == moved.key, asked.state == "confirmed")
    sums = [func.coalesce(func.sum(case((which, moved.amount_fen), else_=0)), 0) for which in (own, of_card)]
    today = moved.id >= first_number_at(since_us), moved.at_us >= since_us
    query = select(*sums).where(*today, moved.kind.in_(KINDS), ~confirmed.exists())
    own_fen, card_fen = connection.execute(query).one()
    return int(own_fen), int(card_fen)


def _bills_fen(connection: Connection, person: str, since_us: int) -> int:
    """As the trail has them: a bill's money goes back by several ways, and some of it is waived."""
    event, asked = schema.operator_events.c, money_requests.c
    today = event.id >= first_number_at(since_us), event.at_us >= since_us
    query = select(event.subject, event.detail).where(
        *today, event.action == BILL_BACK, event.actor == f"person:{person}"
    )
    said = [(bill, json.loads(detail)) for bill, detail in connection.execute(query)]
    found = {(str(one["key"]), bill): int(one["fen"]) for bill, one in said}
    keys = {key for key, _ in found}
    confirmed = select(asked.key, asked.bill).where(asked.key.in_(keys), asked.state == "confirmed")
    alone = set(found) - {(row.key, row.bill) for row in connection.execute(confirmed)}
    return sum(found[one] for one in alone)
