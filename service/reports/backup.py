"""Copies of the books that were proved by restoring them, and putting such a copy back in place."""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from service.errors import AdminError
from service.reports.audit import audit
from service.store.database import Database
from service.store.engine.scratch import copied, scratch
from service.store.engine.urls import database_url
from wire.damage import is_damage
from wire.files import sync_folder

PREFIX, SUFFIX = "greenlane-", ".sqlite3"
_COPY = re.compile(rf"{PREFIX}[0-9]{{8}}T[0-9]{{6}}Z{re.escape(SUFFIX)}")

_NOT_WRITTEN = frozenset({"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_READONLY"})
"""What SQLite says where it cannot write, which it does in the folder of the books alone."""
_FIRST_LOCKED, _LOCKED_BYTES = 0x40000000, 512
"""What SQLite locks of a file while it has it open: sqlite.org/fileformat2.html#the_lock_byte_page."""


def file_of(url: str) -> Path:
    """The SQLite file that a database's address names. Raises Unavailable, or AdminError where that is not a file."""
    parsed = database_url(url)
    if parsed.drivername != "sqlite" or parsed.database in (None, "", ":memory:"):
        raise AdminError("this copies SQLite files; PostgreSQL has pg_dump and pg_restore, see docs/service.md")
    return Path(parsed.database)


def back_up(database: Path, folder: Path, now: datetime, keep: int) -> Path:
    """Copy the books while they are in use, restore and audit the copy, and keep the newest `keep` copies.

    Raises AdminError; a copy that does not hold is not left behind.
    """
    target = folder / f"{PREFIX}{now:%Y%m%dT%H%M%SZ}{SUFFIX}"
    try:
        _make(folder)
        with scratch(folder) as made:
            fresh = _copy(database, made / target.name)
            prove(fresh, made)
            _put(fresh, target)
    except _DamagedError as error:
        raise AdminError(f"{database} is damaged: no copy was made; put a good copy in place") from error
    except (OSError, sqlite3.Error) as error:
        raise AdminError(f"{target}: {getattr(error, 'strerror', None) or error}") from error
    others = [copy for copy in copies(folder) if copy != target]
    for old in others[: max(0, len(others) + 1 - keep)]:  # never the one just made: a clock may have been ahead before
        old.unlink()
    return target


def _make(folder: Path) -> None:
    """Where it alone is missing. Raises AdminError for a folder in none: it is mistyped, or its disk is not there."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except FileNotFoundError as error:
        raise AdminError(
            f"{folder}: there is no folder {folder.parent}; check the path, or make that folder"
        ) from error


def copies(folder: Path) -> list[Path]:
    """What back_up left there, the oldest first."""
    return sorted(path for path in folder.glob(f"{PREFIX}*{SUFFIX}") if _COPY.fullmatch(path.name))


class _DamagedError(AdminError):
    """SQLite finds a file damaged, or none of its own: whoever knows which file that is says so."""


def prove(copy: Path, room: Path) -> None:
    """Restore a copy in a folder with room for it, as this version would run it, and audit it.

    Raises AdminError with what is wrong, _DamagedError where SQLite cannot read it whole.
    """
    with tempfile.TemporaryDirectory(dir=room) as folder:
        restored = Path(folder) / "service.sqlite3"
        _copy(copy, restored)
        with _telling_damage(), closing(sqlite3.connect(restored)) as opened:
            (verdict,) = opened.execute("pragma integrity_check(1)").fetchone()
            (versions,) = opened.execute("select count(*) from sqlite_master where name = 'alembic_version'").fetchone()
        if verdict != "ok":
            raise _DamagedError(verdict)
        if versions == 0:  # empty, or another program's: migrating would make new books of it
            raise AdminError(f"{copy.name}: holds none of greenlane's books")
        with closing(Database(f"sqlite:///{restored}")) as database:
            database.migrate()
            found = audit(database)
    if not found.clean:
        first = found.findings[0]
        raise AdminError(f"{copy.name}: the audit of the restored copy finds {first.check}: {first.words}")


def restore(copy: Path, database: Path, now: datetime) -> Path | None:
    """Put a copy in the place of the books; where the books of before are kept, None where there were none.

    Raises AdminError while anything has the books open, and for a copy that does not hold. What holds the copies is
    only read: it may be full, or mounted so.
    """
    if not copy.is_file():
        raise AdminError(f"{copy}: there is no such copy")
    database = Path(os.path.realpath(database))  # a link stays, and what it leads to is replaced
    try:
        with scratch(database.parent) as made:
            prove(copy, made)
            fresh = _copy(copy, made / copy.name)
            if not database.exists():
                _put(fresh, database)
                return None
            with _unused(database):
                return _exchange(fresh, database, now)
    except _DamagedError as error:
        raise AdminError(f"{copy} is damaged or no copy: the books stand unchanged; take another copy") from error
    except (OSError, sqlite3.Error) as error:
        is_read = isinstance(error, sqlite3.Error) and error.sqlite_errorname not in _NOT_WRITTEN
        named = copy if is_read else database.parent
        raise AdminError(f"{named}: {getattr(error, 'strerror', None) or error}") from error


def _exchange(fresh: Path, database: Path, now: datetime) -> Path:
    """At every moment there are books: those of before, which have a second name then, or the new ones."""
    before = database.stat()
    kept = database.with_name(f"{database.name}.before-{now:%Y%m%dT%H%M%SZ}")
    os.chown(fresh, before.st_uid, before.st_gid)
    os.link(database, kept)
    for ending in ("-journal", "-wal", "-shm"):  # of damaged books: SQLite would play it into the new ones
        with suppress(FileNotFoundError):
            os.rename(f"{database}{ending}", f"{kept}{ending}")
    _put(fresh, database)
    return kept


@contextmanager
def _unused(database: Path) -> Iterator[None]:
    """Nobody has the books open. Their write-ahead log is in them, unless they are too damaged for that.

    Raises AdminError.
    """
    with database.open("r+b") as file:
        try:
            _close_log(database)
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCKED_BYTES, _FIRST_LOCKED)
        except (sqlite3.OperationalError, BlockingIOError) as error:
            raise AdminError(f"{database} is in use: stop the service first ({error})") from error
        yield


def _close_log(database: Path) -> None:
    """Only the last connection can. Raises sqlite3.OperationalError while there is another."""
    with (
        closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as opened,
        suppress(_DamagedError),
        _telling_damage(),
    ):
        opened.execute("pragma journal_mode = delete")


@contextmanager
def _telling_damage() -> Iterator[None]:
    """Raises _DamagedError where SQLite says that of a file."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            raise _DamagedError(str(error)) from error
        raise


def _put(fresh: Path, place: Path) -> None:
    os.replace(fresh, place)
    sync_folder(place.parent)


@_telling_damage()
def _copy(source: Path, target: Path) -> Path:
    """One moment of a database that others may be writing. Raises _DamagedError."""
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as old:
        return copied(old, target)
