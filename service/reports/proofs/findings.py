"""What a proof finds, and how it reads the books."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

FIRST_MS = 1_577_836_800_000
"""Row numbers count milliseconds from here (service.store.ids), shifted by 21 bits."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. check: the name of the proof that failed."""

    check: str
    words: str


Proof = Callable[[Connection], Iterator[Finding]]


def rows(connection: Connection, query: str, **parameters: object) -> Iterator[Any]:
    """The rows, with a name for each column."""
    return iter(connection.execute(text(query), parameters))


def later_than_its_number(table: str, at_us: str) -> str:
    """A condition: the row says a later time than its number was made at, which is never earlier than the clock was."""
    return f"{table}.{at_us} / 1000 > ({table}.id >> 21) + {FIRST_MS}"
