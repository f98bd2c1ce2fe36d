"""A push service of the tests' own on loopback: checks and decrypts as a browser does, and answers as it is told."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

WAIT_S = 30.0


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def raw(words: str) -> bytes:
    return base64.urlsafe_b64decode(words + "=" * (-len(words) % 4))


@dataclass
class Receiver:
    """The browser's side of one subscription: its key and secret, which only it knows."""

    private: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))
    auth: bytes = b"sixteen secret b"

    @property
    def public(self) -> bytes:
        found: bytes = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return found

    def wanted(self, endpoint: str) -> dict[str, str]:
        return {"endpoint": endpoint, "p256dh": base64url(self.public), "auth": base64url(self.auth)}

    def open(self, body: bytes) -> bytes:
        """By RFC 8188 and 8291, from the receiver's side; raises where it is for another, or was changed."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size
        shared = self.private.exchange(ECDH(), EllipticCurvePublicKey.from_encoded_point(SECP256R1(), sender))
        secret = HKDF(SHA256(), 32, self.auth, b"WebPush: info\x00" + self.public + sender).derive(shared)
        key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\x00").derive(secret)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\x00").derive(secret)
        padded = AESGCM(key).decrypt(nonce, sealed, None)
        assert padded[-1:] == b"\x02"
        return padded[:-1]


@dataclass(frozen=True)
class Message:
    path: str
    headers: dict[str, str]
    body: bytes


class PushService:
    """status: of every answer; None: takes the message and never answers, until it is let go."""

    def __init__(self) -> None:
        self.status: int | None = 201
        self.messages: list[Message] = []
        self._arrived = threading.Condition()
        self._let_go = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer._take(Message(self.path, dict(self.headers.items()), body))
                if outer.status is None:
                    outer._let_go.wait()
                    return
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_words: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self.server.server_port}"

    def _take(self, message: Message) -> None:
        with self._arrived:
            self.messages.append(message)
            self._arrived.notify_all()

    def wait(self, count: int) -> list[Message]:
        """As soon as so many have arrived in all."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.messages) >= count, WAIT_S), len(self.messages)
            return list(self.messages)

    def close(self) -> None:
        self._let_go.set()
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def push_service() -> Iterator[PushService]:
    made = PushService()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.close()
        thread.join()


def claims_of(message: Message, public_key: str) -> dict[str, Any]:
    """What the sender's token says, its signature verified by the key that the phone subscribed with."""
    scheme, _, rest = message.headers["Authorization"].partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert (scheme, parts["k"]) == ("vapid", public_key)
    head, body, proof = parts["t"].split(".")
    assert json.loads(raw(head)) == {"typ": "JWT", "alg": "ES256"}
    signature = raw(proof)
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    point = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), raw(public_key))
    point.verify(der, f"{head}.{body}".encode(), ECDSA(SHA256()))
    found: dict[str, Any] = json.loads(raw(body))
    return found
