"""Which schema a database has, how that stands to this program's, and the copy that is kept before it is changed."""

from __future__ import annotations

import enum
import fcntl
import functools
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, inspect

from service.errors import Unavailable
from service.store.engine.scratch import copied, private_file, scratch

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
MIGRATION_LOCK = 7_241_990_001
"""PostgreSQL's advisory lock of who migrates."""


class SchemaStanding(enum.Enum):
    """A database against this program: not there, of an earlier version, as it should be, of a later one."""

    MISSING = "missing"
    OLDER = "older"
    CURRENT = "current"
    NEWER = "newer"


@dataclass(frozen=True, slots=True)
class Migrated:
    """What migrating did: made a database, changed one (and kept `copy` of it as it was), or nothing."""

    before: SchemaStanding
    copy: Path | None = None

    def words(self, name: str) -> str | None:
        """For the log or the terminal; None where there was nothing to do."""
        if self.before is SchemaStanding.MISSING:
            return f"{name}: a new database was made"
        if self.before is SchemaStanding.OLDER:
            kept = f"a copy of it as it was is {self.copy}" if self.copy else "no copy was made: that is pg_dump's"
            return f"{name}: brought to this version's schema; {kept}"
        return None


@functools.cache
def known_revisions() -> tuple[str, ...]:
    """The schemas that this program knows, the newest last: v0007_append_only.py makes 0007. No migration is loaded."""
    return tuple(sorted(file.stem[1:].partition("_")[0] for file in (MIGRATIONS / "versions").glob("v*_*.py")))


def found_revision(connection: Connection) -> str | None:
    """The revision that the database is at; None for one without our tables."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("select version_num from alembic_version").scalars()
    return ", ".join(sorted(found)) or None


def standing_of(revision: str | None) -> SchemaStanding:
    """How a database at this revision stands to this program."""
    if revision is None:
        return SchemaStanding.MISSING
    if revision == known_revisions()[-1]:
        return SchemaStanding.CURRENT
    return SchemaStanding.OLDER if revision in known_revisions() else SchemaStanding.NEWER


def newer(name: str, revision: str | None) -> Unavailable:
    return Unavailable(
        f"{name}: written by a newer version of greenlane (schema {revision}), which this one does not know; "
        "update this program"
    )


def require_contents(path: Path) -> None:
    """Raises Unavailable for an empty file: what was in it is lost, and new books in its place would hide that."""
    if path.exists() and not path.stat().st_size:
        raise Unavailable(
            f"{path}: is there, and is empty. If it held books, put a copy in its place (greenlane admin restore); "
            "if it never did, delete it and start again"
        )


def make_file(path: Path) -> None:
    """A database without tables that only its owner may read, where there is none: whole from its first moment on.

    What a full disk or a kill would otherwise leave is an empty file, which require_contents refuses for ever.
    """
    place = Path(os.path.realpath(path))
    if place.exists():
        return
    try:
        with scratch(place.parent) as made:
            begun = private_file(made / place.name)
            with closing(sqlite3.connect(begun)) as opened:
                opened.execute("pragma user_version = 0")  # writes the first page
            begun.rename(place)
    except (OSError, sqlite3.Error) as error:
        raise Unavailable(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def copy_before(path: Path, revision: str | None) -> Path:
    """A copy of an SQLite database beside it, readable to its owner alone; it has its name once it is complete."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    target = path.with_name(f"{path.name}.before-migration-{moment}-schema-{revision}")
    try:
        with scratch(path.parent) as made:
            with closing(sqlite3.connect(path)) as source:
                copy = copied(source, made / target.name)
            copy.rename(target)
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise Unavailable(f"{target}: no copy could be made, so nothing was migrated: {reason}") from None
    return target


@contextmanager
def kept_copy(path: Path, revision: str | None) -> Iterator[Path]:
    """A copy as of copy_before, gone where what follows fails: the next start makes another, and full is full."""
    copy = copy_before(path, revision)
    try:
        yield copy
    except BaseException:
        copy.unlink(missing_ok=True)
        raise


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Waits until no other process migrates a database of this folder."""
    try:
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise Unavailable(f"{folder}: {error.strerror}") from None
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)
