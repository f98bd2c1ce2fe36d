"""The service's own key towards push services (VAPID, RFC 8292), in a file for its owner alone; made on first use."""

from __future__ import annotations

import base64
import json
import threading
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from service.errors import Unavailable
from service.store.database import Database
from service.store.key_file import key_file, private_key

TOKEN_LIFE = timedelta(hours=12)
"""At most 24 hours by the standard."""


class VapidKey:
    """The key of one file. Several machines that serve one database need the same file. Safe between threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._key: EllipticCurvePrivateKey | None = None
        self._lock = threading.Lock()

    @classmethod
    def of(cls, database: Database) -> VapidKey:
        """The one that belongs to a database."""
        return cls(key_file(database, "push"))

    @property
    def public_text(self) -> str:
        """The uncompressed point, base64url, as a browser subscribes with it. Raises Unavailable."""
        raw = self.private().public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return base64url(raw)

    def authorisation(self, endpoint: str, contact: str, now: datetime) -> str:
        """The Authorization header for a message to an endpoint. contact: mailto: or https: of who runs this."""
        found = urlsplit(endpoint)
        claims = {"aud": f"{found.scheme}://{found.netloc}", "exp": int((now + TOKEN_LIFE).timestamp()), "sub": contact}
        text = f"{_part({'typ': 'JWT', 'alg': 'ES256'})}.{_part(claims)}"
        r, s = decode_dss_signature(self.private().sign(text.encode(), ECDSA(SHA256())))
        token = f"{text}.{base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
        return f"vapid t={token}, k={self.public_text}"

    def private(self) -> EllipticCurvePrivateKey:
        """Made where there is none. Raises Unavailable where the file cannot be read or made, or others may read it."""
        with self._lock:
            if self._key is None:
                self._key = _load_or_make(self.path)
            return self._key


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def from_base64url(words: str) -> bytes:
    """Raises ValueError."""
    return base64.b64decode(words + "=" * (-len(words) % 4), altchars=b"-_", validate=True)


def _part(record: dict[str, object]) -> str:
    return base64url(json.dumps(record, separators=(",", ":")).encode())


def _load_or_make(path: Path) -> EllipticCurvePrivateKey:
    key = private_key(path, lambda: generate_private_key(SECP256R1()), "phones cannot be woken")
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise Unavailable(f"{path}: expected a P-256 key, found another kind")
    return key
