"""Sessions of people who have logged in, and of panels that have shown their key: random tokens of which only a hash is
kept, with idle and absolute expiry."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Table, bindparam, delete, insert, select, update

from service.identity import trail
from service.identity.people import Person, Role, hashed_token
from service.identity.signed.keys import Caller
from service.store.clock import to_us
from service.store.database import Database, telling_faults
from service.store.identity_tables import device_keys, device_sessions, devices, people, sessions

LIVES: dict[Role, tuple[timedelta, timedelta]] = {
    Role.PANEL: (timedelta(days=7), timedelta(days=90)),
    Role.ATTENDANT: (timedelta(hours=4), timedelta(hours=12)),
    Role.CASHIER: (timedelta(minutes=30), timedelta(hours=12)),
    Role.OPERATOR: (timedelta(minutes=30), timedelta(hours=12)),
    Role.ADMINISTRATOR: (timedelta(minutes=15), timedelta(hours=8)),
    Role.FLEET: (timedelta(minutes=30), timedelta(hours=12)),
}
"""Idle and absolute life by role. A panel is bolted to the pump and has no keyboard for passwords."""

TOUCH_EVERY = timedelta(seconds=30)
"""How exactly idleness is kept; a page that is open would else write with every request."""


_FIND = (
    select(sessions, people.c.role, people.c.station, people.c.fleet, people.c.lane, people.c.disabled_us)
    .join_from(sessions, people)
    .where(sessions.c.token_hash == bindparam("token_hash"))
)
_FIND_DEVICE = (
    select(device_sessions, devices.c.id.label("device"), devices.c.station, devices.c.lane)
    .join_from(device_sessions, device_keys)
    .join(devices)
    .where(device_sessions.c.token_hash == bindparam("token_hash"))
    .where(devices.c.revoked_us.is_(None), device_keys.c.state != "retired")
)
DEVICE_MARK = "device."
"""How a device's tokens begin, so that each is looked up once; a person's never have a dot."""


@dataclass(frozen=True, slots=True)
class Session:
    """A person on one browser. csrf goes into every form of this session and comes back with it.

    device: of a panel that is a device, which nobody has logged in at; `person` then says, under the device's id, what
    it may do.
    """

    person: Person
    csrf: str
    token_hash: str
    device: str | None = None

    @property
    def actor(self) -> str:
        """As the trail names who acts."""
        return f"person:{self.person.name}" if self.device is None else f"device:{self.device}"

    def knows(self, csrf: str) -> bool:
        return hmac.compare_digest(self.csrf.encode(), csrf.encode("utf-8", "surrogatepass"))


class SessionStore:
    """Begins, finds and ends sessions. Every worker sees the same ones, and the end of one at once."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def begin(self, person: Person, source: str, replaces: str = "") -> str:
        """A new token for a person who has just proved who they are; the token before it ends."""
        token = secrets.token_urlsafe(32)
        now_us = to_us(self._now())
        row = {"token_hash": hashed_token(token), "person": person.name, "csrf": secrets.token_urlsafe(32)}
        with telling_faults(), self._database.writing() as connection:
            longest_us = to_us(self._now() - max(life for _, life in LIVES.values()))
            connection.execute(delete(sessions).where(sessions.c.created_us < longest_us))
            if replaces:
                connection.execute(delete(sessions).where(sessions.c.token_hash == hashed_token(replaces)))
            connection.execute(insert(sessions).values(**row, created_us=now_us, seen_us=now_us, source=source[:64]))
        return token

    def begin_device(self, panel: Caller, source: str) -> str:
        """A new token for a panel whose key has just spoken; the one before it ends: a panel is one browser."""
        token, now = DEVICE_MARK + secrets.token_urlsafe(32), self._now()
        row = {"token_hash": hashed_token(token), "key_id": panel.key_id, "csrf": secrets.token_urlsafe(32)}
        times = {"created_us": to_us(now), "seen_us": to_us(now)}
        deed = trail.TrailEntry(now, f"device:{panel.device}", "login", panel.device, {"source": source})
        with telling_faults(), self._database.writing() as connection:
            connection.execute(delete(device_sessions).where(device_sessions.c.key_id == panel.key_id))
            connection.execute(insert(device_sessions).values(**row, **times, source=source[:64]))
            trail.note(connection, deed)
        return token

    def find(self, token: str) -> Session | None:
        """The session of a token, unless it is over, its person disabled or its device revoked.

        Role, station and lane are today's.
        """
        return self._find_device(token) if token.startswith(DEVICE_MARK) else self._find_person(token)

    def _find_device(self, token: str) -> Session | None:
        now_us = to_us(self._now())
        with telling_faults(), self._database.reading() as connection:
            row = connection.execute(_FIND_DEVICE, {"token_hash": hashed_token(token)}).first()
        if row is None or _is_over(row, Role.PANEL, now_us):
            return None
        if now_us > row.seen_us + to_us_span(TOUCH_EVERY):
            self._touch(device_sessions, row.token_hash, now_us)
        panel = Person(row.device, Role.PANEL, row.station, lane=row.lane)
        return Session(panel, row.csrf, row.token_hash, row.device)

    def _find_person(self, token: str) -> Session | None:
        now_us = to_us(self._now())
        with telling_faults(), self._database.reading() as connection:
            row = connection.execute(_FIND, {"token_hash": hashed_token(token)}).first()
        if row is None or row.disabled_us is not None or _is_over(row, Role(row.role), now_us):
            return None
        if now_us > row.seen_us + to_us_span(TOUCH_EVERY):
            self._touch(sessions, row.token_hash, now_us)
        person = Person(row.person, Role(row.role), row.station, fleet=row.fleet, lane=row.lane)
        return Session(person, row.csrf, row.token_hash)

    def end(self, session: Session) -> None:
        """Log out. Idempotent."""
        deed = trail.TrailEntry(self._now(), session.actor, "logout", session.person.name, {})
        table = sessions if session.device is None else device_sessions
        with telling_faults(), self._database.writing() as connection:
            if connection.execute(delete(table).where(table.c.token_hash == session.token_hash)).rowcount:
                trail.note(connection, deed)

    def _touch(self, table: Table, token_hash: str, now_us: int) -> None:
        with telling_faults(), self._database.writing() as connection:
            connection.execute(update(table).where(table.c.token_hash == token_hash).values(seen_us=now_us))


def _is_over(row: Row[Any], role: Role, now_us: int) -> bool:
    """Whether it was idle, or lasted, longer than this role's sessions may."""
    idle, whole = LIVES[role]
    return bool(now_us > row.seen_us + to_us_span(idle) or now_us > row.created_us + to_us_span(whole))


def to_us_span(span: timedelta) -> int:
    """A span in whole microseconds."""
    return span // timedelta(microseconds=1)
