"""The service's own Ed25519 key, which signs offline lists: made on first use, kept in a file for its owner alone."""

from __future__ import annotations

import base64
import threading
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from service.errors import Unavailable
from service.store.database import Database
from service.store.key_file import key_file, private_key
from wire.offline import LIST_WORDS, SignedOfflineList


class ListKey:
    """The key of one file. Several machines that serve one database need the same file. Safe between threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._key: Ed25519PrivateKey | None = None
        self._lock = threading.Lock()

    @classmethod
    def of(cls, database: Database) -> ListKey:
        """The one that belongs to a database."""
        return cls(key_file(database, "list"))

    @property
    def public_text(self) -> str:
        """The 32 raw bytes of the public key, base64. Raises Unavailable as sign does."""
        raw = self._private().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return base64.b64encode(raw).decode()

    def sign(self, text: str) -> SignedOfflineList:
        """The list's text with this key's signature. Raises Unavailable where the file cannot be read or made."""
        signature = base64.b64encode(self._private().sign(_signed_bytes(text))).decode()
        return SignedOfflineList(text=text, public_key=self.public_text, signature=signature)

    def _private(self) -> Ed25519PrivateKey:
        with self._lock:
            if self._key is None:
                self._key = _load_or_make(self.path)
            return self._key


def is_signed(signed: SignedOfflineList) -> bool:
    """Whether the signature is the one of the public key beside it; whose key that is, the caller must know."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(signed.public_key, validate=True))
        key.verify(base64.b64decode(signed.signature, validate=True), _signed_bytes(signed.text))
    except (InvalidSignature, ValueError):
        return False
    return True


def _signed_bytes(text: str) -> bytes:
    return LIST_WORDS + text.encode()


def _load_or_make(path: Path) -> Ed25519PrivateKey:
    key = private_key(path, Ed25519PrivateKey.generate, "offline lists cannot be signed")
    if not isinstance(key, Ed25519PrivateKey):
        raise Unavailable(f"{path}: expected an Ed25519 key, found another kind")
    return key
