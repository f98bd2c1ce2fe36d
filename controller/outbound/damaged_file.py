"""What can be read of a damaged SQLite file: by its own first page, or, where that is spoilt, by one made for it.

Every other page has its own layout, so that rows are as readable as before once a table's first page is known.
https://sqlite.org/fileformat2.html
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from controller.outbound.layout import MARK, TABLE, Table, kept_tables, tables_of

HEAD = 100
MAGIC = b"SQLite format 3\0"
FRACTIONS = bytes((64, 32, 32))
WITH_JOURNAL, WITH_LOG = 1, 2
LAST_FORMAT = 4
FIELDS = {24: 1, 40: 1, 44: LAST_FORMAT, 56: 1, 92: 1}
"""Changes so far, those of the tables, their format, UTF-8, and up to which change the size is valid."""
LEAF = 13
"""What a page begins with that holds rows of a table."""

Open = Callable[[Table], sqlite3.Connection]


def has_sound_head(path: Path) -> bool:
    """Whether SQLite opens the file, for reading and for writing. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    size = int.from_bytes(head[16:18], "big")
    return (
        len(head) == HEAD
        and head.startswith(MAGIC)
        and (size == 1 or (size >= 512 and size.bit_count() == 1))
        and {*head[18:20]} <= {WITH_JOURNAL, WITH_LOG}
        and head[20:24] == bytes(1) + FRACTIONS
        and int.from_bytes(head[44:48], "big") <= LAST_FORMAT
    )


@contextmanager
def tables_in(damaged: Path, page_bytes: int) -> Iterator[tuple[list[Table], Open]]:
    """Every table that is known, and how to read each. page_bytes: what SQLite's files have here. Raises OSError.

    Where the first page is spoilt, a copy beside the file has the rows of its log as well, as long as it is needed.
    """
    with closing(sqlite3.connect(damaged)) as opened:
        own = _tables(opened) if has_sound_head(damaged) else frozenset()
        kept = kept_tables(opened) if own else frozenset()
        if kept and kept <= own:
            yield sorted(own), lambda _: opened
            return
    with _copied(damaged, page_bytes) as copy:
        with closing(sqlite3.connect(copy)) as opened:
            own = _tables(opened)  # which has the log in the file, once it is closed
        image = copy.read_bytes()
        image += bytes(-len(image) % page_bytes)
        yield sorted(_kept(image, page_bytes) or own), lambda table: _opened(image, page_bytes, table)


@contextmanager
def _copied(damaged: Path, page_bytes: int) -> Iterator[Path]:
    """The file with its log and another head, for as long as it is needed."""
    copy = damaged.with_name(f"{damaged.name}.new-copy")
    mode = WITH_JOURNAL
    try:
        with suppress(FileNotFoundError):
            shutil.copyfile(damaged.with_name(f"{damaged.name}-wal"), copy.with_name(f"{copy.name}-wal"))
            mode = WITH_LOG
        shutil.copyfile(damaged, copy)
        with copy.open("r+b") as file:
            file.write(_head(page_bytes, damaged.stat().st_size, mode))
        yield copy
    finally:
        for ending in ("", "-wal", "-shm", "-journal"):
            copy.with_name(copy.name + ending).unlink(missing_ok=True)


def _tables(opened: sqlite3.Connection) -> frozenset[Table]:
    opened.execute("PRAGMA writable_schema = ON")  # nothing is written: one spoilt statement would hide every table
    opened.text_factory = lambda text: text.decode("utf-8", "replace")
    try:
        return tables_of(opened)
    except (sqlite3.Error, TypeError):
        return frozenset()
    finally:
        opened.text_factory = str


def _head(page_bytes: int, size: int, mode: int) -> bytes:
    head = bytearray(HEAD)
    head[:16] = MAGIC
    head[16:18] = (page_bytes % 65535).to_bytes(2, "big")  # 65536 is written as 1
    head[18:24] = bytes((mode, mode, 0)) + FRACTIONS
    head[28:32] = (-(-size // page_bytes)).to_bytes(4, "big")
    for place, value in FIELDS.items():
        head[place : place + 4] = value.to_bytes(4, "big")
    return bytes(head)


def _kept(image: bytes, page_bytes: int) -> frozenset[Table]:
    """The sealed copy of the tables, wherever its page is."""
    for start in range(page_bytes, len(image), page_bytes):
        if image[start] == LEAF and MARK.encode() in image[start : start + page_bytes]:
            with closing(_opened(image, page_bytes, Table("layout", start // page_bytes + 1, TABLE))) as opened:
                kept = kept_tables(opened)
            if kept:
                return kept
    return frozenset()


def _opened(image: bytes, page_bytes: int, table: Table) -> sqlite3.Connection:
    """The file in memory, with a first page that names this one table."""
    opened = sqlite3.connect(":memory:", isolation_level=None)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        made.execute(f"PRAGMA page_size = {page_bytes}")
        made.execute("PRAGMA writable_schema = ON")
        made.execute("CREATE TABLE x (x)")
        sql = table.sql.replace("CREATE TABLE IF NOT EXISTS", "CREATE TABLE")
        made.execute(
            "UPDATE sqlite_master SET name = ?, tbl_name = ?, rootpage = ?, sql = ?",
            (table.name, table.name, table.root_page, sql),
        )
        first = made.serialize()[HEAD:page_bytes]
    opened.deserialize(_head(page_bytes, len(image), WITH_JOURNAL) + first + image[page_bytes:])
    opened.execute("PRAGMA writable_schema = ON")  # else it would ask for the table's indexes
    return opened
