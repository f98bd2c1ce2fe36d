"""A phone over HTTP: a P-256 key that signs its requests by hand, as the browser's script does, and can be spoilt."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from service.books.messages import Report
from service.payer_rules.periods import Hours
from service.payers.phones import Phones
from service.payers.plate_payers import NewBinding, PlatePayers
from service.phone.words import CONSENT
from tests.service.identity.kit import HOST, Parcel, ServiceRig, fuelling
from wire.codec import decode
from wire.fuellings import Fuelling, FuellingReceipt
from wire.payers import MANDATE_WORDS, PAYMENT_WORDS, KeyAlgorithm, phone_key_id

PLATE = "粤B67890"
_NONCES = itertools.count(1)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@dataclass
class HttpPhone:
    """Not paired until pair() was answered well."""

    rig: ServiceRig
    client: httpx.Client
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
        """The request with its signature, at the service's time."""
        body = b"" if record is None else json.dumps(record, ensure_ascii=False).encode()
        return Parcel(method, target, self.headers(method, target, body), body)

    def headers(self, method: str, target: str, body: bytes, host: str = HOST) -> dict[str, str]:
        """The signature, and what it covers."""
        path, _, query = target.partition("?")
        lines = [("@method", method), ("@authority", host), ("@path", path), ("@query", f"?{query}")]
        headers = {"Host": host}
        if body:
            headers["Content-Type"] = "application/json"
            headers["Content-Digest"] = f"sha-256=:{_base64(hashlib.sha256(body).digest())}:"
            lines += [(name.lower(), headers[name]) for name in ("Content-Type", "Content-Digest")]
        names = " ".join(f'"{name}"' for name, _ in lines)
        created = int(self.rig.clock.now().timestamp())
        inputs = f'({names});created={created};keyid="{self.key_id}";nonce="phone-nonce-{next(_NONCES):06}"'
        inputs += ';alg="ecdsa-p256-sha256";tag="greenlane"'
        base = "\n".join([*(f'"{name}": {value}' for name, value in lines), f'"@signature-params": {inputs}'])
        signature = f"greenlane=:{self.proof(base.encode())}:"
        return headers | {"Signature-Input": f"greenlane={inputs}", "Signature": signature}

    def ask(self, method: str, target: str, record: object = None) -> httpx.Response:
        return self.signed(method, target, record).send(self.client)

    def word(self, charge: str, amount_fen: int, word: str = "pay", at: datetime | None = None) -> dict[str, str]:
        """What the key signs about a charge."""
        moment = (at or self.rig.clock.now()).isoformat()
        text = json.dumps({"charge": charge, "word": word, "amount_fen": amount_fen, "at": moment})
        return self.words(PAYMENT_WORDS, text)

    def words(self, words: bytes, text: str) -> dict[str, str]:
        return {"text": text, "key_id": self.key_id, "signature": self.proof(words + text.encode())}

    def say(self, charge: str, amount_fen: int, word: str = "pay") -> httpx.Response:
        return self.ask("POST", f"/v1/phone/charges/{charge}/words", self.word(charge, amount_fen, word))

    def mandate_text(self, *plates: str, **changes: Any) -> dict[str, str]:
        """What the key signs about plates."""
        limits = {"per_fill_fen": 50_000, "per_day_fen": 100_000, "tries_per_day": 20}
        record = {"plates": plates or (PLATE,), **limits, "signed_at": self.rig.clock.now().isoformat(), **changes}
        return self.words(MANDATE_WORDS, json.dumps(record, ensure_ascii=False))

    def mandate(self, *plates: str, **changes: Any) -> str:
        """The id of a mandate that the service has taken."""
        answer = self.ask("POST", "/v1/phone/mandates", self.mandate_text(*plates, **changes))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def pairing(self, code: str, consent: str = CONSENT) -> Parcel:
        record = {"code": code, "public_key": _base64(self.raw), "consent": consent}
        return self.signed("POST", "/v1/phone/pairings", record)

    def pair(self, code: str) -> HttpPhone:
        answer = self.pairing(code).send(self.client)
        assert answer.status_code == 200, answer.text
        return self


def person(
    rig: ServiceRig, client: httpx.Client, name: str, hours: str | None = "0-24", fen: int = 50_000, plate: str = PLATE
) -> HttpPhone:
    """A person with money, hours on the plate and a paired phone, but no mandate."""
    phones = Phones(rig.app.state.books, "test")
    code = phones.add(name).code
    if fen:
        phones.top_up(name, fen)
    if hours is not None:
        PlatePayers(rig.app.state.books, "test").set(plate, name, NewBinding(hours=Hours.parse(hours)))
    return HttpPhone(rig, client).pair(code)


def fuel(rig: ServiceRig, amount_fen: int, plate: str = PLATE, **changes: Any) -> FuellingReceipt:
    """A fuelling that nobody authorised, ended now at 7.90 yuan a litre: its payer is asked."""
    number, now = rig.number(), rig.clock.now()
    volume_ml = amount_fen * 1000 // 790
    made = replace(
        decode(Fuelling, fuelling()),
        dispenser=f"S1-D{number}",
        plate=plate,
        started_at=now - timedelta(seconds=60),
        ended_at=now,
        amount_fen=amount_fen,
        volume_ml=volume_ml,
        totaliser_after_ml=volume_ml,
        **changes,
    )
    answer = rig.app.state.books.carry_out_one(Report(made))
    assert isinstance(answer, FuellingReceipt), answer
    return answer
