"""A damaged state file gives way to a new one with all that can be read of it; at no moment is there less.

The new one is written beside it and is on the disk before it is named NAME.rescued-TIME. Then the damaged one becomes
NAME.corrupt-TIME and the new one takes its name. Where a power cut comes between, the next start finds
NAME.rescued-TIME and goes on from there. Its table `rescued` says how many rows of which table came over, until their
owner has asked for that.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from controller.outbound.damaged_file import Open, tables_in
from controller.outbound.layout import Table, keep_tables
from wire.files import sync_folder

ROWS = 200_000
GAP_ROWS = 3_000
"""So many row numbers of a damaged table are tried at most, and so many in a row that give nothing."""

LAST_NUMBER = 1 << 40
"""A larger one is damage, and would leave no room for the next."""

NOTES = "CREATE TABLE IF NOT EXISTS rescued (name TEXT PRIMARY KEY, saved INTEGER NOT NULL)"

_BESIDE = ("-wal", "-shm", "")
"""What belongs to a file, itself the last."""


def begin(path: Path, version: int) -> None:
    """A new state file, whole from the moment it has its name: an empty one is a lost one."""
    made = _written(path, None, version)
    made.rename(path)
    sync_folder(path.parent)


def replace(path: Path, now: datetime, version: int) -> tuple[Path, dict[str, int]]:
    """Where the damaged file is kept, and how many rows of each table were read out of it.

    Raises OSError or sqlite3.Error where there is no room for the new one; the damaged one is still in its place then.
    """
    made = _written(path, path if path.stat().st_size else None, version)
    with closing(sqlite3.connect(made)) as new:
        saved = dict(new.execute("SELECT name, saved FROM rescued").fetchall())
    made.rename(path.with_name(f"{path.name}.rescued-{free_moment(path, now)}"))
    sync_folder(path.parent)
    (aside,) = finish(path)
    return aside, saved


def finish(path: Path) -> list[Path]:
    """Let the new file take the damaged one's place, also after a power cut; the damaged file, [] for nothing to do."""
    asides = []
    for made in sorted(path.parent.glob(f"{path.name}.rescued-*")):
        aside = path.with_name(made.name.replace(".rescued-", ".corrupt-"))
        for ending in _BESIDE:
            with suppress(FileNotFoundError):
                path.with_name(path.name + ending).rename(aside.with_name(aside.name + ending))
        sync_folder(path.parent)
        made.rename(path)
        sync_folder(path.parent)
        asides.append(aside.absolute())
    return asides


def damaged_copies(path: Path) -> list[Path]:
    """The damaged files that were set aside for this state file, oldest first; an operator may remove them."""
    found = path.parent.glob(f"{path.name}.corrupt-*")
    return sorted(p for p in found if not p.name.endswith(("-wal", "-shm")))


def free_moment(path: Path, now: datetime) -> str:
    """A name for this damage that none before it has."""
    stamp = moment = now.strftime("%Y%m%dT%H%M%S")
    number = 1
    while path.with_name(f"{path.name}.corrupt-{moment}").exists():
        number += 1
        moment = f"{stamp}-{number}"
    return moment


def _written(path: Path, damaged: Path | None, version: int) -> Path:
    """The new file beside the other, on the disk; what an attempt before left there is written over."""
    made = path.with_name(f"{path.name}.new")
    _remove(made)
    try:
        with closing(sqlite3.connect(made, isolation_level=None)) as new:
            new.execute("PRAGMA synchronous = FULL")
            new.execute("BEGIN")
            new.execute(f"PRAGMA user_version = {version}")
            new.execute(NOTES)
            if damaged is not None:
                _take_over(damaged, new)
            keep_tables(new)
            new.execute("COMMIT")
    except (OSError, sqlite3.Error):
        _remove(made)  # a half one would keep the last room on the disk
        raise
    return made


def _remove(made: Path) -> None:
    for ending in ("", "-journal"):
        made.with_name(made.name + ending).unlink(missing_ok=True)


def _take_over(damaged: Path, new: sqlite3.Connection) -> None:
    """Every table that can be read; indexes are made by who needs them."""
    page_bytes = int(new.execute("PRAGMA page_size").fetchone()[0])
    with tables_in(damaged, page_bytes) as (tables, opened):
        numbers = _numbers_in(tables, opened)
        for table in tables:
            if table.name.startswith("sqlite") or table.name == "layout":
                continue
            saved = _copied(opened(table), new, table, numbers.get(table.name))
            if table.name != "rescued":
                new.execute("INSERT OR REPLACE INTO rescued VALUES (?, ?)", (table.name, saved))
        _keep_numbers(numbers, new)


def _copied(old: sqlite3.Connection, new: sqlite3.Connection, table: Table, last: int | None) -> int:
    """How many rows came over. A table whose own statement is spoilt is left out: its owner makes it anew."""
    new.execute("SAVEPOINT one")
    try:
        if table.name != "rescued":
            new.execute(table.sql)
        saved = sum(_inserted(new, table.name, row) for row in _readable_rows(old, table.name, last))
    except (sqlite3.OperationalError, sqlite3.ProgrammingError, sqlite3.Warning) as error:
        if not _is_of_a_statement(error):
            raise
        new.execute("ROLLBACK TO one")
        saved = 0
    new.execute("RELEASE one")
    return saved


def _is_of_a_statement(error: Exception) -> bool:
    """Whether what it tells lies in the statement itself, not in the disk that it goes to."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) == sqlite3.SQLITE_ERROR


def _keep_numbers(numbers: dict[str, int], new: sqlite3.Connection) -> None:
    """A number that a lost row had is not given again: other tables name rows by theirs."""
    new.execute("CREATE TABLE numbered (id INTEGER PRIMARY KEY AUTOINCREMENT)")  # SQLite makes sqlite_sequence with it
    new.execute("DROP TABLE numbered")
    for name, last in numbers.items():
        last = max(last, _numbers(new).get(name, 0))
        new.execute("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
        new.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (name, last))


def _numbers_in(tables: Sequence[Table], opened: Open) -> dict[str, int]:
    found = [_numbers(opened(table)) for table in tables if table.name == "sqlite_sequence"]
    return found[0] if found else {}


def _numbers(of: sqlite3.Connection) -> dict[str, int]:
    """The last number of each table that counts its rows, as far as it can be read."""
    query = "SELECT name, seq FROM sqlite_sequence WHERE typeof(seq) = 'integer' AND seq BETWEEN 1 AND ?"
    with suppress(sqlite3.Error):
        return {str(row[0]): int(row[1]) for row in of.execute(query, (LAST_NUMBER,))}
    return {}


def _inserted(new: sqlite3.Connection, table: str, row: sqlite3.Row) -> int:
    columns = ", ".join(f'"{column}"' for column in row.keys())  # noqa: SIM118 (a row's values are what it iterates over)
    marks = ", ".join("?" * len(row))
    return new.execute(f'INSERT OR IGNORE INTO "{table}" ({columns}) VALUES ({marks})', tuple(row)).rowcount


def _readable_rows(old: sqlite3.Connection, table: str, given: int | None) -> Iterator[sqlite3.Row]:
    """Row by row through the row numbers, since a scan would end at the first damaged page.

    given: the last number that was, known by itself where neither end of the table can be read.
    """
    old.row_factory = sqlite3.Row
    first = _row_number(old, f'SELECT min(rowid) FROM "{table}"')
    last = _row_number(old, f'SELECT max(rowid) FROM "{table}"') or given
    if first is not None:
        numbers = range(first, (first + ROWS if last is None else last) + 1)
    elif last is not None:
        numbers = range(last, 0, -1)
    else:
        return
    missing = 0
    for number in numbers:
        missing += 1
        with suppress(sqlite3.Error):
            row = old.execute(f'SELECT * FROM "{table}" WHERE rowid = ?', (number,)).fetchone()
            if row is not None:
                missing = 0
                yield row
        if missing > GAP_ROWS:
            return


def _row_number(old: sqlite3.Connection, sql: str) -> int | None:
    """None for an empty or unreadable table."""
    with suppress(sqlite3.Error):
        found = old.execute(sql).fetchone()[0]
        return None if found is None else int(found)
    return None
