"""Where a state file's tables begin and what they are made of, kept a second time and sealed.

SQLite keeps it on the first page alone, which every checkpoint writes, and without it no row can be read. The copy is
found without that page: by its mark.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import suppress
from dataclasses import dataclass

FORMAT_VERSION = 1
MARK = "greenlane: tables of this file"
TABLE = "CREATE TABLE IF NOT EXISTS layout (id INTEGER PRIMARY KEY, mark TEXT, seal TEXT, tables TEXT)"
ONE = "SELECT seal, tables FROM layout WHERE id = 1"


@dataclass(frozen=True, slots=True, order=True)
class Table:
    name: str
    root_page: int
    sql: str


def tables_of(connection: sqlite3.Connection) -> frozenset[Table]:
    """As SQLite itself has them. Raises sqlite3.Error where that can't be read."""
    rows = connection.execute("SELECT name, rootpage, sql FROM sqlite_master WHERE type = 'table'")
    return frozenset(Table(*row) for row in rows)


def kept_tables(connection: sqlite3.Connection) -> frozenset[Table]:
    """As the copy has them; none where there is no copy, or a damaged one."""
    with suppress(sqlite3.Error, ValueError, TypeError):
        seal, text = connection.execute(ONE).fetchone()
        if seal == _seal(text):
            return frozenset(Table(*row) for row in json.loads(text))
    return frozenset()


def keep_tables(connection: sqlite3.Connection) -> None:
    """Bring the copy up to date; part of the transaction around it. Raises sqlite3.Error."""
    connection.execute(TABLE)
    tables = tables_of(connection)
    if tables != kept_tables(connection):
        text = json.dumps([(table.name, table.root_page, table.sql) for table in sorted(tables)])
        connection.execute("INSERT OR REPLACE INTO layout VALUES (1, ?, ?, ?)", (MARK, _seal(text), text))


def _seal(text: str) -> str:
    """The copy of another format is none for this one, so that a number that damage made is not taken for one."""
    sealed = text if FORMAT_VERSION == 1 else f"{FORMAT_VERSION} {text}"
    return hashlib.sha256(sealed.encode()).hexdigest()
