"""What SQLite says of a file that is damaged, of the books as of a state file."""

from __future__ import annotations

_OF_THE_FILE = {11, 26}
"""SQLITE_CORRUPT and SQLITE_NOTADB: https://sqlite.org/rescode.html"""


def is_damage(error: Exception) -> bool:
    """Whether SQLite says of the file itself that it is damaged, or not one of its own."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _OF_THE_FILE
