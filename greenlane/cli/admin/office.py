"""What the admin commands share: the opened database, what an operator may change, and how results are printed."""

from __future__ import annotations

import argparse
import dataclasses
import getpass
import json
import os
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from greenlane.language import one_of, spoken, tr
from service.admin.admin import Admin
from service.books.books import Books
from service.store.clock import SystemWallClock
from service.store.database import Database
from service.store.engine.schema_version import SchemaStanding
from service.store.state_folder import chosen_url
from wire.money import format_yuan


@dataclass(frozen=True, slots=True)
class Office:
    """The database of one command, and what its operator may change there."""

    database: Database
    books: Books
    admin: Admin
    as_json: bool

    def show(self, document: Any, words: str) -> None:
        """Print the document as JSON where asked for, else the words."""
        show(self.as_json, document, words)


@contextmanager
def office(args: argparse.Namespace, *, makes: bool = False) -> Iterator[Office]:
    """Opens the database that the arguments name, as whoever is logged in on this machine.

    makes: a database that is not there is made, and said so. None is brought to another version.
    """
    database = Database(chosen_url(args.database))
    try:
        if makes and database.standing() is SchemaStanding.MISSING:
            warn(database.migrate().words(database.name) or "")
        database.require_current()
        books = Books(database, SystemWallClock())
        yield Office(database, books, Admin(books, actor()), args.json)
    finally:
        database.close()


def show(as_json: bool, document: Any, words: str) -> None:
    """Print the document as JSON where asked for, else the words."""
    print(json.dumps(plain(document), ensure_ascii=False, indent=2) if as_json else _shown(words))


class Shown(str):
    """Words that are in the reader's language already: what was filled into a table stays as it is."""

    __slots__ = ()


def _shown(words: str) -> str:
    """Each line in the language that main chose."""
    return words if isinstance(words, Shown) else "\n".join(tr(line) for line in words.split("\n"))


def plain(value: Any) -> Any:
    """Dataclasses, times and tuples as JSON values. Raises ValueError for a time of day without its offset."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, datetime) and value.utcoffset() is None:
        raise ValueError(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return {k: plain(v) for k, v in value.items()} if isinstance(value, dict) else value


def table(head: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[int] = ()) -> str:
    """Columns under their heads; `right` names those set to the right. Chinese characters count as two places.

    Without rows it says so.
    """
    cells = [[str(c) for c in row] for row in ([tr(name) for name in head], *rows)]
    widths = [max(_width(row[i]) for row in cells) for i in range(len(head))]
    lines = []
    for row in cells:
        padded = [_pad(cell, widths[i], i in right) for i, cell in enumerate(row)]
        lines.append("  ".join(padded).rstrip())
    return Shown("\n".join(lines if rows else [*lines, tr("none")]))


def own_amount(fen: int | None) -> str:
    """An amount of a card's own, or whose counts where it has none."""
    return "the station's" if fen is None else f"{format_yuan(fen)} yuan"


def flags_shown(flags: Sequence[str]) -> str:
    """What is odd about a fuelling: codes in English, words in Chinese."""
    from service.http.flag_words import flag_words

    return one_of(("、", " ")).join(one_of((flag_words(flag)[0], flag)) for flag in flags)


def coded(code: str, words: tuple[str, str]) -> str:
    """A code that is typed as it stands, for Chinese people behind their word for it."""
    return f"{words[0]}（{code}）" if spoken() == "zh" else code


def warn(words: str) -> None:
    print(f"greenlane admin: {tr(words)}", file=sys.stderr)


def _pad(cell: str, width: int, right: bool) -> str:
    blank = " " * (width - _width(cell))
    return blank + cell if right else cell + blank


def _width(cell: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in cell)


def actor() -> str:
    """Who the trail names: the user that runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
