"""Folders for what is in the making beside the books: nobody else reads them, and what killed processes left goes."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

PREFIX = ".greenlane-scratch-"


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A new folder within, mode 0700, gone afterwards. Raises OSError.

    Its process holds it locked while it lives; the next one removes what nobody holds. A file system that locks no
    folders (NFS) keeps what a killed process left.
    """
    _sweep(folder)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=folder) as made:
        held = os.open(made, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with suppress(OSError):
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield Path(made)
        finally:
            os.close(held)


def private_file(path: Path) -> Path:
    """A new, empty file of mode 0600. Raises OSError, FileExistsError among them."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return path


def copied(source: sqlite3.Connection, target: Path) -> Path:
    """One moment of a database in a new file of mode 0600, beside which whoever reads it writes nothing."""
    with closing(sqlite3.connect(private_file(target))) as sink:
        source.backup(sink)
        sink.execute("pragma journal_mode = delete").fetchall()
    return target


def _sweep(folder: Path) -> None:
    for left in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):
            held = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left)
            finally:
                os.close(held)
