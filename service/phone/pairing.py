"""Pairs a phone over HTTP: a one-time code, a key that the request proves, and the person's consent by its version."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from service.errors import AdminError
from service.identity import token_buckets
from service.identity.signed.devices import Throttled, code_digest
from service.identity.signed.signatures import Flaw, SignatureRefused
from service.identity.trail import TrailEntry, note
from service.payers.keys import WRONG_CODE, pair
from service.phone.words import CONSENT
from service.store.database import Database, telling_faults
from service.store.payer_tables import pairing_codes, persons, phone_keys
from wire.payers import KeyAlgorithm
from wire.phone import PhonePaired, PhonePairing

_PER_SOURCE = (10, 1 / 30)
_ALL_SOURCES = (100, 1.0)


class Pairing:
    """Guesses are slowed down, by where they come from and all together, in the database for all workers."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def pair(self, asked: PhonePairing, key_id: str, source: str) -> PhonePaired:
        """Burn the code and bind the key; the same key with the same code again gets the same answer.

        key_id: of the key that has signed. Raises AdminError for another consent than today's, SignatureRefused for a
        wrong, used or expired code, Throttled for too many of them.
        """
        check_consent(asked)
        wait_s = self.wait_s(source)
        if wait_s:
            raise Throttled(wait_s)
        with telling_faults(), self._database.writing() as connection:
            wait_s = token_buckets.take(connection, _buckets(source), self._now())
            refusal = None if wait_s else self._bind(connection, asked, key_id)
            if not wait_s and refusal is None:
                token_buckets.give_back(connection, _buckets(source), self._now())
                return _paired(connection, key_id)
        if wait_s:
            raise Throttled(wait_s)
        raise SignatureRefused(Flaw.UNKNOWN_KEY, f"code: {refusal}")

    def wait_s(self, source: str) -> float:
        """How long an address has to wait for its next pairing; from reading alone."""
        with telling_faults(), self._database.reading() as connection:
            return token_buckets.wait_of(connection, _buckets(source), self._now())

    def _bind(self, connection: Connection, asked: PhonePairing, key_id: str) -> str | None:
        """Why not; None when it is bound. Nothing is written where it is refused."""
        known = connection.execute(select(phone_keys).where(phone_keys.c.id == key_id)).first()
        if known is not None:
            return None if _is_repeat(connection, asked.code, known) else WRONG_CODE
        now = self._now()
        try:
            person = pair(connection, asked.code, KeyAlgorithm.P256, asked.public_key, now, asked.consent)
        except AdminError as error:
            return str(error)
        detail = {"key": key_id, "consent": asked.consent}
        note(connection, TrailEntry(now, f"phone:{person}", "phone.pair", person, detail))
        return None


def check_consent(asked: PhonePairing) -> None:
    """Raises AdminError for another consent than today's."""
    if asked.consent != CONSENT:
        raise AdminError(f"consent: the words of version {CONSENT} are to be agreed to; load the page again")


def _is_repeat(connection: Connection, code: str, known: Row[Any]) -> bool:
    """Whether this key was bound by this very code, whose answer was lost on its way."""
    query = select(pairing_codes).where(pairing_codes.c.digest == code_digest(code))
    row = connection.execute(query).first()
    if row is None or known.revoked_us is not None:
        return False
    return bool(row.person == known.person and row.used_us == known.added_us)


def _paired(connection: Connection, key_id: str) -> PhonePaired:
    query = select(persons.c.id, persons.c.name).join(phone_keys).where(phone_keys.c.id == key_id)
    row = connection.execute(query).one()
    return PhonePaired(person=row.id, name=row.name, key_id=key_id)


def _buckets(source: str) -> tuple[token_buckets.Bucket, ...]:
    return token_buckets.Bucket(f"pair:{source}", *_PER_SOURCE), token_buckets.Bucket("pair", *_ALL_SOURCES)
