"""Typed plates as operators and pages see them: rules, PINs, and visits whose reads say something else."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Row, or_, select

from service.books.books import Books
from service.books.decisions import typed
from service.books.decisions.phone_payment import person_of
from service.errors import AdminError
from service.identity import throttle, trail
from service.payer_rules.periods import Rule, turn_at
from service.payers.phones import require_person
from service.payers.rules import load_schedule
from service.store import schema
from service.store.clock import from_us, to_us
from service.store.database import Database, telling_faults
from service.store.payer_tables import persons
from wire.plates import is_plate, normalise
from wire.typed import TypedRule

_PIN = re.compile(r"[0-9]{6}", re.ASCII)
_PER_HOLDER = (5, 1 / 900)
"""Five tries at once, then one in a quarter of an hour: a PIN has a million values."""
_PER_LANE = (20, 1 / 30)

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""OWASP's least for argon2id (password storage cheat sheet, 2024)."""


@dataclass(frozen=True, slots=True)
class TypedVisit:
    """A typed question whose reads say something else, or nothing."""

    at: datetime
    station: str
    lane: str
    visit: str
    typed: str
    read: str | None
    certain: bool
    decision: str
    reason: str
    confirmed_by: str | None


@dataclass(frozen=True, slots=True)
class PinWait:
    """No look at the PIN now: too many wrong ones before it."""

    wait_s: float


class TypedPlates:
    """What an operator, `actor`, may change and see. Raises AdminError."""

    def __init__(self, books: Books, actor: str) -> None:
        self._books = books
        self._database = books.database
        self._actor = actor

    def set_rule(self, table: str, name: str, rule: TypedRule | None) -> str:
        """The rule of a station, card or plate; None: what stands above it counts. Returns the name as it is kept."""
        found = {"station": schema.stations, "card": schema.cards, "plate": schema.plates}[table]
        kept = _plate(name) if table == "plate" else name
        key = found.c.plate if table == "plate" else found.c.id
        with telling_faults(), self._database.writing() as connection:
            change = found.update().where(key == kept).values(typed_rule=rule)
            if connection.execute(change).rowcount == 0:
                raise AdminError(f"no {table} {kept}")
            self._note(connection, f"set_{table}_typed", kept, rule="as above" if rule is None else rule.value)
        return kept

    def set_pin(self, card: str, pin: str | None) -> None:
        """The PIN of a card, six digits; None takes it away. The trail says that it was set, never what it is."""
        hashed = _hashed(pin)
        with telling_faults(), self._database.writing() as connection:
            change = schema.cards.update().where(schema.cards.c.id == card).values(pin_hash=hashed)
            if connection.execute(change).rowcount == 0:
                raise AdminError(f"no card {card}")
            self._note(connection, "set_pin" if pin is not None else "forget_pin", card)

    def has_pin(self, card: str) -> bool:
        """Whether the card has a PIN; one that is not there has none."""
        with telling_faults(), self._database.reading() as connection:
            return (
                connection.execute(select(schema.cards.c.pin_hash).where(schema.cards.c.id == card)).scalar()
                is not None
            )

    def set_person_pin(self, name: str, pin: str | None) -> None:
        """The PIN of a person who pays by phone, for plates in their hours; None takes it away."""
        hashed = _hashed(pin)
        with telling_faults(), self._database.writing() as connection:
            person = require_person(connection, name)
            connection.execute(persons.update().where(persons.c.id == person.id).values(pin_hash=hashed))
            self._note(connection, "phone.pin" if pin is not None else "phone.forget_pin", person.id)

    def differing(self, limit: int = 100, station: str | None = None) -> list[TypedVisit]:
        """Typed questions that the reads did not agree with word for word, of one station or all, newest first."""
        asked = schema.authorisations.c
        query = select(schema.authorisations).where(
            asked.typed, or_(asked.seen.is_(None), asked.seen != asked.plate, asked.seen_certain.is_(None))
        )
        if station is not None:
            query = query.where(asked.station == station)
        with telling_faults(), self._database.reading() as connection:
            rows = connection.execute(query.order_by(asked.asked_us.desc()).limit(limit)).all()
        return [_visit(row) for row in rows]

    def _note(self, connection: Connection, action: str, subject: str, **detail: str) -> None:
        deed = trail.Deed(self._books.clock.now(), self._actor, action, subject, detail)
        trail.note(connection, deed)


def check_pin(database: Database, now: datetime, station: str, lane: str, plate: str, pin: str) -> str | PinWait | None:
    """The proof for a right PIN, of the plate's card or of who pays by phone now; None for a wrong one.

    Hashes: call it off the event loop. A plate without a card or a payer without a PIN takes as long as a wrong one.
    """
    kept = normalise(plate)
    with telling_faults(), database.writing() as connection:
        holders = {"card": _card_of(connection, kept), "person": _payer_of(connection, kept, station, now)}
        named = [f"{kind}:{row.id}" for kind, row in holders.items() if row is not None] or [f"plate:{kept}"]
        buckets = (
            *(throttle.Bucket(f"pin:{holder}", *_PER_HOLDER) for holder in named),
            throttle.Bucket(f"pin:{station}:{lane}", *_PER_LANE),
        )
        wait_s = throttle.take(connection, buckets, now)
    if wait_s:
        return PinWait(wait_s)
    hashes = [None if row is None else row.pin_hash for row in holders.values()]
    verified = [_verified(hashed or _nobody(), pin) for hashed in hashes]
    hashed = next((kept_one for kept_one, right in zip(hashes, verified, strict=True) if right), None)
    if hashed is None:
        return None
    with telling_faults(), database.writing() as connection:
        throttle.give_back(connection, buckets, now)
    return typed.proof(hashed, station, lane, kept, to_us(now))


def _hashed(pin: str | None) -> str | None:
    if pin is None:
        return None
    if not _PIN.fullmatch(pin) or len(set(pin)) < 3:
        raise AdminError("a PIN has six digits, at least three of them different")
    return _HASHER.hash(pin)


def _card_of(connection: Connection, plate: str) -> Any:
    query = select(schema.cards.c.id, schema.cards.c.pin_hash).select_from(schema.plates.join(schema.cards))
    return connection.execute(query.where(schema.plates.c.plate == plate)).first()


def _payer_of(connection: Connection, plate: str, station: str, now: datetime) -> Any:
    """Who pays for the plate by phone at this hour of the station."""
    schedule = load_schedule(connection, plate)
    zone = connection.execute(select(schema.stations.c.zone).where(schema.stations.c.id == station)).scalar()
    if schedule is None or zone is None or schedule.rule_in_force is Rule.CARD:
        return None
    person = person_of(turn_at(schedule, now, ZoneInfo(zone)))
    query = select(persons.c.id, persons.c.pin_hash).where(persons.c.id == person)
    return connection.execute(query).first()


@functools.cache
def _nobody() -> str:
    """A hash that no PIN has, so that a card without one takes as long."""
    return _HASHER.hash("no card has this")


def _verified(hashed: str, pin: str) -> bool:
    try:
        return _HASHER.verify(hashed, pin)
    except (VerificationError, InvalidHashError):
        return False


def _plate(text: str) -> str:
    kept = normalise(text)
    if not is_plate(kept):
        raise AdminError(f"{text} is not a plate: write it as on the vehicle, such as 粤B12345")
    return kept


def _visit(row: Row[Any]) -> TypedVisit:
    return TypedVisit(
        at=from_us(row.asked_us),
        station=row.station,
        lane=row.lane,
        visit=row.visit,
        typed=row.plate,
        read=row.seen,
        certain=bool(row.seen_certain),
        decision=row.decision,
        reason=row.reason,
        confirmed_by=row.confirmed_by,
    )
