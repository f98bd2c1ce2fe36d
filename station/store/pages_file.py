"""The file of people, pages and keys: a station goes on without it, because the server tells its devices again."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from controller.outbound.rescue import free_moment
from wire.damage import is_damage
from wire.files import sync_folder

log = logging.getLogger(__name__)

CARRIED = ("people", "devices", "device_keys")
_BESIDE = ("-wal", "-shm", "-journal", "")
"""What belongs to a file, itself the last."""


def set_aside_if_damaged(pages: Path, now: datetime) -> Path | None:
    """Leave its place to a new one; what carry_over has to look into. An empty one, as a power cut may leave it, goes.

    Where the power is cut before carry_over has ended, the next start goes on from there. Raises OSError.
    """
    waiting = pages.with_name(f"{pages.name}.damaged")
    if pages.exists() and not pages.stat().st_size:
        log.error("%s was empty, so who may log in at this station is lost: add them again", pages)
        pages.unlink()
    elif pages.exists() and (found := _damage(pages)) is not None:
        log.error("%s is damaged (%s) and gives way to a new one", pages, found)
        _rename(pages, _kept(pages, now) if waiting.exists() else waiting)
    return waiting if waiting.exists() else None


def carry_over(damaged: Path, pages: Path, now: datetime) -> None:
    """The people and keys of a damaged file into the new one, as far as they can be read: the line may be cut."""
    with closing(sqlite3.connect(pages, isolation_level=None)) as new:
        for table in CARRIED:
            try:
                if not new.execute("select 1 from pragma_database_list where name = 'old'").fetchone():
                    new.execute("attach ? as old", (str(damaged),))
                rows = new.execute(f"insert or ignore into {table} select * from old.{table}").rowcount
                log.warning("%s: %d rows of %s carried over", pages, rows, table)
            except sqlite3.Error as error:
                log.error("%s: nothing of %s can be carried over (%s); add it again", pages, table, error)
    kept = _kept(pages, now)
    _rename(damaged, kept)
    log.error("%s: the damaged file is kept as %s", pages, kept.name)


def _kept(pages: Path, now: datetime) -> Path:
    return pages.with_name(f"{pages.name}.corrupt-{free_moment(pages, now)}")


def _rename(file: Path, to: Path) -> None:
    for ending in _BESIDE:
        with suppress(FileNotFoundError):
            file.with_name(file.name + ending).rename(to.with_name(to.name + ending))
    sync_folder(file.parent)


def _damage(pages: Path) -> str | None:
    """What SQLite finds wrong with the file; None for a sound one, and for one that it cannot look into now."""
    try:
        with closing(sqlite3.connect(pages)) as opened:
            verdict = str(opened.execute("pragma quick_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        return str(error) if is_damage(error) else None
    except UnicodeDecodeError as error:
        return str(error)
    return None if verdict == "ok" else verdict
