"""A phone over HTTP: a P-256 key that signs its requests by hand, as the browser's script does, and can be spoilt."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from dataclasses import dataclass, field
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi.testclient import TestClient

from service.payers.periods import Hours
from service.payers.phones import Phones
from service.payers.rules import NewBinding, PlatePayers
from service.phone.words import CONSENT
from tests.service.identity.kit import HOST, House, Parcel
from wire.payers import KeyAlgorithm, phone_key_id

PLATE = "粤B67890"
_NONCES = itertools.count(1)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@dataclass
class HttpPhone:
    """Not paired until pair() was answered well."""

    house: House
    client: TestClient
    key: Any = field(default_factory=lambda: generate_private_key(SECP256R1()))

    @property
    def raw(self) -> bytes:
        found: bytes = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return found

    @property
    def key_id(self) -> str:
        return phone_key_id(KeyAlgorithm.P256, self.raw)

    def proof(self, message: bytes) -> str:
        r, s = decode_dss_signature(self.key.sign(message, ECDSA(SHA256())))
        return _base64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))

    def signed(self, method: str, target: str, record: object = None) -> Parcel:
        """The request with its signature, at the house's time."""
        path, _, query = target.partition("?")
        body = b"" if record is None else json.dumps(record, ensure_ascii=False).encode()
        lines = [("@method", method), ("@authority", HOST), ("@path", path), ("@query", f"?{query}")]
        headers = {"Host": HOST}
        if body:
            headers["Content-Type"] = "application/json"
            headers["Content-Digest"] = f"sha-256=:{_base64(hashlib.sha256(body).digest())}:"
            lines += [(name.lower(), headers[name]) for name in ("Content-Type", "Content-Digest")]
        names = " ".join(f'"{name}"' for name, _ in lines)
        created = int(self.house.clock.now().timestamp())
        inputs = f'({names});created={created};keyid="{self.key_id}";nonce="phone-nonce-{next(_NONCES):06}"'
        inputs += ';alg="ecdsa-p256-sha256";tag="greenlane"'
        base = "\n".join([*(f'"{name}": {value}' for name, value in lines), f'"@signature-params": {inputs}'])
        headers |= {"Signature-Input": f"greenlane={inputs}", "Signature": f"greenlane=:{self.proof(base.encode())}:"}
        return Parcel(method, target, headers, body)

    def ask(self, method: str, target: str, record: object = None) -> httpx.Response:
        return self.signed(method, target, record).send(self.client)

    def pairing(self, code: str, consent: str = CONSENT) -> Parcel:
        record = {"code": code, "public_key": _base64(self.raw), "consent": consent}
        return self.signed("POST", "/v1/phone/pairings", record)

    def pair(self, code: str) -> HttpPhone:
        answer = self.pairing(code).send(self.client)
        assert answer.status_code == 200, answer.text
        return self


def person(house: House, client: TestClient, name: str, hours: str | None = "0-24", fen: int = 50_000) -> HttpPhone:
    """A person with money, hours on the plate and a paired phone, but no mandate."""
    phones = Phones(house.app.state.books, "test")
    code = phones.add(name).code
    if fen:
        phones.top_up(name, fen)
    if hours is not None:
        PlatePayers(house.app.state.books, "test").set(PLATE, name, NewBinding(hours=Hours.parse(hours)))
    return HttpPhone(house, client).pair(code)
