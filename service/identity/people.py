"""Operators: their passwords (argon2id), roles, and a log-in that slows guessing without locking the right one out."""

from __future__ import annotations

import base64
import enum
import hashlib
import re
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Row, delete, insert, select, update

from service.errors import AdminError, as_typed
from service.identity import token_buckets, trail
from service.store.clock import to_us
from service.store.database import Database, telling_faults
from service.store.identity_tables import known_browsers, people, sessions
from service.store.naming import require_plain_form
from service.store.schema import stations
from service.store.vehicle_tables import fleets

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200
"""NIST SP 800-63B: length is what counts; the upper bound only keeps a request small."""
BROWSER_LIFE = timedelta(days=90)
_NAME = re.compile(r"[a-z][a-z0-9._-]{1,39}")

_PER_PAIR = (5, 1 / 10)
_PER_SOURCE = (20, 1 / 3)
_PER_ACCOUNT = (50, 1 / 2)
_PER_BROWSER = (10, 1 / 10)
_HASHERS_AT_ONCE = 2
"""Each hashing takes 64 MiB (RFC 9106, second recommended option); more at a time would be an attack on memory."""
_HASHING_WAIT_S = 3.0


class Role(enum.StrEnum):
    """What a person may do; each role may do all that those before it may. A fleet's is apart: it covers itself."""

    PANEL = "panel"
    ATTENDANT = "attendant"
    CASHIER = "cashier"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"
    FLEET = "fleet"

    def covers(self, needed: Role) -> bool:
        if Role.FLEET in (self, needed):
            return self is needed
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


ROLE_WORDS: dict[Role, tuple[str, str]] = {
    Role.PANEL: ("触摸屏", "Control panel"),
    Role.ATTENDANT: ("加油员", "Attendant"),
    Role.CASHIER: ("收银员", "Cashier"),
    Role.OPERATOR: ("运营", "Operator"),
    Role.ADMINISTRATOR: ("系统管理员", "Administrator"),
    Role.FLEET: ("车队管理员", "Fleet manager"),
}
"""Chinese, English."""


@dataclass(frozen=True, slots=True)
class Person:
    """station: the only one this person sees; None for all. fleet: of the role fleet alone, whose vehicles it sees.

    lane: of the role panel alone, the only lane whose panel it may use; None for one made before lanes were named.
    """

    name: str
    role: Role
    station: str | None
    disabled: bool = False
    fleet: str | None = None
    lane: str | None = None


@dataclass(frozen=True, slots=True)
class LoginRefused:
    """wait_s > 0: too many attempts, the password was not even looked at."""

    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One log-in as it came. browser: the secret of a browser that has logged in before, or nothing."""

    name: str
    password: str
    source: str
    browser: str = ""


class PeopleStore:
    """Every change of people, and the check of their passwords. Safe between threads."""

    def __init__(self, database: Database, now: Callable[[], datetime], hasher: PasswordHasher | None = None) -> None:
        self._database = database
        self._now = now
        self._hasher = hasher or PasswordHasher()
        self._hashing = threading.BoundedSemaphore(_HASHERS_AT_ONCE)
        self._nobody = hash_of_nothing(self._hasher)

    def add(
        self,
        name: str,
        password: str,
        role: Role,
        station: str | None,
        actor: str,
        *,
        fleet: str | None = None,
        lane: str | None = None,
    ) -> None:
        """Raises AdminError for a bad name, a name in use, a weak password, an unknown station or fleet, no lane."""
        _check_fleet(role, fleet)
        _check_lane(role, station, lane)
        if not _NAME.fullmatch(name):
            raise AdminError(f"{name}: a name has 2 to 40 of a-z, 0-9, dot, dash and underscore, a letter first")
        check_strength(password, name)
        hashed = self._hasher.hash(password)
        with telling_faults(), self._database.writing() as connection:
            if connection.execute(select(people.c.name).where(people.c.name == name)).first() is not None:
                raise AdminError(f"{name}: this name is taken")
            _require_station(connection, station)
            _require_fleet(connection, fleet)
            row: dict[str, object] = {"name": name, "password_hash": hashed, "role": role.value, "station": station}
            row |= {"fleet": fleet, "lane": lane, "created_us": to_us(self._now())}
            connection.execute(insert(people).values(row))
            bound = {} if lane is None else {"lane": lane}
            self._note(
                connection, actor, "person.add", name, role=role.value, station=station or fleet or "all", **bound
            )

    def change_role(
        self,
        name: str,
        role: Role,
        actor: str,
        *,
        fleet: str | None = None,
        station: str | None = None,
        lane: str | None = None,
    ) -> None:
        """Takes effect on the next request. station, lane: where a panel hangs; others keep their station.

        Raises AdminError for an unknown person, station or fleet, and for a panel without a lane.
        """
        _check_fleet(role, fleet)
        _check_lane(role, station, lane)
        if station is not None and role is not Role.PANEL:
            raise AdminError("with role, only panel takes --station; others keep the one they have")
        with telling_faults(), self._database.reading() as connection:
            _require_fleet(connection, fleet)
            _require_station(connection, station)
        columns: dict[str, object] = {"role": role.value, "fleet": fleet, "lane": lane}
        place = {} if station is None or lane is None else {"station": station, "lane": lane}
        self._change(name, actor, "person.role", {**columns, **place}, detail={"role": role.value, **place})

    def change_password(self, name: str, password: str, actor: str) -> None:
        """Ends all sessions of the person. Raises AdminError for an unknown person or a weak password."""
        check_strength(password, name)
        self._change(name, actor, "person.password", {"password_hash": self._hasher.hash(password)}, forget=True)

    def disable(self, name: str, actor: str) -> None:
        """Ends all sessions of the person; the name stays taken, because the trail names it."""
        self._change(name, actor, "person.disable", {"disabled_us": to_us(self._now())}, forget=True)

    def enable(self, name: str, actor: str) -> None:
        self._change(name, actor, "person.enable", {"disabled_us": None})

    def list(self) -> tuple[Person, ...]:
        with telling_faults(), self._database.reading() as connection:
            return tuple(map(_person, connection.execute(select(people).order_by(people.c.name))))

    def unbound_panels(self) -> tuple[str, ...]:
        """Names of the panels' accounts that may use every panel, because no lane has been named for them."""
        return tuple(p.name for p in self.list() if p.role is Role.PANEL and p.lane is None and not p.disabled)

    def log_in(self, attempt: Attempt) -> Person | LoginRefused:
        """Who this is, if name and password are right and the buckets allow a look.

        An unknown name takes as long as a wrong password, and is not written down: it may be a mistyped password.
        """
        now = self._now()
        with telling_faults(), self._database.reading() as connection:
            buckets = self._buckets(connection, attempt, now)
            wait_s = token_buckets.wait_of(connection, buckets, now)
        if wait_s:
            return LoginRefused(wait_s)
        with telling_faults(), self._database.writing() as connection:
            wait_s = token_buckets.take(connection, buckets, now)
            name = attempt.name if _NAME.fullmatch(attempt.name) else ""
            row = connection.execute(select(people).where(people.c.name == name)).first()
        if wait_s:
            return LoginRefused(wait_s)
        living = row is not None and row.disabled_us is None
        right = self._verify(row.password_hash if row is not None and living else self._nobody, attempt.password)
        if right is None:
            return LoginRefused(_HASHING_WAIT_S)
        with telling_faults(), self._database.writing() as connection:
            if row is None or not living or not right:
                self._note(connection, "stranger", "login.refused", row.name if row else "?", source=attempt.source)
                return LoginRefused()
            token_buckets.give_back(connection, buckets, now)
            self._note(connection, f"person:{row.name}", "login", row.name, source=attempt.source)
        return _person(row)

    def know_browser(self, name: str, replaces: str = "") -> str:
        """A secret for the browser that has just logged in, so that it is not slowed by others' guesses."""
        token = secrets.token_urlsafe(32)
        now = self._now()
        row = {"token_hash": hashed_token(token), "person": name, "expires_us": to_us(now + BROWSER_LIFE)}
        with telling_faults(), self._database.writing() as connection:
            is_old = known_browsers.c.token_hash == hashed_token(replaces)
            connection.execute(delete(known_browsers).where(is_old | (known_browsers.c.expires_us < to_us(now))))
            token_buckets.tidy(connection, now)
            connection.execute(insert(known_browsers).values(row))
        return token

    def _verify(self, hashed: str, password: str) -> bool | None:
        """None when too many others are being verified."""
        if not self._hashing.acquire(timeout=_HASHING_WAIT_S):
            return None
        try:
            return self._hasher.verify(hashed, password.encode("utf-8", "surrogatepass"))
        except (VerificationError, InvalidHashError):
            return False
        finally:
            self._hashing.release()

    def _buckets(self, connection: Connection, attempt: Attempt, now: datetime) -> tuple[token_buckets.Bucket, ...]:
        if attempt.browser and self._knows(connection, attempt, now):
            return (token_buckets.Bucket(f"login:browser:{hashed_token(attempt.browser)}", *_PER_BROWSER),)
        account = hashed_token(attempt.name)[:32]
        return (
            token_buckets.Bucket(f"login:pair:{account}:{attempt.source}", *_PER_PAIR),
            token_buckets.Bucket(f"login:source:{attempt.source}", *_PER_SOURCE),
            token_buckets.Bucket(f"login:account:{account}", *_PER_ACCOUNT),
        )

    def _knows(self, connection: Connection, attempt: Attempt, now: datetime) -> bool:
        query = select(known_browsers).where(known_browsers.c.token_hash == hashed_token(attempt.browser))
        row = connection.execute(query).first()
        return row is not None and row.person == attempt.name and row.expires_us >= to_us(now)

    def _change(
        self,
        name: str,
        actor: str,
        action: str,
        columns: dict[str, object],
        forget: bool = False,
        detail: Mapping[str, str] | None = None,
    ) -> None:
        with telling_faults(), self._database.writing() as connection:
            if connection.execute(update(people).where(people.c.name == name).values(columns)).rowcount == 0:
                raise AdminError(f"{name}: there is nobody with this name")
            if forget:
                connection.execute(delete(sessions).where(sessions.c.person == name))
                connection.execute(delete(known_browsers).where(known_browsers.c.person == name))
            self._note(connection, actor, action, name, **(detail or {}))

    def _note(self, connection: Connection, actor: str, action: str, subject: str, **detail: str) -> None:
        trail.note(connection, trail.TrailEntry(self._now(), actor, action, subject, detail))


def hash_of_nothing(hasher: PasswordHasher) -> str:
    """Random bytes in the form of a hash: to check against it costs as much as against another, to make it nothing."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")
        for length in (hasher.salt_len, hasher.hash_len)
    )
    return f"$argon2id$v=19$m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}${salt}${digest}"


def _check_fleet(role: Role, fleet: str | None) -> None:
    if (role is Role.FLEET) != (fleet is not None):
        raise AdminError("the role fleet needs --fleet NAME, and no other role takes it")


def _check_lane(role: Role, station: str | None, lane: str | None) -> None:
    if role is not Role.PANEL:
        if lane is not None:
            raise AdminError("only the role panel takes --lane")
    elif not station or not lane:
        raise AdminError("the role panel needs --station S and --lane L: the lane of the panel")
    elif not (len(lane) <= 40 and lane.isprintable()):
        raise AdminError("a lane's name has at most 40 characters that can be printed")
    else:
        require_plain_form(lane)


def _person(row: Row[Any]) -> Person:
    disabled = row.disabled_us is not None
    return Person(row.name, Role(row.role), row.station, disabled, fleet=row.fleet, lane=row.lane)


def _require_station(connection: Connection, station: str | None) -> None:
    if station is not None and connection.execute(select(stations).where(stations.c.id == station)).first() is None:
        raise AdminError(f"no station {station}; `station set` makes one")


def _require_fleet(connection: Connection, fleet: str | None) -> None:
    if fleet is not None and connection.execute(select(fleets).where(fleets.c.name == fleet)).first() is None:
        raise AdminError(f"no fleet {fleet}; `fleet add {as_typed(fleet)}` makes one")


def check_strength(password: str, name: str) -> None:
    """Raises AdminError for a password that is short, endless, or the name again."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise AdminError(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; a sentence is fine")
    if name.lower() in password.lower() or len(set(password)) < 5:
        raise AdminError("this password is too easy to guess")


def hashed_token(token: str) -> str:
    """SHA-256 of a long random value, as the database keeps it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
