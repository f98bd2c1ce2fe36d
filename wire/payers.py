"""What phones sign: mandates, and words on one charge."""

from __future__ import annotations

import base64
import enum
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from wire.codec import WireError
from wire.money import MAX_FEN

MANDATE_WORDS = b"greenlane mandate "
PAYMENT_WORDS = b"greenlane payment "
ERASURE_WORDS = b"greenlane erasure "
"""Come before the text that is signed, so that a signature says nothing else."""
MOST_TRIES = 1000


def _text(longest: int, shortest: int = 1) -> Any:
    return field(metadata={"shortest": shortest, "longest": longest})


class KeyAlgorithm(enum.StrEnum):
    """Of a phone's key: Ed25519 (32 raw bytes) or ECDSA on P-256 with SHA-256 (65 bytes, r and s of 32 bytes each)."""

    ED25519 = "ed25519"
    P256 = "p256"


class ChargeState(enum.StrEnum):
    """Of a charge. ACCEPTED: a provider took the order, which is not paid. UNKNOWN: it has been silent since."""

    CREATED = "created"
    SENT = "sent"
    SEEN = "seen"
    ACCEPTED = "accepted"
    PAID = "paid"
    DECLINED = "declined"
    EXPIRED = "expired"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    UNKNOWN = "unknown"


class PhoneWord(enum.StrEnum):
    """What a phone says about one charge."""

    PAY = "pay"
    DECLINE = "decline"
    DISPUTE = "dispute"


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateText:
    """What may be taken without asking each time, in the words that the phone's key signs.

    stations: empty for all. hours: daily, as H-H; absent for all. offline_fen: up to how much while a line is cut.
    agreed_fen: as the plates' owner, up to how much of a charge that others of the period have not paid; 0 for nothing.
    """

    plates: tuple[str, ...]
    per_fill_fen: int = field(metadata={"low": 1, "high": MAX_FEN})
    per_day_fen: int = field(metadata={"low": 1, "high": MAX_FEN})
    tries_per_day: int = field(metadata={"low": 1, "high": MOST_TRIES})
    stations: tuple[str, ...] = ()
    hours: str | None = field(default=None, metadata={"shortest": 3, "longest": 11})
    offline_fen: int = field(default=0, metadata={"low": 0, "high": MAX_FEN})
    signed_at: datetime
    agreed_fen: int = field(default=0, metadata={"since": 2, "low": 0, "high": MAX_FEN})

    def __post_init__(self) -> None:
        if not self.plates:
            raise WireError("plates: a mandate names at least one plate")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentText:
    """One word about one charge, in the words that the phone's key signs. amount_fen: the charge's whole amount."""

    charge: str = _text(40)
    word: PhoneWord
    amount_fen: int = field(metadata={"low": 1, "high": MAX_FEN})
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureText:
    """A person wants to be erased, in the words that their phone's key signs."""

    person: str = _text(40)
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A text with the signature (base64) of its words and that text by the key of this id."""

    text: str = _text(4000, 2)
    key_id: str = _text(43, 43)
    signature: str = _text(88, 88)


def phone_key_id(algorithm: KeyAlgorithm, public_key: bytes) -> str:
    """The JWK thumbprint (RFC 7638) of a phone's raw public key: 43 characters of base64url."""
    if algorithm is KeyAlgorithm.ED25519:
        jwk = f'{{"crv":"Ed25519","kty":"OKP","x":"{_coordinate(public_key)}"}}'
    else:
        x, y = _coordinate(public_key[1:33]), _coordinate(public_key[33:])
        jwk = f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'
    return _coordinate(hashlib.sha256(jwk.encode()).digest())


def _coordinate(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
