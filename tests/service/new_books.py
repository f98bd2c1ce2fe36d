"""A new SQLite database, for the many tests that begin with one: the migrations are run once in a process."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from service.store.database import Database


@functools.cache
def new_books() -> bytes:
    """The file of an empty database of the newest schema."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "new.sqlite3"
        database = Database(f"sqlite:///{path}")
        database.migrate()
        database.close()
        return path.read_bytes()


def put_new_books(path: Path) -> str:
    """Make that file; the URL of the database."""
    path.write_bytes(new_books())
    path.chmod(0o600)
    return f"sqlite:///{path}"


def is_new(path: Path) -> bool:
    """Whether this is such a file in which nobody has written yet."""
    return path.read_bytes() == new_books() and not path.with_name(f"{path.name}-wal").exists()
