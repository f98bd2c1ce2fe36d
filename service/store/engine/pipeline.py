"""Prepared statements for PostgreSQL that travel together: one message there, one answer back, however many they are.

Each still sees what was committed before it began, so a statement that locks comes before one that reads.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

_PARAMETER = re.compile(r"%\((\w+)\)s")
_PREPARED = "greenlane_prepared"
_BY_INDEX = b"set local enable_seqscan = off; set local jit = off"
"""A plan made while a table was small is kept when it has grown: it must not be one that reads all of the table."""


def begin(connection: Connection) -> None:
    """Open the transaction now, for statements that go before the pipeline's own."""
    driver: Any = connection.connection.driver_connection
    driver.execute(b"begin; " + _BY_INDEX, prepare=False)


class Pipeline:
    """Collects statements, then sends them; may be used again afterwards."""

    def __init__(self, connection: Connection) -> None:
        from psycopg import DataError  # here, because books on SQLite do without the driver
        from psycopg.pq import Escaping

        driver: Any = connection.connection.driver_connection
        self._driver = driver
        self._names: dict[str, str] = connection.info.setdefault(_PREPARED, {})
        """Of this connection's prepared statements, by text; forgotten with the connection."""
        self._escaping = Escaping(driver.pgconn)
        self._data_error = DataError
        self._words: list[bytes] = []

    def add(self, text: str, parameters: Mapping[str, object]) -> None:
        """text: with places as %(name)s; the values are texts and integers."""
        numbered, names = _numbered(text)
        if text not in self._names:
            self._driver.execute(f"prepare greenlane_{len(self._names)} as {numbered}", prepare=False)
            self._names[text] = f"greenlane_{len(self._names)}"
        values = [self._literal(parameters[name]) for name in names]
        given = b"(%s)" % b", ".join(values) if values else b""
        self._words.append(b"execute %s%s" % (self._names[text].encode(), given))

    def send(self, *, commit: bool = False) -> list[list[Any]]:
        """The rows of each statement that has rows. A transaction begins with the message unless one is open."""
        is_idle = self._driver.info.transaction_status.name == "IDLE"
        begin = [b"begin", _BY_INDEX] if self._driver.autocommit and is_idle else []
        message = b"; ".join([*begin, *self._words, *([b"commit"] if commit else [])])
        self._words = []
        cursor = self._driver.execute(message, prepare=False)
        found = [cursor.fetchall()] if cursor.description else []
        while cursor.nextset():
            if cursor.description:
                found.append(cursor.fetchall())
        return found

    def _literal(self, value: object) -> bytes:
        if isinstance(value, int):
            return b"%d" % value
        text = str(value).encode()
        if b"\x00" in text:
            raise self._data_error("a text for PostgreSQL cannot hold a NUL")
        return bytes(self._escaping.escape_literal(text))


@functools.cache
def _numbered(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with $1, $2, ... in the places, and the places' names in that order."""
    names = tuple(dict.fromkeys(_PARAMETER.findall(text)))
    without = _PARAMETER.sub(lambda place: f"${names.index(place[1]) + 1}", text)
    return without.replace("%%", "%"), names
