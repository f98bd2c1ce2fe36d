"""The phones of the bench of payments by mandate: paired, with a signed mandate, looking when their stream tells."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from greenlane.bench.client import KeptConnection, Target
from greenlane.bench.stream_phones import CHANGED, address_of, p256_signature, signed_get, stream_request
from service.books.books import Books
from service.errors import ServiceError
from service.payer_rules.periods import Hours
from service.payers import keys, mandates
from service.payers.phones import Phones
from service.payers.plate_payers import NewBinding, PlatePayers
from service.store.database import telling_faults
from wire.codec import encode_text
from wire.payers import MANDATE_WORDS, MOST_TRIES, ChargeState, KeyAlgorithm, MandateText, Signed, phone_key_id

PLENTY_FEN = 10**9
PER_FILL_FEN = 10_000
CHARGES = "/v1/phone/charges"
LOOKED_AT = ("/v1/phone/me", "/v1/phone/greens", CHARGES)
"""What the phone's page asks for when its stream has told it of a change, in this order."""


@dataclass
class PayingPhone:
    """One person's phone with its plate. paid: by the totaliser before a fuelling, when its charge was seen paid."""

    number: int
    plate: str
    key: EllipticCurvePrivateKey
    key_id: str
    paid: dict[int, float] = field(default_factory=dict)
    looks: int = 0
    _asked: asyncio.Event = field(default_factory=asyncio.Event)
    _opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self, target: Target) -> None:
        """Until cancelled: hold the stream, and look whenever it tells."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(target))
            group.create_task(self._look(target))

    async def opened(self) -> None:
        """The stream has said its first word."""
        await self._opened.wait()

    async def _listen(self, target: Target) -> None:
        place = (address_of(self.number), 0)
        reader, writer = await asyncio.open_connection(target.host, target.port, limit=2**14, local_addr=place)
        try:
            writer.write(stream_request(self.key, self.key_id, target.authority))
            while line := await reader.readline():
                if line.startswith(CHANGED):
                    self._opened.set()
                    self._asked.set()
            raise ServiceError("the service ended a phone's stream")
        finally:
            writer.close()

    async def _look(self, target: Target) -> None:
        line = KeptConnection(target, source=address_of(self.number))
        try:
            while True:
                await self._asked.wait()
                self._asked.clear()
                for path in LOOKED_AT:
                    reply = await line.send("GET", path, b"", signed_get(self.key, self.key_id, target.authority, path))
                    if reply.status != 200:
                        raise ServiceError(f"GET {path}: {reply.status} {reply.body[:80].decode(errors='replace')}")
                    if path == CHARGES:
                        self._note(reply.record(), time.monotonic())
        finally:
            line.close()

    def _note(self, charges: Sequence[dict[str, Any]], at_s: float) -> None:
        self.looks += 1
        for charge in charges:
            if charge["state"] == ChargeState.PAID:
                self.paid.setdefault(charge["totaliser_before_ml"], at_s)


def make_phones(books: Books, count: int) -> list[PayingPhone]:
    """So many persons, each with hours on a plate, a paired phone, money, and a mandate signed by its key."""
    admin, payers = Phones(books, "bench"), PlatePayers(books, "bench")
    made = []
    for number in range(count):
        name, plate = f"phone {number}", f"粤B{number:05d}"
        code = admin.add(name).code
        admin.top_up(name, PLENTY_FEN)
        payers.set(plate, name, NewBinding(hours=Hours.parse("0-24")))
        made.append(_paired(books, number, plate, code))
    return made


def _paired(books: Books, number: int, plate: str, code: str) -> PayingPhone:
    key, now = generate_private_key(SECP256R1()), books.clock.now()
    raw = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    with telling_faults(), books.database.writing() as connection:
        keys.pair(connection, code, KeyAlgorithm.P256, base64.b64encode(raw).decode(), now)
    text = encode_text(
        MandateText(
            plates=(plate,),
            per_fill_fen=PER_FILL_FEN,
            per_day_fen=PLENTY_FEN,
            tries_per_day=MOST_TRIES,
            signed_at=now,
        )
    )
    phone = PayingPhone(number, plate, key, phone_key_id(KeyAlgorithm.P256, raw))
    proof = base64.b64encode(p256_signature(key, MANDATE_WORDS + text.encode())).decode()
    mandates.sign(books, Signed(text=text, key_id=phone.key_id, signature=proof))
    return phone
