"""Folders for what is in the making beside the books: nobody else reads them, and what killed processes left goes."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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


def _sweep(folder: Path) -> None:
    for left in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):
            held = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left)
            finally:
                os.close(held)
