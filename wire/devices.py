"""Devices and their keys: enrolment, rotation, and what every signature covers."""

from __future__ import annotations

import base64
import enum
import hashlib
from dataclasses import dataclass, field

from wire.codec import text


class DeviceKind(enum.StrEnum):
    """What a machine with a key of its own is, and so what it may say."""

    LANE = "lane"
    PANEL = "panel"
    STATION = "station"


SIGNATURE_TAG = "greenlane"
"""The tag parameter (RFC 9421, 2.3) of every signature, so that one made for another protocol is never taken."""

SIGNED_PARTS = ("@method", "@authority", "@path", "@query")
"""What a signature covers always; content-digest and content-type too where the message has a body. Scheme and
transport are left out, so that a proxy may end the TLS."""

SIGNATURE_AGE_S = 300
"""A signature older than this, or made as far in the future, is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentRequest:
    """A device's first words, signed with the key it brings. public_key: the 32 raw bytes of Ed25519, base64.

    kind: where it is given, a code for anything else is refused and not burnt.
    """

    code: str = text(20)
    public_key: str = text(44, 44)
    kind: DeviceKind | None = field(default=None, metadata={"since": 2})


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """Who the device is from now on. `lane` is absent for a station's central control."""

    device: str = text(40)
    key_id: str = text(43, 43)
    kind: DeviceKind
    station: str = text(40)
    lane: str | None = field(metadata={"shortest": 1, "longest": 40})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRotation:
    """A device's next key. proof: base64 of the new key's signature over rotation_words(old key id, new key id).

    relayed_for: the old key's id, where a station's central control passes on what one of its devices has signed.
    consent: the old key's signature over the same words, so that a central control alone gives no device a key.
    """

    public_key: str = text(44, 44)
    proof: str = text(88, 88)
    relayed_for: str | None = field(default=None, metadata={"shortest": 43, "longest": 43})
    consent: str | None = field(default=None, metadata={"shortest": 88, "longest": 88, "since": 2})


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceKey:
    """One key that may speak for a lane or panel of a station; revoked ones are listed until they are forgotten."""

    device: str = text(40)
    key_id: str = text(43, 43)
    kind: DeviceKind
    station: str = text(40)
    lane: str | None = field(metadata={"shortest": 1, "longest": 40})
    public_key: str = text(44, 44)
    revoked: bool


def key_id(public_key: bytes) -> str:
    """The JWK thumbprint (RFC 7638, RFC 8037) of a raw Ed25519 public key: 43 characters of base64url."""
    coordinate = base64.urlsafe_b64encode(public_key).decode().rstrip("=")
    jwk = f'{{"crv":"Ed25519","kty":"OKP","x":"{coordinate}"}}'
    return base64.urlsafe_b64encode(hashlib.sha256(jwk.encode()).digest()).decode().rstrip("=")


def rotation_words(old_key_id: str, new_key_id: str) -> bytes:
    """What a new key signs to show that the device holds it."""
    return f"greenlane rotate {old_key_id} {new_key_id}".encode()
