"""A private key of the service in a file for its owner alone: made on first use, whole, and by one worker only."""

from __future__ import annotations

import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from service.errors import Unavailable
from service.store.database import Database
from service.store.state_folder import state_folder
from wire.files import LONGEST_PEM, read_regular, write_private


class Private(Protocol):
    """A private key that can be written down."""

    def private_bytes(self, encoding: Encoding, format: PrivateFormat, encryption_algorithm: NoEncryption) -> bytes: ...


def key_file(database: Database, word: str) -> Path:
    """Where a database's key of that name is kept: beside an SQLite file, else in the state directory."""
    if database.is_sqlite:
        return database.path.with_name(f"{database.path.name}.{word}-key")
    return state_folder() / f"{word}.key"


def private_key(path: Path, new_key: Callable[[], Private], lacking: str) -> PrivateKeyTypes:
    """The file's key, made where there is none. Raises Unavailable; lacking: what can't be done without it."""
    pem = _read_or_make(path, new_key, lacking)
    try:
        return load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise Unavailable(f"{path}: this is not a private key in PEM; {lacking}") from error


def _read_or_make(path: Path, new_key: Callable[[], Private], lacking: str) -> bytes:
    try:
        if not path.exists():
            _make(path, new_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Unavailable(f"{path}: others may read this key; run: chmod 600 {path}")
        return read_regular(path, LONGEST_PEM)
    except OSError as error:
        raise Unavailable(f"{path}: {error.strerror}; {lacking}") from error


def _make(path: Path, pem: bytes) -> None:
    with suppress(FileExistsError):  # another worker has made one meanwhile, and that counts
        write_private(path, pem)
