"""The phones of the streams' bench: persons and keys written into the books, and streams that each signs for."""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from service.payers import wallets
from service.store.database import Database
from service.store.ids import IdMaker
from service.store.payer_tables import persons, phone_keys
from wire.payers import KeyAlgorithm, phone_key_id

EVENTS = "/v1/phone/events"
PER_ADDRESS = 100
CHANGED = b"event: changed"
"""How the line of a stream begins that tells of a change."""


@dataclass
class StreamPhone:
    """One phone with its stream; counts what it is told."""

    number: int
    person: str
    key: EllipticCurvePrivateKey
    key_id: str
    is_open: bool = False
    told_s: float | None = None
    _first: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _expects: bool = False

    async def open(self, port: int) -> None:
        """Returns when the stream has said its first word, or has ended."""
        self._task = asyncio.create_task(self._follow(port))
        await self._first.wait()

    def expect(self) -> None:
        """What is told from now on counts."""
        self._expects = True

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _follow(self, port: int) -> None:
        place = (address_of(self.number), 0)
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**14, local_addr=place)
            writer.write(stream_request(self.key, self.key_id, f"127.0.0.1:{port}"))
            while True:
                line = await reader.readline()
                if not line:
                    return
                if line.startswith(CHANGED):
                    self.is_open = True
                    self._first.set()
                    if self._expects and self.told_s is None:
                        self.told_s = time.monotonic()
        except OSError:
            return
        finally:
            self.is_open = False
            self._first.set()


def address_of(number: int, net: int = 0) -> str:
    """The loopback address that a phone, or a lane in a net of its own, comes from."""
    return f"127.{net}.{1 + number // PER_ADDRESS // 250}.{1 + number // PER_ADDRESS % 250}"


def stream_request(key: EllipticCurvePrivateKey, key_id: str, host: str) -> bytes:
    """What opens a phone's stream."""
    signed = signed_get(key, key_id, host, EVENTS)
    lines = [f"GET {EVENTS} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in signed.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def signed_get(key: EllipticCurvePrivateKey, key_id: str, host: str, path: str) -> dict[str, str]:
    """The headers of a request for this path, signed by RFC 9421 as the phone's page signs it."""
    lines = [("@method", "GET"), ("@authority", host), ("@path", path), ("@query", "?")]
    names = " ".join(f'"{name}"' for name, _ in lines)
    inputs = f'({names});created={int(time.time())};keyid="{key_id}";nonce="{secrets.token_hex(12)}"'
    inputs += ';alg="ecdsa-p256-sha256";tag="greenlane"'
    base = "\n".join([*(f'"{name}": {value}' for name, value in lines), f'"@signature-params": {inputs}'])
    proof = base64.b64encode(p256_signature(key, base.encode())).decode()
    return {"Signature-Input": f"greenlane={inputs}", "Signature": f"greenlane=:{proof}:"}


def p256_signature(key: EllipticCurvePrivateKey, message: bytes) -> bytes:
    """r and s, 32 bytes each, as a browser gives them."""
    r, s = decode_dss_signature(key.sign(message, ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def make_phones(database: Database, count: int) -> list[StreamPhone]:
    """So many persons, each with one paired phone."""
    made, ids, now_us = [], IdMaker(), time.time_ns() // 1000
    with database.writing() as connection:
        for number in range(count):
            key = generate_private_key(SECP256R1())
            raw = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            phone = StreamPhone(number, f"p-{secrets.token_hex(6)}", key, phone_key_id(KeyAlgorithm.P256, raw))
            wallet, owed = wallets.open_accounts(connection, phone.person, ids, now_us)
            row = {"id": phone.person, "name": f"phone {number}", "wallet": wallet, "owed": owed, "created_us": now_us}
            connection.execute(persons.insert().values(row))
            public = {"algorithm": KeyAlgorithm.P256.value, "public_key": base64.b64encode(raw).decode()}
            bound = {"id": phone.key_id, "person": phone.person, "added_us": now_us, **public}
            connection.execute(phone_keys.insert().values(bound))
            made.append(phone)
    return made
