"""A private key of the service in a file for its owner alone: made on first use, whole, and by one worker only."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from service.errors import Unavailable


def read_or_make(path: Path, new_pem: Callable[[], bytes], lacking: str) -> bytes:
    """The file's PEM, made where there is none. Raises Unavailable; lacking: what can't be done without it."""
    try:
        if not path.exists():
            _make(path, new_pem())
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Unavailable(f"{path}: others may read this key; run: chmod 600 {path}")
        return path.read_bytes()
    except OSError as error:
        raise Unavailable(f"{path}: {error.strerror}; {lacking}") from error


def _make(path: Path, pem: bytes) -> None:
    """Whole or not at all, and never over one that another worker has made meanwhile."""
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        if os.geteuid() == 0:
            folder = path.parent.stat()
            os.chown(fresh, folder.st_uid, folder.st_gid)
        _link(fresh, path)
    finally:
        fresh.unlink()


def _link(fresh: Path, path: Path) -> None:
    try:
        os.link(fresh, path)
    except FileExistsError:
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
