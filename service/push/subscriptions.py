"""Subscriptions of phones: made, looked at, claimed for one attempt, and forgotten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from sqlalchemy import Connection, delete, literal, or_, select, update

from service.errors import AdminError
from service.live.changes import person_topic
from service.push.hosts import PushHosts
from service.push.tables import push_subscriptions
from service.push.vapid import from_base64url
from service.store.clock import to_us
from service.store.database import Database, telling_faults
from service.store.live_tables import live_changes
from service.store.payer_tables import phone_keys
from wire.phone import PushWanted

CLAIM_S = 60
"""A worker that dies while it sends loses no message: another tries after this."""
LONGEST_PAUSE = timedelta(hours=6)
MOST_FAILURES = 30
"""In a row, growing pauses between them: about a week of silence, then the subscription is forgotten."""
_S = push_subscriptions.c


@dataclass(frozen=True, slots=True)
class Due:
    """One phone that has not been told; number: of the change that it is told of."""

    key: str
    endpoint: str
    p256dh: str
    auth: str
    number: int
    failures: int


class Subscriptions:
    """Of one database, for all workers."""

    def __init__(self, database: Database, now: Callable[[], datetime], hosts: PushHosts) -> None:
        self._database = database
        self._now = now
        self._hosts = hosts

    def put(self, key: str, person: str, wanted: PushWanted) -> None:
        """Replace the phone's own. Raises AdminError for an address of no push service, or a key that is none."""
        self._hosts.require(wanted.endpoint)
        _require_keys(wanted)
        with telling_faults(), self._database.writing() as connection:
            connection.execute(delete(push_subscriptions).where(_S.key == key))
            row = {"endpoint": wanted.endpoint, "p256dh": wanted.p256dh, "auth": wanted.auth}
            number = _number(connection, person)
            connection.execute(
                push_subscriptions.insert().values(
                    key=key, person=person, made_us=to_us(self._now()), seen_number=number, failures=0, **row
                )
            )

    def drop(self, key: str) -> None:
        """The phone wants no more, or its push service knows it no more."""
        with telling_faults(), self._database.writing() as connection:
            connection.execute(delete(push_subscriptions).where(_S.key == key))

    def has(self, key: str) -> bool:
        with telling_faults(), self._database.reading() as connection:
            return connection.execute(select(_S.key).where(_S.key == key)).first() is not None

    def looked(self, key: str, person: str) -> None:
        """The phone has fetched its inbox: what it has seen wakes it no more."""
        with telling_faults(), self._database.reading() as connection:
            number = _number(connection, person)
            behind = select(_S.key).where(_S.key == key, _S.seen_number < number)
            if connection.execute(behind).first() is None:
                return
        with telling_faults(), self._database.writing(is_durable=False) as connection:
            mine = _S.key == key, _S.seen_number < number
            connection.execute(update(push_subscriptions).where(*mine).values(seen_number=number, next_us=None))

    def behind(self) -> list[Due]:
        """Those not told of the newest change that may be tried now. Those of revoked keys are dropped."""
        topic = literal(person_topic("")).concat(_S.person)
        now_us = to_us(self._now())
        query = (
            select(push_subscriptions, live_changes.c.number, phone_keys.c.revoked_us)
            .join(live_changes, live_changes.c.topic == topic)
            .join(phone_keys, phone_keys.c.id == _S.key)
            .where(live_changes.c.number > _S.seen_number, or_(_S.next_us.is_(None), _S.next_us <= now_us))
        )
        with telling_faults(), self._database.reading() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            if row.revoked_us is not None:
                self.drop(row.key)
        return [_due(row) for row in rows if row.revoked_us is None]

    def claim(self, due: Due) -> bool:
        """Whether this worker is the one that tells it."""
        now_us = to_us(self._now())
        mine = _S.key == due.key, _S.seen_number < due.number, or_(_S.next_us.is_(None), _S.next_us <= now_us)
        until_us = to_us(self._now() + timedelta(seconds=CLAIM_S))
        with telling_faults(), self._database.writing(is_durable=False) as connection:
            done = connection.execute(update(push_subscriptions).where(*mine).values(next_us=until_us))
            return bool(done.rowcount)

    def notified(self, due: Due) -> None:
        """Up to this change; where the phone has looked since, it has seen more."""
        self._set(due, next_us=None, failures=0)
        with telling_faults(), self._database.writing(is_durable=False) as connection:
            mine = _S.key == due.key, _S.seen_number < due.number
            connection.execute(update(push_subscriptions).where(*mine).values(seen_number=due.number))

    def failed(self, due: Due) -> None:
        """Tried again after a growing pause; forgotten after a week in which nothing was taken."""
        if due.failures + 1 >= MOST_FAILURES:
            self.drop(due.key)
            return
        pause = min(timedelta(seconds=30 * 2 ** min(due.failures, 12)), LONGEST_PAUSE)
        self._set(due, next_us=to_us(self._now() + pause), failures=due.failures + 1)

    def _set(self, due: Due, **values: Any) -> None:
        with telling_faults(), self._database.writing(is_durable=False) as connection:
            mine = _S.key == due.key, _S.endpoint == due.endpoint
            connection.execute(update(push_subscriptions).where(*mine).values(**values))


def _due(row: Any) -> Due:
    return Due(row.key, row.endpoint, row.p256dh, row.auth, row.number, row.failures)


def _number(connection: Connection, person: str) -> int:
    query = select(live_changes.c.number).where(live_changes.c.topic == person_topic(person))
    return int(connection.execute(query).scalar() or 0)


def _require_keys(wanted: PushWanted) -> None:
    try:
        receiver, auth = from_base64url(wanted.p256dh), from_base64url(wanted.auth)
    except ValueError:
        raise AdminError("p256dh, auth: base64url, as the browser gives them") from None
    if len(receiver) != 65 or receiver[0] != 4 or len(auth) != 16:
        raise AdminError("p256dh is a point of 65 bytes, auth has 16")
    try:
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), receiver)
    except ValueError:
        raise AdminError("p256dh: not a point of the curve P-256") from None
    if not wanted.endpoint.isascii() or " " in wanted.endpoint:
        raise AdminError("endpoint: an address is ASCII without blanks")
    if urlsplit(wanted.endpoint).fragment:
        raise AdminError("endpoint: without a fragment")
