"""Sessions of people who have logged in: random tokens of which only a hash is kept, with idle and absolute expiry."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, insert, select, update

from service.identity import trail
from service.identity.people import Person, Role, hashed_token
from service.identity.tables import people, sessions
from service.store.clock import to_us
from service.store.database import Database, telling_faults

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


@dataclass(frozen=True, slots=True)
class Session:
    """A person on one browser. csrf goes into every form of this session and comes back with it."""

    person: Person
    csrf: str
    token_hash: str

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

    def find(self, token: str) -> Session | None:
        """The session of a token, unless it is over or its person disabled. Role and station are today's."""
        now_us = to_us(self._now())
        with telling_faults(), self._database.reading() as connection:
            row = connection.execute(_FIND, {"token_hash": hashed_token(token)}).first()
        if row is None or row.disabled_us is not None:
            return None
        idle, whole = LIVES[Role(row.role)]
        if now_us > row.seen_us + to_us_span(idle) or now_us > row.created_us + to_us_span(whole):
            return None
        if now_us > row.seen_us + to_us_span(TOUCH_EVERY):
            self._touch(row.token_hash, now_us)
        person = Person(row.person, Role(row.role), row.station, fleet=row.fleet, lane=row.lane)
        return Session(person, row.csrf, row.token_hash)

    def end(self, session: Session) -> None:
        """Log out. Idempotent."""
        deed = trail.Deed(self._now(), f"person:{session.person.name}", "logout", session.person.name, {})
        with telling_faults(), self._database.writing() as connection:
            if connection.execute(delete(sessions).where(sessions.c.token_hash == session.token_hash)).rowcount:
                trail.note(connection, deed)

    def _touch(self, token_hash: str, now_us: int) -> None:
        with telling_faults(), self._database.writing() as connection:
            connection.execute(update(sessions).where(sessions.c.token_hash == token_hash).values(seen_us=now_us))


def to_us_span(span: timedelta) -> int:
    """A span in whole microseconds."""
    return span // timedelta(microseconds=1)
