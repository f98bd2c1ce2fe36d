"""The Ed25519 key with which a device signs: made, loaded, saved for its owner alone, and changed for the next."""

from __future__ import annotations

import base64
import importlib.util
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from controller.errors import SettingsError
from wire.devices import key_id, rotation_words
from wire.files import LONGEST_PEM, read_regular, write_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LIBRARIES = ("cryptography", "http_message_signatures")


class KeyPair:
    """An Ed25519 key pair; the private half never leaves this machine."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        self._private = private
        self._public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @classmethod
    def make(cls) -> KeyPair:
        """A new pair from the system's random numbers. Raises SettingsError where the libraries are missing."""
        require_libraries()
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path) -> KeyPair:
        """The key of a PKCS #8 PEM file. Raises SettingsError where others may read it or it is no Ed25519 key."""
        require_libraries()
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise SettingsError(f"{path}: others may read this key; run: chmod 600 {path}")
            pem = read_regular(path, LONGEST_PEM)
        except OSError as error:
            raise SettingsError(f"{path}: {error.strerror}; make a key with: greenlane enrol CODE") from error
        try:
            private = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError) as error:
            raise SettingsError(f"{path}: this is not a private key in PEM") from error
        if not isinstance(private, Ed25519PrivateKey):
            raise SettingsError(f"{path}: expected an Ed25519 key, found another kind")
        return cls(private)

    @property
    def key_id(self) -> str:
        return key_id(self._public)

    @property
    def public_text(self) -> str:
        """The 32 raw bytes of the public key, base64."""
        return base64.b64encode(self._public).decode()

    @property
    def private(self) -> Ed25519PrivateKey:
        return self._private

    def rotation_proof(self, old_key_id: str) -> str:
        """Base64 of this (new) key's signature over the words of a rotation."""
        return base64.b64encode(self._private.sign(rotation_words(old_key_id, self.key_id))).decode()

    def rotation_consent(self, new_key_id: str) -> str:
        """Base64 of this (present) key's signature over the same words."""
        return base64.b64encode(self._private.sign(rotation_words(self.key_id, new_key_id))).decode()

    def save(self, path: Path) -> None:
        """Write the key for its folder's owner alone, whole or not at all. Raises SettingsError; overwrites nothing."""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        pem = self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        try:
            write_private(path, pem)
        except OSError as error:
            raise SettingsError(f"{path}: {error.strerror}") from error


def require_libraries() -> None:
    """Raises SettingsError where what signing needs is not installed."""
    missing = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise SettingsError(
            f"signing needs {', '.join(missing)}; run: {sys.prefix}/bin/pip install 'greenlane[signing]'"
        )
