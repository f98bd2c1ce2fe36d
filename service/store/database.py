"""Opens the database of the balance service, SQLite or PostgreSQL, and says plainly when it cannot be used."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from service.errors import ServiceError, Unavailable
from service.store.engine import pipeline
from service.store.engine.connecting import giving_up_closes
from service.store.engine.fair_lock import FairLock
from service.store.engine.schema_version import (
    MIGRATION_LOCK,
    Migrated,
    SchemaStanding,
    found_revision,
    kept_copy,
    make_file,
    newer,
    one_at_a_time,
    require_contents,
    standing_of,
)
from service.store.engine.urls import database_url

BUSY_TIMEOUT_S = 5
"""How long a writer waits for SQLite's lock, or for PostgreSQL's row locks, before the message is answered 503."""
STATEMENT_TIMEOUT_S = 15
POOL: dict[str, int] = {"pool_size": 4, "max_overflow": 4, "pool_timeout": BUSY_TIMEOUT_S}
"""Connections of a process to PostgreSQL, of the books and of the gate each: more than this wait for one to be free."""
COUNTED = "greenlane counted a change"
"""Stands in the information of a connection whose transaction changes something that others wait for."""
_ALL_IN_USE = "database: all connections of this process are in use"
CONFLICTS = {"40001", "40P01"}
"""PostgreSQL's codes for a serialisation failure and a deadlock: the same transaction may succeed when tried again."""

_BEAT = text(
    "insert into live_changes (topic, number) values ('health', 1) "
    "on conflict (topic) do update set number = live_changes.number + 1"
)


class Database:
    """One database, with its connections. Used by one process; close() when done."""

    def __init__(self, url: str) -> None:
        """url: "sqlite:///path" or "postgresql://...". Raises Unavailable for a URL that names neither."""
        self.url = database_url(url)
        self.engine = _engine(self.url)
        self.batch_engine = self.engine if self.is_sqlite else _engine(self.url, isolation_level="AUTOCOMMIT")
        self._turns = FairLock()
        self.on_counted: Callable[[], None] = lambda: None
        """Called from any thread after the commit of a transaction that counted a change (service.live.changes)."""

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @property
    def path(self) -> Path:
        """The file of an SQLite database."""
        return Path(str(self.url.database))

    @property
    def name(self) -> str:
        """For logs: the URL without its password."""
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def writing(self, is_durable: bool = True) -> Iterator[Connection]:
        """A transaction that commits at the end; on SQLite it holds the only write lock from its beginning.

        is_durable: it is on the disk when this returns. Without, PostgreSQL may lose it in a crash, and is done sooner.
        """
        with (
            self.turn(),
            self._connected() as connection,
            self._telling(connection),
            connection.begin(),
            _translating(connection),
        ):
            if not is_durable and not self.is_sqlite:
                connection.exec_driver_sql("set local synchronous_commit = off")
            yield connection

    @contextmanager
    def turn(self) -> Iterator[None]:
        """On SQLite the threads of this process write one after another: its own lock makes them sleep, and late."""
        if not self.is_sqlite:
            yield
        elif self._turns.take(BUSY_TIMEOUT_S):
            try:
                yield
            finally:
                self._turns.hand_on()
        else:
            raise Unavailable("database is locked by another message of this process")

    @contextmanager
    def batch(self, opens: bool = False) -> Iterator[Connection]:
        """As writing(); on PostgreSQL begin and commit travel with what is sent (service.store.engine.pipeline).

        opens: begin at once, for what is written before the batch.
        """
        with (
            self.turn(),
            self._connected(self.batch_engine) as connection,
            self._telling(connection),
            connection.begin(),
            _translating(connection),
        ):
            if opens and not self.is_sqlite:
                pipeline.begin(connection)
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One unchanging view of everything, for reports; it hinders no writer."""
        with self._connected() as connection:
            if self.is_sqlite:
                connection.execution_options(greenlane_reads=True)
            else:
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    def migrate(self) -> Migrated:
        """Bring the schema to this version, made from nothing if need be; two at once wait for each other.

        SQLite's books are copied beside themselves first. Raises Unavailable when the database cannot be reached,
        written or copied, or is of a newer version.
        """
        if not self.is_sqlite:
            return self._migrate()
        with one_at_a_time(self.path.parent):
            require_contents(self.path)
            make_file(self.path)
            return self._migrate()

    def _migrate(self) -> Migrated:
        with (
            telling_faults(),
            ExitStack() as copies,
            self.engine.connect() as connection,
            _foreign_keys_off(connection),
        ):
            connection.execution_options(greenlane_migrates=True)
            with connection.begin():
                if not self.is_sqlite:
                    connection.exec_driver_sql("set local lock_timeout = 0")
                    connection.exec_driver_sql("set local statement_timeout = 0")
                    connection.exec_driver_sql(f"select pg_advisory_xact_lock({MIGRATION_LOCK})")
                revision = found_revision(connection)
                before = standing_of(revision)
                if before is SchemaStanding.NEWER:
                    raise newer(self.name, revision)
                if before is SchemaStanding.CURRENT:
                    return Migrated(before)
                is_copied = self.is_sqlite and before is SchemaStanding.OLDER
                copy = copies.enter_context(kept_copy(self.path, revision)) if is_copied else None
                _upgrade(connection)
                _require_references(connection)
        return Migrated(before, copy)

    def standing(self) -> SchemaStanding:
        """How its schema stands to this program's; looks and changes nothing. Raises Unavailable."""
        return self._found()[0]

    def _found(self) -> tuple[SchemaStanding, str | None]:
        """The standing, and the revision that the database is at."""
        if self.is_sqlite:
            if not self.path.exists():
                return SchemaStanding.MISSING, None
            require_contents(self.path)
        with telling_faults(), self.reading() as connection:
            revision = found_revision(connection)
        return standing_of(revision), revision

    def require_current(self) -> None:
        """Raises Unavailable unless the database is there and its schema is of exactly this version."""
        standing, revision = self._found()
        if standing is SchemaStanding.MISSING:
            raise Unavailable(
                f"{self.name}: there is no such database, or nothing in it; `greenlane service`, "
                "`greenlane service --migrate` or `greenlane admin station set STATION` makes one"
            )
        if standing is SchemaStanding.NEWER:
            raise newer(self.name, revision)
        if standing is SchemaStanding.OLDER:
            raise Unavailable(
                f"{self.name}: schema version {revision}, this program needs a later one; "
                "run `greenlane service --migrate --database URL`"
            )

    def check(self) -> None:
        """Raises Unavailable unless the books can be read now."""
        with telling_faults(), self.reading() as connection:
            connection.exec_driver_sql("select 1 from accounts where id = 1")

    def check_writing(self) -> None:
        """Raises Unavailable unless something can be written to the disk now."""
        with telling_faults(), self.writing() as connection:
            connection.execute(_BEAT)

    def scrub(self) -> None:
        """Leave nothing in free space of what was deleted or changed; takes seconds a gigabyte, in which nobody writes.

        On PostgreSQL the space is only given free: its own log and its backups keep old versions as long as they last.
        """
        if not self.is_sqlite:
            with telling_faults(), self._connected(self.batch_engine) as connection:
                connection.exec_driver_sql("set statement_timeout = 0")
                connection.exec_driver_sql("vacuum")
                connection.exec_driver_sql(f"set statement_timeout = '{STATEMENT_TIMEOUT_S}s'")
            return
        with (
            telling_faults(),
            self.turn(),
            closing(self.engine.raw_connection()) as raw,
            closing(raw.cursor()) as cursor,
        ):
            try:
                cursor.execute("vacuum")
                cursor.execute("pragma wal_checkpoint(truncate)")
            except sqlite3.OperationalError as error:
                raise Unavailable(f"database: {error}; what was erased is still in free space: scrub later") from None

    def close(self) -> None:
        self.engine.dispose()
        self.batch_engine.dispose()

    @contextmanager
    def _telling(self, connection: Connection) -> Iterator[None]:
        """Around a transaction: what waits in this process hears of its commit."""
        connection.info.pop(COUNTED, None)
        yield
        if not connection.invalidated and connection.info.pop(COUNTED, False):
            self.on_counted()

    def _connected(self, engine: Engine | None = None) -> Connection:
        try:
            return (engine or self.engine).connect()
        except PoolTimeout:
            raise Unavailable(_ALL_IN_USE) from None


def _upgrade(connection: Connection) -> None:
    from service.store.engine.migrating import upgrade

    upgrade(connection)


@contextmanager
def _foreign_keys_off(connection: Connection) -> Iterator[None]:
    """SQLite makes some tables anew, which it allows only while it does not look at references to them."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name != "sqlite":
        yield
        return
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def _require_references(connection: Connection) -> None:
    """Raises Unavailable where a row of SQLite refers to one that is not there."""
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise Unavailable(f"table {broken[0]}, row {broken[1]} refers to a missing row of {broken[2]}: not migrated")


@contextmanager
def _translating(connection: Connection) -> Iterator[None]:
    """Errors of the driver itself, where it was used past SQLAlchemy, come out as SQLAlchemy's."""
    dialect = connection.dialect
    driver_error: Any = dialect.loaded_dbapi.Error
    try:
        yield
    except driver_error as error:
        lost = dialect.is_disconnect(error, connection.connection.driver_connection, None)
        if lost:
            connection.invalidate(error)
        raise DBAPIError.instance(
            None, None, error, driver_error, connection_invalidated=lost, dialect=dialect
        ) from error


@contextmanager
def telling_faults() -> Iterator[None]:
    """Turns faults of the database itself into Unavailable with one clear sentence; constraint violations pass.

    A value that it can't hold is ServiceError: the fault of one message, which another try does not mend.
    """
    try:
        yield
    except IntegrityError:
        raise
    except PoolTimeout:
        raise Unavailable(_ALL_IN_USE) from None
    except DataError as error:
        raise ServiceError(f"database: {fault_of(error)}") from error
    except DBAPIError as error:
        raise Unavailable(f"database: {fault_of(error)}") from error


def fault_of(error: DBAPIError) -> str:
    """The first line of what the driver said."""
    lines = str(error.orig).strip().splitlines()
    return lines[0] if lines else type(error.orig).__name__


def worth_retrying(error: DBAPIError) -> bool:
    """Whether the same transaction may succeed at once: a conflict with another worker, or a lost connection."""
    if isinstance(error, IntegrityError) or error.connection_invalidated:
        return True
    return isinstance(error, OperationalError) and getattr(error.orig, "sqlstate", None) in CONFLICTS


def _engine(url: URL, isolation_level: str = "READ COMMITTED") -> Engine:
    try:
        return _sqlite(url) if url.get_backend_name() == "sqlite" else _postgresql(url, isolation_level)
    except (ImportError, NoSuchModuleError) as error:
        raise Unavailable(f"database driver missing: {error}; install greenlane[service]") from None


def _sqlite(url: URL) -> Engine:
    if url.database in (None, "", ":memory:"):
        raise Unavailable("the ledger needs a file: write sqlite:////path/file.sqlite3")
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False})

    @event.listens_for(engine, "do_connect")
    def open_only(_dialect: object, _record: object, arguments: list[Any], options: dict[str, Any]) -> None:
        """A file that is not there is made by who is asked to make it, see migrate(), and not by looking at it."""
        arguments[:] = [f"{Path(str(url.database)).absolute().as_uri()}?mode=rw"]
        options["uri"] = True

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get("greenlane_reads", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL, isolation_level: str) -> Engine:
    """prepare_threshold: what the driver prepares by itself it drops at a rollback, and all of a pipeline's with it."""
    options = f"-c lock_timeout={BUSY_TIMEOUT_S}s -c statement_timeout={STATEMENT_TIMEOUT_S}s -c timezone=UTC"
    engine = create_engine(
        url,
        **POOL,
        isolation_level=isolation_level,
        connect_args={
            "connect_timeout": 3,
            "options": options,
            "application_name": "greenlane",
            "client_encoding": "utf8",
            "prepare_threshold": None if isolation_level == "AUTOCOMMIT" else 5,
        },
    )

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Dialect, _record: object, arguments: list[Any], given: dict[str, Any]) -> Any:
        with giving_up_closes():
            return dialect.connect(*arguments, **given)

    return engine
