"""A phone for tests: a real key, paired by a real code, that signs mandates and words about charges."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from service.payer_rules.periods import Hours
from service.payers import keys, mandates
from service.payers.charging import Charging
from service.payers.phones import Phones
from service.payers.plate_payers import NewBinding, PlatePayers
from tests.service.world import PLATE, World
from wire.codec import encode_text
from wire.payers import (
    MANDATE_WORDS,
    PAYMENT_WORDS,
    ChargeState,
    KeyAlgorithm,
    MandateText,
    PaymentText,
    PhoneWord,
    Signed,
    phone_key_id,
)


@dataclass
class Phone:
    """One phone of a person; `code` pairs it when it is made."""

    world: World
    code: str
    algorithm: KeyAlgorithm = KeyAlgorithm.ED25519
    key: Ed25519PrivateKey | EllipticCurvePrivateKey = field(init=False)

    def __post_init__(self) -> None:
        self.key = Ed25519PrivateKey.generate() if self.algorithm == "ed25519" else generate_private_key(SECP256R1())
        public = base64.b64encode(self.raw).decode()
        with self.world.database.writing() as connection:
            self.person = keys.pair(connection, self.code, self.algorithm, public, self.world.clock.now())

    @property
    def raw(self) -> bytes:
        if isinstance(self.key, Ed25519PrivateKey):
            return self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def sign(self, words: bytes, text: str) -> Signed:
        message = words + text.encode()
        if isinstance(self.key, Ed25519PrivateKey):
            proof = self.key.sign(message)
        else:
            r, s = decode_dss_signature(self.key.sign(message, ECDSA(SHA256())))
            proof = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        key_id = phone_key_id(self.algorithm, self.raw)
        return Signed(text=text, key_id=key_id, signature=base64.b64encode(proof).decode())

    def mandate(self, *plates: str, **changes: object) -> str:
        self.world.clock.advance(1)
        values: dict[str, object] = {
            "plates": plates or (PLATE,),
            "per_fill_fen": 50_000,
            "per_day_fen": 100_000,
            "tries_per_day": 20,
            "signed_at": self.world.clock.now(),
        }
        text = encode_text(MandateText(**{**values, **changes}))  # type: ignore[arg-type]
        return mandates.sign(self.world.books, self.sign(MANDATE_WORDS, text))

    def word(self, charge: str, amount_fen: int, word: PhoneWord = PhoneWord.PAY, at: datetime | None = None) -> Signed:
        moment = at or self.world.clock.now()
        text = encode_text(PaymentText(charge=charge, word=word, amount_fen=amount_fen, at=moment))
        return self.sign(PAYMENT_WORDS, text)

    def say(self, charge: str, amount_fen: int, word: PhoneWord = PhoneWord.PAY) -> ChargeState:
        self.world.clock.advance(1)  # no two messages of a phone are the same
        return Charging(self.world.books).hear(self.word(charge, amount_fen, word))


def person(world: World, name: str, hours: str | None = "0-24", fen: int = 50_000, plate: str = PLATE) -> Phone:
    """A person with a paired phone, money and hours on a plate; without a mandate."""
    phones = Phones(world.books, "tester")
    code = phones.add(name)
    if fen:
        phones.top_up(name, fen)
    if hours is not None:
        PlatePayers(world.books, "tester").set(plate, name, NewBinding(hours=Hours.parse(hours)))
    return Phone(world, code.code)


def payer(
    world: World, name: str, period: str = "0-24", fen: int = 50_000, plate: str = PLATE, **limits: object
) -> Phone:
    """As person, with a mandate for the plate."""
    phone = person(world, name, period, fen, plate)
    phone.mandate(plate, **limits)
    return phone


def wallet_fen(world: World, name: str) -> tuple[int, int, int]:
    """Balance, held and owed."""
    found = Phones(world.books, "tester").list(name)[0]
    return found.balance_fen, found.held_fen, found.owed_fen
