"""PINs of cards and persons for typed plates: hashed, and slow to guess."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, select

from service.books.decisions import typed
from service.books.decisions.phone_payment import person_of
from service.errors import AdminError
from service.identity import token_buckets
from service.identity.people import hash_of_nothing
from service.payer_rules.periods import Rule, turn_at
from service.payers.plate_payers import load_schedule
from service.store import schema
from service.store.clock import to_us
from service.store.database import Database, telling_faults
from service.store.payer_tables import persons
from service.store.zones import zone_named
from wire.plates import normalise

_PIN = re.compile(r"[0-9]{6}", re.ASCII)
_PER_HOLDER = (5, 1 / 900)
"""Five tries at once, then one in a quarter of an hour: a PIN has a million values."""
_PER_LANE = (20, 1 / 30)

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""OWASP's least for argon2id (password storage cheat sheet, 2024)."""
_NOBODY = hash_of_nothing(_HASHER)
"""A hash that no PIN has, so that a card without one takes as long."""


@dataclass(frozen=True, slots=True)
class PinWait:
    """No look at the PIN now: too many wrong ones before it."""

    wait_s: float


def hashed(pin: str | None) -> str | None:
    """What is kept of a PIN. Raises AdminError for one that is guessed too easily."""
    if pin is None:
        return None
    if not _PIN.fullmatch(pin) or len(set(pin)) < 3:
        raise AdminError("a PIN has six digits, at least three of them different")
    return _HASHER.hash(pin)


def check_pin(database: Database, now: datetime, station: str, lane: str, plate: str, pin: str) -> str | PinWait | None:
    """The proof for a right PIN, of the plate's card or of who pays by phone now; None for a wrong one.

    Hashes: call it off the event loop. A plate without a card or a payer without a PIN takes as long as a wrong one.
    """
    kept = normalise(plate)
    with telling_faults(), database.writing() as connection:
        holders = {"card": _card_of(connection, kept), "person": _payer_of(connection, kept, station, now)}
        named = [f"{kind}:{row.id}" for kind, row in holders.items() if row is not None] or [f"plate:{kept}"]
        buckets = (
            *(token_buckets.Bucket(f"pin:{holder}", *_PER_HOLDER) for holder in named),
            token_buckets.Bucket(f"pin:{station}:{lane}", *_PER_LANE),
        )
        wait_s = token_buckets.take(connection, buckets, now)
    if wait_s:
        return PinWait(wait_s)
    hashes = [None if row is None else row.pin_hash for row in holders.values()]
    verified = [_verified(kept_hash or _NOBODY, pin) for kept_hash in hashes]
    proven = next((kept_hash for kept_hash, right in zip(hashes, verified, strict=True) if right), None)
    if proven is None:
        return None
    with telling_faults(), database.writing() as connection:
        token_buckets.give_back(connection, buckets, now)
    return typed.proof(proven, station, lane, kept, to_us(now))


def _card_of(connection: Connection, plate: str) -> Any:
    query = select(schema.cards.c.id, schema.cards.c.pin_hash).select_from(schema.plates.join(schema.cards))
    return connection.execute(query.where(schema.plates.c.plate == plate)).first()


def _payer_of(connection: Connection, plate: str, station: str, now: datetime) -> Any:
    """Who pays for the plate by phone at this hour of the station."""
    schedule = load_schedule(connection, plate)
    zone = connection.execute(select(schema.stations.c.zone).where(schema.stations.c.id == station)).scalar()
    if schedule is None or zone is None or schedule.rule_in_force is Rule.CARD:
        return None
    person = person_of(turn_at(schedule, now, zone_named(zone)))
    query = select(persons.c.id, persons.c.pin_hash).where(persons.c.id == person)
    return connection.execute(query).first()


def _verified(kept_hash: str, pin: str) -> bool:
    try:
        return _HASHER.verify(kept_hash, pin)
    except (VerificationError, InvalidHashError):
        return False
