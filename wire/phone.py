"""What a phone's page says to the service and is answered: pairing, and whose phone it is."""

from __future__ import annotations

from dataclasses import dataclass

from wire.codec import text

PUBLIC_KEY_LENGTH = 88
"""Base64 of the 65 bytes of an uncompressed point of P-256."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonePairing:
    """A phone's first words, signed with the key it brings. consent: the version of the words that were agreed to."""

    code: str = text(20)
    public_key: str = text(PUBLIC_KEY_LENGTH, PUBLIC_KEY_LENGTH)
    consent: str = text(20)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonePaired:
    """Whose phone it is from now on, and the key by which it speaks."""

    person: str = text(40)
    name: str = text(40)
    key_id: str = text(43, 43)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonePerson:
    """What a phone is told of its own person. plates: on which they hold hours, or whose owner they are."""

    person: str = text(40)
    name: str = text(40)
    balance_fen: int
    held_fen: int
    owed_fen: int
    plates: tuple[str, ...]
