"""Enrols, rotates and revokes the keys of lane units, panels and stations.

A device makes its own key and brings the public half with a one-time code; no private key is ever here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, Row, insert, select, update

from service.errors import AdminError
from service.identity import token_buckets, trail
from service.identity.signed.keys import Caller
from service.identity.signed.signatures import Flaw, SignatureRefused
from service.store.clock import from_us, to_us
from service.store.database import Database, telling_faults
from service.store.identity_tables import device_keys, devices, enrolment_codes
from service.store.naming import require_plain_form
from service.store.schema import stations
from wire.devices import DeviceKey, DeviceKind, Enrolment, EnrolmentRequest, KeyRotation, key_id, rotation_words

LONGEST_LANE = 40
CODE_CHARACTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U, so that a code survives being read aloud."""
CODE_LENGTH = 12
CODE_LIFE = timedelta(minutes=30)

_MISREAD = str.maketrans("OIL", "011", "- \t")
_PER_SOURCE = (10, 1 / 30)
_ALL_SOURCES = (100, 1.0)


class Throttled(AdminError):
    """Too many attempts; wait_s says when the next one is listened to."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"too many attempts; try again in {token_buckets.whole_seconds(wait_s)} s")
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Place:
    """What is to be enrolled where. Raises AdminError for a lane unit or panel without lane, or a station with one."""

    kind: DeviceKind
    station: str
    lane: str | None

    def __post_init__(self) -> None:
        if (self.kind is DeviceKind.STATION) != (self.lane is None):
            raise AdminError(
                "a lane unit or panel belongs to a lane, named with --lane, a station's central control to none"
            )

    def __str__(self) -> str:
        return f"{self.kind.value} {self.station}" + (f"/{self.lane}" if self.lane else "")


KIND_WORDS: dict[DeviceKind, tuple[str, str]] = {
    DeviceKind.LANE: ("识别终端", "Lane unit"),
    DeviceKind.PANEL: ("触摸屏", "Control panel"),
    DeviceKind.STATION: ("中控", "Central control"),
}
"""Chinese, English."""


@dataclass(frozen=True, slots=True)
class Device:
    """One enrolled device, for lists. keys: ids of those that may speak."""

    id: str
    place: Place
    enrolled_at: datetime
    revoked_at: datetime | None
    keys: tuple[str, ...]


class DeviceStore:
    """Every change of devices and keys; each is written down in the trail within the same transaction."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def issue_code(self, place: Place, actor: str, *, replaces: bool = False, life: timedelta = CODE_LIFE) -> str:
        """A code for one enrolment, to be shown once: three groups of four characters.

        replaces: the device that is there now is revoked when the new one enrols. Raises AdminError for an unknown
        station, a lane that cannot be named so, or a place that is taken and not to be replaced.
        """
        _require_lane(place.lane)
        code = new_code()
        row = {
            "code_hash": code_digest(code),
            "kind": place.kind.value,
            "station": place.station,
            "lane": place.lane,
            "replaces": replaces,
            "expires_us": to_us(self._now() + life),
        }
        with telling_faults(), self._database.writing() as connection:
            if connection.execute(select(stations.c.id).where(stations.c.id == place.station)).first() is None:
                raise AdminError(f"no station {place.station}; `station set` makes one")
            taken = _living(connection, place)
            if taken and not replaces and place.kind is not DeviceKind.PANEL:
                raise AdminError(f"{place}: {taken[0]} is enrolled here already; revoke it, or use --replace")
            connection.execute(insert(enrolment_codes).values(row))
            self._note(connection, actor, "device.code", str(place), replaces=str(replaces))
        return shown_code(code)

    def enrol(self, request: EnrolmentRequest, source: str, station: str | None = None) -> Enrolment:
        """Burn the code and take the key; the same key with the same code again gets the same answer.

        station: only for a lane unit or panel of this station, whose central control asks for it.
        Raises SignatureRefused for a wrong, used or expired code and Throttled for too many of them.
        """
        public_key = raw_key(request.public_key)
        wait_s = self.wait_s(source)
        if wait_s:
            raise Throttled(wait_s)
        with telling_faults(), self._database.writing() as connection:
            wait_s = token_buckets.take(connection, enrolment_buckets(source), self._now())
            row = None if wait_s else self._burn(connection, request, key_id(public_key), station)
            if row is not None:
                token_buckets.give_back(connection, enrolment_buckets(source), self._now())
                return self._take_in(connection, row, public_key)
        if wait_s:
            raise Throttled(wait_s)
        raise SignatureRefused(Flaw.UNKNOWN_KEY, "code: wrong, used or expired; ask for a new one")

    def wait_s(self, source: str) -> float:
        """How long an address has to wait for its next enrolment; from reading alone."""
        with telling_faults(), self._database.reading() as connection:
            return token_buckets.wait_of(connection, enrolment_buckets(source), self._now())

    def rotate(self, caller: Caller, rotation: KeyRotation) -> Enrolment:
        """Let the device's next key wait until it speaks.

        Raises SignatureRefused where its proof does not hold, or, from a station, its present key's consent.
        """
        public_key = raw_key(rotation.public_key)
        words = rotation_words(caller.key_id, key_id(public_key))
        _check_signed(public_key, rotation.proof, words, "proof: not the new key's signature of the rotation's words")
        with telling_faults(), self._database.writing() as connection:
            if rotation.relayed_for is not None:
                _require_consent(connection, caller.key_id, rotation.consent, words)
            known = connection.execute(select(device_keys).where(device_keys.c.key_id == key_id(public_key))).first()
            if known is not None and (known.device, known.state) != (caller.device, "waiting"):
                raise SignatureRefused(Flaw.FORBIDDEN, "public_key: this key has been used before; make a new one")
            if known is None:
                row = _key_row(caller.device, public_key, "waiting", self._now())
                connection.execute(insert(device_keys).values(row))
                self._note(connection, f"device:{caller.device}", "device.rotate", caller.device, key=row["key_id"])
        return Enrolment(
            device=caller.device, key_id=key_id(public_key), kind=caller.kind, station=caller.station, lane=caller.lane
        )

    def revoke(self, device: str, actor: str) -> None:
        """None of the device's keys is taken any more, from this commit on. Raises AdminError for an unknown device."""
        with telling_faults(), self._database.writing() as connection:
            if connection.execute(select(devices.c.id).where(devices.c.id == device)).first() is None:
                raise AdminError(f"{device}: no such device")
            self._revoke(connection, device, actor)

    def list(self, station: str | None = None) -> tuple[Device, ...]:
        """All devices ever enrolled, revoked ones included, oldest first."""
        query = select(devices).order_by(devices.c.station, devices.c.lane, devices.c.enrolled_us)
        if station is not None:
            query = query.where(devices.c.station == station)
        with telling_faults(), self._database.reading() as connection:
            keys: dict[str, list[str]] = {}
            for key in connection.execute(select(device_keys).where(device_keys.c.state != "retired")):
                keys.setdefault(key.device, []).append(key.key_id)
            return tuple(_device(row, tuple(keys.get(row.id, ()))) for row in connection.execute(query))

    def keys_of(self, station: str) -> tuple[DeviceKey, ...]:
        """The keys of a station's devices, so that its central control can judge them while the line is cut."""
        query = (
            select(devices, device_keys.c.key_id, device_keys.c.public_key, device_keys.c.state)
            .join_from(device_keys, devices)
            .where(devices.c.station == station)
            .order_by(device_keys.c.key_id)
        )
        with telling_faults(), self._database.reading() as connection:
            return tuple(_device_key(row) for row in connection.execute(query))

    def _burn(
        self, connection: Connection, request: EnrolmentRequest, new_key_id: str, station: str | None
    ) -> Row[Any] | None:
        hashed = code_digest(request.code)
        query = select(enrolment_codes).where(enrolment_codes.c.code_hash == hashed).with_for_update()
        row = connection.execute(query).first()
        if row is None or row.expires_us < to_us(self._now()) or row.used_by_key not in (None, new_key_id):
            return None
        if station is not None and (row.station != station or row.kind == DeviceKind.STATION):
            return None
        if request.kind is not None and row.kind != request.kind:
            return None
        burnt = update(enrolment_codes).where(enrolment_codes.c.code_hash == hashed)
        connection.execute(burnt.values(used_by_key=new_key_id))
        return row

    def _take_in(self, connection: Connection, row: Row[Any], public_key: bytes) -> Enrolment:
        place = Place(DeviceKind(row.kind), row.station, row.lane)
        new_id = key_id(public_key)
        connection.execute(select(stations.c.id).where(stations.c.id == place.station).with_for_update())
        known = connection.execute(select(device_keys.c.device).where(device_keys.c.key_id == new_id)).first()
        if known is not None and row.used_by_key is None:
            raise SignatureRefused(Flaw.FORBIDDEN, "public_key: this key has been used before; make a new one")
        device = known.device if known is not None else self._add(connection, row, place, public_key)
        return Enrolment(device=device, key_id=new_id, kind=place.kind, station=place.station, lane=place.lane)

    def _add(self, connection: Connection, row: Row[Any], place: Place, public_key: bytes) -> str:
        device = "d-" + random_text(10).lower()
        living = _living(connection, place)
        if living and not row.replaces and place.kind is not DeviceKind.PANEL:
            raise SignatureRefused(Flaw.FORBIDDEN, f"{place}: another device has enrolled here in the meantime")
        for old in living if row.replaces else ():
            self._revoke(connection, old, f"device:{device}")
        columns = {"id": device, "kind": place.kind.value, "station": place.station, "lane": place.lane}
        connection.execute(insert(devices).values(**columns, enrolled_us=to_us(self._now())))
        connection.execute(insert(device_keys).values(_key_row(device, public_key, "active", self._now())))
        self._note(connection, f"device:{device}", "device.enrol", device, place=str(place), key=key_id(public_key))
        return device

    def _revoke(self, connection: Connection, device: str, actor: str) -> None:
        living = update(devices).where(devices.c.id == device, devices.c.revoked_us.is_(None))
        if connection.execute(living.values(revoked_us=to_us(self._now()))).rowcount:
            self._note(connection, actor, "device.revoke", device)

    def _note(self, connection: Connection, actor: str, action: str, subject: str, **detail: str) -> None:
        trail.note(connection, trail.TrailEntry(self._now(), actor, action, subject, detail))


def raw_key(text: str) -> bytes:
    """The 32 bytes of a base64 public key. Raises SignatureRefused for anything else."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != 32:
        raise SignatureRefused(Flaw.MALFORMED, "public_key: expected the 32 bytes of an Ed25519 key in base64")
    return raw


def _check_signed(public_key: bytes, signature: str, words: bytes, otherwise: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(base64.b64decode(signature, validate=True), words)
    except (InvalidSignature, ValueError) as error:
        raise SignatureRefused(Flaw.TAMPERED, otherwise) from error


def _require_consent(connection: Connection, present: str, consent: str | None, words: bytes) -> None:
    """Whoever has a station's key has not the keys of its devices: each new key is signed for by the one before."""
    if consent is None:
        detail = "consent: missing; upgrade the unit, or enrol it anew with a code, to change its key at a station"
        raise SignatureRefused(Flaw.FORBIDDEN, detail)
    found = select(device_keys.c.public_key).where(device_keys.c.key_id == present)
    public_key = raw_key(connection.execute(found).scalar_one())
    _check_signed(public_key, consent, words, "consent: not the present key's signature of the rotation's words")


def _require_lane(lane: str | None) -> None:
    """Stations and pages name lanes in addresses and messages. Raises AdminError."""
    if lane is None:
        return
    plain = lane.isprintable() and lane == lane.strip() and not set(lane) & set("/?#%\\") and lane.strip(".")
    if not (1 <= len(lane) <= LONGEST_LANE and plain):
        raise AdminError(f"a lane's name has 1 to {LONGEST_LANE} printable characters, none of / ? # % and backslash")
    require_plain_form(lane)


def new_code() -> str:
    """A one-time code, of a device or of a phone."""
    return random_text(CODE_LENGTH)


def random_text(length: int) -> str:
    return "".join(secrets.choice(CODE_CHARACTERS) for _ in range(length))


def shown_code(code: str) -> str:
    """In groups of four, as people read and type it."""
    return "-".join(code[i : i + 4] for i in range(0, CODE_LENGTH, 4))


def code_digest(code: str) -> str:
    """What is kept of a code, however it was typed."""
    return hashlib.sha256(code.upper().translate(_MISREAD).encode()).hexdigest()


def enrolment_buckets(source: str) -> tuple[token_buckets.Bucket, ...]:
    """What an attempt with a code is counted in."""
    return token_buckets.Bucket(f"enrol:{source}", *_PER_SOURCE), token_buckets.Bucket("enrol", *_ALL_SOURCES)


def _living(connection: Connection, place: Place) -> list[str]:
    """Devices at a place that are not revoked."""
    query = select(devices.c.id).where(
        devices.c.kind == place.kind.value,
        devices.c.station == place.station,
        devices.c.lane.is_(None) if place.lane is None else devices.c.lane == place.lane,
        devices.c.revoked_us.is_(None),
    )
    return [row.id for row in connection.execute(query)]


def _key_row(device: str, public_key: bytes, state: str, now: datetime) -> dict[str, Any]:
    text = base64.b64encode(public_key).decode()
    return {"key_id": key_id(public_key), "device": device, "public_key": text, "state": state, "added_us": to_us(now)}


def _device(row: Row[Any], keys: tuple[str, ...]) -> Device:
    revoked_at = None if row.revoked_us is None else from_us(row.revoked_us)
    place = Place(DeviceKind(row.kind), row.station, row.lane)
    return Device(row.id, place, from_us(row.enrolled_us), revoked_at, keys)


def _device_key(row: Row[Any]) -> DeviceKey:
    return DeviceKey(
        device=row.id,
        key_id=row.key_id,
        kind=DeviceKind(row.kind),
        station=row.station,
        lane=row.lane,
        public_key=row.public_key,
        revoked=row.revoked_us is not None or row.state == "retired",
    )
