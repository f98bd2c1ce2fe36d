"""The database guards the books by itself, whatever program writes to it; and its schema is what the code thinks."""

from __future__ import annotations

import sqlite3
import subprocess
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

import service.app  # noqa: F401  the whole service, so that every room's tables are known
from greenlane.cli import main
from service.errors import Unavailable
from service.reports.audit import audit
from service.store.database import Database
from service.store.schema import metadata
from service.store.state_folder import default_url
from tests.service.postgres import Cluster, programs
from tests.service.world import Pump, World

FORBIDDEN = [
    "update transfers set amount_fen = amount_fen + 1",
    "delete from transfers",
    "update fuellings set amount_fen = 0",
    "delete from fuellings",
    "delete from accounts",
    "delete from authorisations",
    "update authorisations set limit_fen = 1",
    "update authorisations set state = 'open' where state <> 'open'",
    "update accounts set debits_pending_fen = credits_posted_fen + 1 where kind = 'card'",
    "update accounts set debits_posted_fen = -1",
    "delete from operator_events",
    "update stations set preset_fen = 0",
    "update cards set state = 'gone'",
    # a hold resolved a second time, one resolved beyond its amount, one that is not a hold
    "insert into transfers (id, at_us, phase, kind, debit_account, credit_account, amount_fen, resolves, resolves_fen) "
    "select 1, 1, 'void', 'hold', debit_account, credit_account, amount_fen, id, amount_fen from transfers "
    "where id in (select resolves from transfers)",
    "insert into transfers (id, at_us, phase, kind, debit_account, credit_account, amount_fen, resolves, resolves_fen) "
    "select 1, 1, 'post', 'fuelling', debit_account, credit_account, amount_fen + 1, id, amount_fen from transfers "
    "where phase = 'pending' and id not in (select resolves from transfers where resolves is not null)",
    "insert into transfers (id, at_us, phase, kind, debit_account, credit_account, amount_fen, resolves, resolves_fen) "
    "select 1, 1, 'void', 'hold', debit_account, credit_account, amount_fen, id, amount_fen from transfers "
    "where kind = 'top_up'",
    # more than is free, nothing at all, to oneself
    "insert into transfers (id, at_us, phase, kind, debit_account, credit_account, amount_fen) "
    "select 1, 1, 'pending', 'hold', id, 1, credits_posted_fen from accounts where kind = 'card'",
    "insert into transfers (id, at_us, phase, kind, debit_account, credit_account, amount_fen) values (1, 1, 'single', "
    "'top_up', 1, 2, 0)",
    "insert into transfers (id, at_us, phase, kind, debit_account, credit_account, amount_fen) values (1, 1, 'single', "
    "'top_up', 1, 1, 5)",
    "insert into transfers (id, at_us, phase, kind, debit_account, credit_account, amount_fen) values (1, 1, 'single', "
    "'top_up', 1, 77, 5)",
]


def test_the_database_itself_refuses_what_would_falsify_the_books(world: World) -> None:
    world.card(fen=30_000)
    world.report(Pump("D1").fuelling(world.clock, 1_000, authorisation=world.allowed()))
    world.allowed()
    allowed = [statement for statement in FORBIDDEN if not _refused(world.database, statement)]
    assert allowed == []


def _refused(database: Database, statement: str) -> bool:
    try:
        with database.writing() as connection:
            connection.execute(text(statement))
    except DBAPIError:
        return True
    return False


@pytest.mark.database
def test_postgresql_refuses_to_truncate(cluster: Cluster, migrated_template: str) -> None:
    database = Database(cluster.database(migrated_template))
    with pytest.raises(DBAPIError), database.writing() as connection:
        connection.execute(text("truncate table transfers cascade"))
    database.close()


@pytest.mark.database
def test_what_tests_leave_connected_takes_no_place_from_the_next_ones(cluster: Cluster, migrated_template: str) -> None:
    made = cluster.count
    left = [Database(cluster.database(migrated_template)) for _ in range(2)]
    for database in left:
        with database.reading() as connection:
            connection.execute(text("select 1"))
    cluster.end_connections(since=made + 1)
    assert [_is_connected(cluster, made + number) for number in (1, 2)] == [True, False]
    for database in left:
        database.close()


def _is_connected(cluster: Cluster, number: int) -> bool:
    asking = Database(cluster.url("postgres"))
    try:
        with asking.reading() as connection:
            words = text("select count(*) from pg_stat_activity where datname = :name")
            return bool(connection.execute(words, {"name": f"test{number}"}).scalar_one())
    finally:
        asking.close()


def test_migrations_lead_to_the_tables_of_the_code(database_url: str) -> None:
    database = Database(database_url)
    database.require_current()
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.migrate()
    database.close()


def test_a_database_without_schema_is_refused_with_the_way_out(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new.sqlite3")
    with pytest.raises(Unavailable, match="--migrate"):
        database.require_current()
    database.close()


def test_sqlite_is_opened_for_safety(world: World, sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.reading() as connection:
        found = [
            connection.exec_driver_sql(f"pragma {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert found == ["wal", 2, 1]
    database.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "not a database URL"),
        ("mysql://h/d", "sqlite and postgresql"),
        ("sqlite://", "needs a file"),
        ("sqlite:////nowhere/at/all.sqlite3", "No such file"),
        ("postgresql://nobody@127.0.0.1:1/x", "refused"),
    ],
)
def test_urls_that_cannot_work_say_why(url: str, words: str) -> None:
    with pytest.raises(Unavailable, match=words):
        Database(url).migrate()


@pytest.mark.parametrize(
    ("url", "hosts", "attributes"),
    [
        ("postgresql://u@h1:1,h2:2,h3:3/db", ("h1:1", "h2:2", "h3:3"), "read-write"),
        ("postgres://u:p%40,w@h1,h2:2/db", ("h1:5432", "h2:2"), "read-write"),
        ("postgresql+psycopg://h1:1,h2:2/db?target_session_attrs=any&sslmode=require", ("h1:1", "h2:2"), "any"),
    ],
)
def test_several_hosts_are_taken_as_postgresql_writes_them(url: str, hosts: tuple[str, ...], attributes: str) -> None:
    database = Database(url)
    assert database.url.query["host"] == hosts
    assert database.url.query["target_session_attrs"] == attributes
    assert database.url.database == "db"
    if ":p%40" in url:
        assert (database.url.password, "p%40" in database.name) == ("p@,w", False)
    database.close()


@pytest.mark.parametrize("hosts", ["h1:1,", "h1:x,h2:2", "h1:1,h 2"])
def test_a_host_that_is_none_is_named(hosts: str) -> None:
    with pytest.raises(Unavailable, match="is not a host of a database"):
        Database(f"postgresql://u@{hosts}/db")


@pytest.mark.database
def test_the_host_that_takes_writes_is_found(cluster: Cluster, migrated_template: str) -> None:
    """The first host is down, the second only reads, the third is the one; books and listener both reach it."""
    url = cluster.database(migrated_template)
    reading = Cluster(programs())
    reading.start(default_transaction_read_only="on")
    try:
        name = url.rsplit("/", 1)[1]
        hosts = f"127.0.0.1:1,127.0.0.1:{reading.port},127.0.0.1:{cluster.port}"
        assert (
            main(["admin", "--database", f"postgresql://{cluster.owner}@{hosts}/{name}", "station", "set", "S1"]) == 0
        )
        database = Database(url)
        with database.reading() as connection:
            assert connection.execute(text("select id from stations")).scalars().all() == ["S1"]
        database.close()
    finally:
        reading.remove()


def test_a_password_is_not_shown() -> None:
    assert "secret" not in Database("postgresql://u:secret@h/d").name


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    path.write_text("this is not a database, whatever its name says" * 50)
    with pytest.raises(Unavailable, match="not a database"):
        Database(f"sqlite:///{path}").migrate()


def test_the_default_database_lies_in_the_state_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GREENLANE_DATABASE", raising=False)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "a"))
    assert default_url() == f"sqlite:///{tmp_path}/a/service.sqlite3"
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "b"))
    assert default_url() == f"sqlite:///{tmp_path}/b/greenlane/service.sqlite3"
    monkeypatch.setenv("GREENLANE_DATABASE", "sqlite:////x")
    assert default_url() == "sqlite:////x"


def test_books_that_may_not_be_read_are_not_taken_for_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is not the service's user must not meet an empty database of their own in its place."""

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError

    monkeypatch.delenv("GREENLANE_DATABASE", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("service.store.state_folder.read_regular", refuse)
    with pytest.raises(Unavailable, match="sudo -u greenlane-service"):
        default_url()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (b"# caf\xe9\nGREENLANE_DATABASE=sqlite:////y\n", "sqlite:////y"),
        (b'GREENLANE_DATABASE="sqlite:////y"\n', "sqlite:////y"),
        (
            b"GREENLANE_DATABASE=sqlite:////x\n  GREENLANE_DATABASE = sqlite:////z\nGREENLANE_DATABASE=sqlite:////y",
            "sqlite:////y",
        ),
        (b"# a\xe2\x80\xa8GREENLANE_DATABASE=sqlite:////x\nGREENLANE_DATABASE='sqlite:////y'", "sqlite:////y"),
    ],
)
def test_the_books_are_those_that_systemd_gives_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes, url: str
) -> None:
    """A byte that is not UTF-8 in a comment made every command of operators look for other books."""
    monkeypatch.delenv("GREENLANE_DATABASE", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    installed = tmp_path / "service.env"
    monkeypatch.setattr("service.store.state_folder.INSTALLED", installed)
    installed.write_bytes(text)
    assert default_url() == url
    installed.unlink()
    installed.mkdir()
    with pytest.raises(Unavailable, match="not a regular file; it names the installed service's database"):
        default_url()


def test_a_backup_taken_while_writing_restores_right_books(world: World, sqlite_url: str, tmp_path: Path) -> None:
    """The way of docs/service.md: SQLite's own backup, then the audit on the copy."""
    if not world.database.is_sqlite:
        pytest.skip("PostgreSQL's backup is the next test")
    world.card(fen=50_000)
    world.report(Pump("D1").fuelling(world.clock, 1_000, authorisation=world.allowed()))
    source = sqlite3.connect(str(world.database.url.database))
    with sqlite3.connect(tmp_path / "copy.sqlite3") as copy:
        source.backup(copy)
    source.close()
    world.report(Pump("D2").fuelling(world.clock, 1_000, authorisation=world.allowed()))
    restored = Database(f"sqlite:///{tmp_path}/copy.sqlite3")
    restored.require_current()
    found = audit(restored)
    assert (found.findings, found.fuellings) == ((), 1)
    assert _refused(restored, "delete from transfers")
    restored.close()


@pytest.mark.database
def test_a_dump_of_postgresql_restores_right_books(cluster: Cluster, migrated_template: str) -> None:
    """The way of docs/service.md: pg_dump, pg_restore, then the audit on the copy."""
    url, copy_url = cluster.database(migrated_template), cluster.database()
    world = World(Database(url))
    world.card(fen=50_000)
    world.report(Pump("D1").fuelling(world.clock, 1_000, authorisation=world.allowed()))
    dump = str(cluster.folder / "greenlane.dump")
    subprocess.run(cluster.command("pg_dump", "--format=custom", f"--file={dump}", url), check=True)
    subprocess.run(cluster.command("pg_restore", f"--dbname={copy_url}", "--exit-on-error", dump), check=True)
    world.report(Pump("D2").fuelling(world.clock, 1_000, authorisation=world.allowed()))
    world.database.close()
    restored = Database(copy_url)
    restored.require_current()
    found = audit(restored)
    assert (found.findings, found.fuellings) == ((), 1)
    assert _refused(restored, "delete from transfers")
    restored.close()
