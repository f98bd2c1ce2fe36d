"""What the gate looks up for every signed request: whose key it is, and whether its nonce is new.

Each look-up is one statement that commits by itself and does not wait for the disk. Nothing is lost by that: the work
of the request is committed with a full sync to the same log afterwards, so whatever a request did outlives a power cut
only together with its nonce.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, create_engine, delete, event, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from service.identity.signed.signatures import Flaw, ProvenSignature, SignatureRefused
from service.store.clock import US_PER_S, to_us
from service.store.database import BUSY_TIMEOUT_S, POOL, Database, telling_faults
from service.store.identity_tables import device_keys, devices, nonces
from service.store.schema import authorisations
from wire.devices import SIGNATURE_AGE_S, DeviceKind

TIDY_EVERY_S = 60
DRIFT_S = 60
STEADY_S = 2 * SIGNATURE_AGE_S + 2
_FIND = (
    select(devices, device_keys.c.public_key, device_keys.c.state)
    .join_from(device_keys, devices)
    .where(device_keys.c.key_id == bindparam("key_id"))
)


@dataclass(frozen=True, slots=True)
class Caller:
    """The device that speaks. `lane` is None for a station's central control, which speaks for all its lanes."""

    device: str
    kind: DeviceKind
    station: str
    lane: str | None
    key_id: str


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """One key of the book. waiting: rotated in, and not yet used; public_key: 32 raw bytes of Ed25519."""

    caller: Caller
    public_key: bytes
    waiting: bool


LaneOf = Callable[[str], tuple[str, str] | None]
"""Station and lane of an authorisation; None for an unknown one."""


class KeyBook:
    """Keys and nonces of one database. Safe between threads; close() when done.

    lane_of: who knows the authorisations, where it is not the same database. confirmed() hears of each key that has
    just spoken for the first time.
    """

    def __init__(
        self, database: Database, lane_of: LaneOf | None = None, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._lane_of = lane_of
        self.confirmed: Callable[[str], None] = lambda key_id: None
        self._engine = _light_engine(database)
        self._turn = database.turn
        insert = sqlite.insert(nonces) if database.is_sqlite else postgresql.insert(nonces)
        self._remember = insert.on_conflict_do_nothing().returning(nonces.c.key_id, nonces.c.nonce)
        self._tidied_us = 0
        self._monotonic_s = monotonic_s
        self._anchor: tuple[int, float] | None = None
        self._lock = threading.Lock()

    def has_devices(self) -> bool:
        """Whether any device has ever been enrolled, revoked ones included."""
        with telling_faults(), self._engine.connect() as connection:
            return connection.execute(select(devices.c.id).limit(1)).first() is not None

    def find(self, key_id: str, stranger: str = "keyid: no device has been enrolled with this key") -> KeyEntry:
        """Whose key it is. Raises SignatureRefused for an unknown (saying `stranger`), retired or revoked one."""
        with telling_faults(), self._engine.connect() as connection:
            row = connection.execute(_FIND, {"key_id": key_id}).one_or_none()
            if row is None:
                raise SignatureRefused(Flaw.UNKNOWN_KEY, stranger)
            if row.revoked_us is not None or row.state == "retired":
                raise SignatureRefused(Flaw.REVOKED, "keyid: this key has been revoked; enrol the device again")
        caller = Caller(row.id, DeviceKind(row.kind), row.station, row.lane, key_id)
        return KeyEntry(caller, base64.b64decode(row.public_key), row.state == "waiting")

    def remember(self, claims: Sequence[ProvenSignature], now: datetime) -> list[bool]:
        """Keep the nonces for as long as their signatures could be shown again; for each, whether it is new."""
        rows = {(claim.key_id, claim.nonce): _forget_us(claim) for claim in claims}
        given = [{"key_id": key, "nonce": nonce, "forget_us": until_us} for (key, nonce), until_us in rows.items()]
        with telling_faults(), self._turn(), self._engine.connect() as connection:
            new = {(row.key_id, row.nonce) for row in connection.execute(self._remember, given)}
            with suppress(DBAPIError):
                self._tidy(connection, to_us(now))
        found = []
        for claim in claims:
            found.append((claim.key_id, claim.nonce) in new)
            new.discard((claim.key_id, claim.nonce))
        return found

    def confirm(self, key_id: str) -> None:
        """A key that waited has spoken: it is active from now on, and the device's other keys are retired."""
        device = select(device_keys.c.device).where(device_keys.c.key_id == key_id, device_keys.c.state == "waiting")
        others = update(device_keys).where(device_keys.c.device.in_(device), device_keys.c.key_id != key_id)
        own = update(device_keys).where(device_keys.c.key_id == key_id, device_keys.c.state == "waiting")
        with telling_faults(), self._turn(), self._engine.connect() as connection:
            connection.execute(others.values(state="retired"))
            changed = connection.execute(own.values(state="active")).rowcount
        if changed:
            self.confirmed(key_id)

    def lane_of(self, authorisation: str) -> tuple[str, str] | None:
        """Station and lane that an authorisation was given to."""
        if self._lane_of is not None:
            return self._lane_of(authorisation)
        query = select(authorisations.c.station, authorisations.c.lane).where(authorisations.c.id == authorisation)
        with telling_faults(), self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else (row.station, row.lane)

    def close(self) -> None:
        self._engine.dispose()

    def _is_steady(self, now_us: int) -> bool:
        """Whether the clock has gone evenly for as long as a signature counts, since the start or since it was set."""
        elapsed_s = self._monotonic_s()
        if self._anchor is not None:
            at_us, at_s = self._anchor
            drift_s = (now_us - at_us) / US_PER_S - (elapsed_s - at_s)
            if abs(drift_s) <= DRIFT_S:
                return elapsed_s - at_s > STEADY_S
        self._anchor = (now_us, elapsed_s)
        return False

    def _tidy(self, connection: Connection, now_us: int) -> None:
        """Forget what no clock lets in again: a clock set forward and back must not make an old signature new."""
        with self._lock:
            if not self._is_steady(now_us):
                return
            if abs(now_us - self._tidied_us) < TIDY_EVERY_S * US_PER_S:
                return
            self._tidied_us = now_us
        connection.execute(delete(nonces).where(nonces.c.forget_us < now_us))


def _forget_us(claim: ProvenSignature) -> int:
    return to_us(claim.created_at + timedelta(seconds=SIGNATURE_AGE_S + 1))


def _light_engine(database: Database) -> Engine:
    if not database.is_sqlite:
        options = f"-c lock_timeout={BUSY_TIMEOUT_S}s -c statement_timeout={BUSY_TIMEOUT_S}s -c synchronous_commit=off"
        arguments = {"connect_timeout": 3, "options": options, "application_name": "greenlane gate"}
        return create_engine(database.url, isolation_level="AUTOCOMMIT", connect_args=arguments, **POOL)
    engine = create_engine(database.url, connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous=NORMAL")

    return engine
