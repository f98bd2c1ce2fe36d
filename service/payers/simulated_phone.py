"""A phone in software, with a real key: for simulations and tests. It pairs, signs mandates and words about charges."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from service.books.books import Books
from service.payers import keys, mandates
from service.payers.charging import Charging
from service.store.database import telling_faults
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

MOST_TRIES_A_DAY = 1000


class SimulatedPhone:
    """Paired when it is made. Raises AdminError as the service does."""

    def __init__(self, books: Books, code: str) -> None:
        self._books = books
        self._key = Ed25519PrivateKey.generate()
        self._raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        public = base64.b64encode(self._raw).decode()
        with telling_faults(), books.database.writing() as connection:
            self.person = keys.pair(connection, code, KeyAlgorithm.ED25519, public, books.clock.now())

    def sign_mandate(self, plates: Sequence[str], limit_fen: int) -> str:
        """A mandate for these plates with one limit for a fill and for a day; its id."""
        text = MandateText(
            plates=tuple(plates),
            per_fill_fen=limit_fen,
            per_day_fen=limit_fen,
            tries_per_day=MOST_TRIES_A_DAY,
            signed_at=self._books.clock.now(),
        )
        return mandates.sign(self._books, self._signed(MANDATE_WORDS, encode_text(text)))

    def say(self, charge: str, amount_fen: int, word: PhoneWord) -> ChargeState:
        """Pay, decline or dispute a charge."""
        text = PaymentText(charge=charge, word=word, amount_fen=amount_fen, at=self._books.clock.now())
        return Charging(self._books).hear(self._signed(PAYMENT_WORDS, encode_text(text)))

    def _signed(self, words: bytes, text: str) -> Signed:
        signature = base64.b64encode(self._key.sign(words + text.encode())).decode()
        return Signed(text=text, key_id=phone_key_id(KeyAlgorithm.ED25519, self._raw), signature=signature)
