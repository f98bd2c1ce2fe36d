"""One SQLite file that keeps what a lane unit must not forget, durable at every commit.

StateError
  StateFull       the disk has no room; nothing was stored
  StateLocked     another process held the file for too long; nothing was stored
  StateCorrupt    the file is damaged; its owner sets it aside at the next start
"""

from __future__ import annotations

import enum
import fcntl
import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from controller.outbound import rescue
from controller.outbound.damaged_file import has_sound_head
from controller.outbound.layout import FORMAT_VERSION, keep_tables, kept_tables, tables_of
from controller.ports import Clock
from wire.damage import is_damage
from wire.errors import GreenlaneError
from wire.files import sync_folder

log = logging.getLogger(__name__)

LAST_VERSION = 255
"""No greenlane writes a later one: such a number is damage."""

NOT_TEXT = "Could not decode to UTF-8"
"""What Python says of a text that is not UTF-8."""

FULL_BELOW_BYTES = 64 * 1024
"""An input/output error with less room than this left on the disk is reported as a full disk."""


class StateError(GreenlaneError):
    """The state file cannot be used; str() names the file."""


class StateFull(StateError):
    pass


class StateLocked(StateError):
    pass


class StateCorrupt(StateError):
    pass


class StateUse(enum.Enum):
    """OWN: the unit itself, which knows every table and so may replace a damaged file; others READ or WRITE in it."""

    OWN = enum.auto()
    WRITE = enum.auto()
    READ = enum.auto()


class StateFile:
    """An open state file, shared by the threads of one process; other processes may open it too.

    For its owner a damaged or empty file is renamed to NAME.corrupt-TIME, never deleted, and a new one with its
    readable rows takes its place (controller/outbound/rescue.py). `rescued_from` then names the damaged one. While
    another process has the file open, it stays in place; so it does for all who are not its owner.
    Raises StateError when the file cannot be opened or was written by a newer version, StateCorrupt when it is damaged
    and not replaced.
    """

    def __init__(
        self, path: Path, clock: Clock, *, use: StateUse = StateUse.WRITE, busy_timeout_s: float = 2.0
    ) -> None:
        self.path = path
        self.rescued_from: Path | None = None
        self._use = use
        self._clock = clock
        self._busy_timeout_s = busy_timeout_s
        self._lock = threading.RLock()
        self._depth = 0
        self._in_use = self._share()
        try:
            self._connection = self._open_or_replace()
        except BaseException:
            os.close(self._in_use)
            raise

    @property
    def is_owner(self) -> bool:
        """Whether this is the unit itself, which may put right what it finds."""
        return self._use is StateUse.OWN

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, on the disk when the block has ended. A transaction inside another joins it."""
        with self._lock, self._translated():
            if self._depth == 0:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield self._connection
                if self._depth == 1:
                    self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
            finally:
                self._depth -= 1

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """The rows of a query."""
        with self._lock, self._translated():
            return self._connection.execute(sql, parameters).fetchall()

    def ensure(self, schema: Sequence[str]) -> None:
        """Create what is missing; every statement is a CREATE ... IF NOT EXISTS. Nothing where it is only read."""
        if self._use is StateUse.READ:
            return
        with self.transaction() as connection:
            for statement in schema:
                connection.execute(statement)
            keep_tables(connection)

    def rescued(self, *tables: str) -> int:
        """How many rows of these came out of a damaged file since this was asked last, which is part of the transaction
        around it; a restart before that does not forget them."""
        marks = ", ".join("?" * len(tables))
        with self.transaction() as connection:
            connection.execute(rescue.NOTES)
            found = connection.execute(f"SELECT sum(saved) FROM rescued WHERE name IN ({marks})", tables).fetchone()[0]
            connection.execute(f"DELETE FROM rescued WHERE name IN ({marks})", tables)
        return int(found or 0)

    def close(self) -> None:
        """Idempotent."""
        with self._lock:
            self._connection.close()
            if self._in_use >= 0:
                os.close(self._in_use)
                self._in_use = -1

    def __enter__(self) -> StateFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _share(self) -> int:
        """A lock beside the file that says it is in use; its descriptor."""
        beside = self.path.with_name(self.path.name + ".lock")
        try:
            handle = os.open(beside, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            if os.geteuid() == 0:
                owner = self.path.parent.stat()
                os.fchown(handle, owner.st_uid, owner.st_gid)
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            raise StateError(f"{self.path}: unable to open it: {error.strerror}") from error
        return handle

    def _open_or_replace(self) -> sqlite3.Connection:
        if not self.is_owner:
            return self._open()
        self._begin_or_finish()
        try:
            return self._open()
        except StateCorrupt as error:
            self._replace(error)
            return self._open()

    def _begin_or_finish(self) -> None:
        """Where there is no file, or a power cut came while a damaged one was replaced."""
        with self._renaming():
            for aside in rescue.finish(self.path):
                self.rescued_from = aside
                log.error("%s: the state file was damaged; it is kept as %s", self.path, aside.name)
            if not self.path.exists():
                rescue.begin(self.path, FORMAT_VERSION)

    def _replace(self, error: StateCorrupt) -> None:
        try:
            fcntl.flock(self._in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StateCorrupt(f"{error}; another process has it open, so it stays in place") from error
        with self._renaming():
            self.rescued_from, saved = rescue.replace(self.path, self._clock.now(), FORMAT_VERSION)
        log.error("%s; it is kept as %s and a new one is begun", error, self.rescued_from.name)
        for table, rows in saved.items():
            log.warning("%d rows of %s rescued from %s", rows, table, self.rescued_from.name)
        fcntl.flock(self._in_use, fcntl.LOCK_SH)

    def _open(self) -> sqlite3.Connection:
        with self._translated():
            fresh = not self.path.exists()
            if not fresh and not self.path.stat().st_size:
                raise self._damaged("it is empty")  # before SQLite throws away what may be left in its log
            if not fresh and not has_sound_head(self.path):
                raise self._damaged("its first bytes are spoilt")
            address = self.path.absolute().as_uri() + ("?mode=ro" if self._use is StateUse.READ else "")
            connection = sqlite3.connect(
                address, uri=True, timeout=self._busy_timeout_s, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare(connection, fresh)
            except BaseException:
                connection.close()
                raise
        if fresh:
            sync_folder(self.path.parent)
        return connection

    def _prepare(self, connection: sqlite3.Connection, fresh: bool) -> None:
        connection.row_factory = sqlite3.Row
        if self._use is not StateUse.READ:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        kept = kept_tables(connection)
        if not kept <= tables_of(connection):
            raise self._damaged("its tables are not those that were made")
        verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if verdict != "ok":
            raise self._damaged(verdict.splitlines()[-1])
        if self.is_owner:
            self._require_text(connection)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > (FORMAT_VERSION if kept else LAST_VERSION):
            raise self._damaged(f"its format is {version}")
        if version > FORMAT_VERSION:
            raise StateError(f"{self.path}: written by a newer greenlane (format {version}); update this unit")
        if version == 0 and not fresh:
            raise self._damaged("it is empty")  # a new one is not, from its first moment on
        if version != FORMAT_VERSION:
            connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")

    def _require_text(self, connection: sqlite3.Connection) -> None:
        """SQLite's own check does not look at the letters. Raises sqlite3.Error."""
        for table in tables_of(connection):
            for _ in connection.execute(f'SELECT * FROM "{table.name}"'):
                pass

    def _roll_back(self) -> None:
        if self._depth == 1 and self._connection.in_transaction:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise self._state_error(error) from error
        except UnicodeDecodeError as error:
            raise self._damaged(str(error)) from error

    @contextmanager
    def _renaming(self) -> Iterator[None]:
        try:
            with self._translated():
                yield
        except OSError as error:
            raise StateError(f"{self.path}: unable to open it: {error.strerror}") from error

    def _state_error(self, error: sqlite3.Error) -> StateError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StateLocked(f"{self.path}: locked by another process for {self._busy_timeout_s:g} s")
        if is_damage(error) or NOT_TEXT in str(error):
            return self._damaged(str(error))
        if code == sqlite3.SQLITE_FULL or (code != 0 and self._free_bytes() < FULL_BELOW_BYTES):
            return StateFull(f"{self.path}: the disk is full; free some space, nothing else is needed")
        return StateError(f"{self.path}: {error}")

    def _damaged(self, found: str) -> StateCorrupt:
        if self.is_owner:
            return StateCorrupt(f"{self.path}: the state file is damaged ({found})")
        return StateCorrupt(
            f"{self.path}: the state file is damaged; start the lane, which rescues what it can ({found})"
        )

    def _free_bytes(self) -> int:
        try:
            return shutil.disk_usage(self.path.parent).free
        except OSError:
            return FULL_BELOW_BYTES
