"""Who may make a database, who may change its version, and what each says: as typed on a command line."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from greenlane.cli import main
from service.app import create_app
from service.identity.guard import EMBEDDED
from service.server import running
from service.store.database import Database
from service.store.engine.migrating import upgrade
from service.store.engine.schema_version import Migrated, SchemaStanding
from tests.full_disk import full_disk
from tests.service.raw_http import head, say

Run = Callable[..., tuple[int, str, str]]
READING = [
    ("card", "list"),
    ("card", "show", "C1"),
    ("plate", "list"),
    ("statement", "C1"),
    ("station", "list"),
    ("reconcile", "S1", "2026-05-04"),
    ("rejected",),
    ("audit",),
    ("trail",),
    ("device", "list"),
    ("person", "list"),
    ("price", "list", "S1"),
    ("offline", "list", "S1"),
]
CHANGING = [("card", "create", "C1"), ("top-up", "C1", "5"), ("plate", "bind", "粤B12345", "C1")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books" / "service.sqlite3"


@pytest.fixture
def run(path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    path.parent.mkdir()

    def call(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            status = main([*words, "--database", f"sqlite:///{path}"])
        except SystemExit as ended:
            status = int(str(ended.code))
        output = capsys.readouterr()
        return status, output.out, output.err

    return call


def set_revision(path: Path, revision: str) -> None:
    with closing(sqlite3.connect(path)) as opened, opened:
        opened.execute("update alembic_version set version_num = ?", (revision,))


def make_older(path: Path, version: str = "head-1") -> str:
    """A database of an older version, the one before this if none is named."""
    database = Database(f"sqlite:///{path}")
    path.touch()
    with database.engine.connect() as connection, connection.begin():
        upgrade(connection, version)
    database.close()
    with closing(sqlite3.connect(path)) as opened:
        return str(opened.execute("select version_num from alembic_version").fetchone()[0])


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("words", [*READING, *CHANGING], ids=" ".join)
def test_a_database_that_is_not_there_is_not_made_by_looking_for_it(run: Run, path: Path, words: tuple[str]) -> None:
    status, _, err = run("admin", *words)
    assert status == 1, err
    assert "there is no" in err
    assert "greenlane admin station set" in err or words == ("audit",)
    assert list(path.parent.iterdir()) == []


@pytest.mark.slow
def test_the_first_station_makes_it_and_says_so(run: Run, path: Path) -> None:
    before = os.umask(0)
    try:
        status, out, err = run("admin", "station", "set", "S1")
    finally:
        os.umask(before)
    assert (status, out) == (0, "station S1 is set up\n")
    assert "a new database was made" in err
    assert mode_of(path) == 0o600
    assert run("admin", "station", "set", "S2")[2] == ""
    assert run("admin", "station", "list")[0] == 0


def test_migrate_makes_it_and_says_so(run: Run, path: Path) -> None:
    assert "a new database was made" in run("service", "--migrate")[1]
    assert "schema is up to date" in run("service", "--migrate")[1]
    assert mode_of(path) == 0o600


@pytest.mark.slow
def test_the_service_makes_it_and_says_so(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    create_app(f"sqlite:///{path}", guard=EMBEDDED)
    assert "a new database was made" in caplog.text
    assert {mode_of(one) for one in path.parent.glob("*.sqlite3*")} == {0o600}


@pytest.mark.slow
@pytest.mark.parametrize("words", [READING[0], CHANGING[0]], ids=" ".join)
def test_no_command_brings_a_database_to_another_version_by_the_way(run: Run, path: Path, words: tuple[str]) -> None:
    older = make_older(path)
    content = path.read_bytes()
    status, _, err = run("admin", *words)
    assert status == 1
    assert older in err
    assert "greenlane service --migrate" in err
    assert path.read_bytes() == content


@pytest.mark.slow
def test_migrating_keeps_a_copy_and_says_so(run: Run, path: Path) -> None:
    older = make_older(path)
    status, out, _ = run("service", "--migrate")
    assert status == 0
    (copy,) = path.parent.glob("*.before-migration-*")
    assert str(copy) in out
    assert mode_of(copy) == 0o600
    with closing(sqlite3.connect(f"file:{copy}?mode=ro", uri=True)) as opened:
        assert opened.execute("select version_num from alembic_version").fetchone() == (older,)
    assert list(path.parent.glob("*.before-migration-*")) == [copy], "reading it writes nothing beside it"
    assert run("admin", "station", "list")[0] == 0


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "words", [("admin", "card", "list"), ("admin", "station", "set", "S1"), ("service", "--migrate")]
)
def test_a_newer_database_is_told_as_such(run: Run, path: Path, words: tuple[str]) -> None:
    run("service", "--migrate")
    set_revision(path, "9999")
    status, _, err = run(*words)
    assert status == 1
    assert "newer version of greenlane" in err
    with pytest.raises(Exception, match="newer version"):
        create_app(f"sqlite:///{path}", guard=EMBEDDED)


@pytest.mark.slow
@pytest.mark.parametrize("is_older", [False, True])
def test_two_at_once_wait_for_each_other(path: Path, is_older: bool) -> None:
    path.parent.mkdir()
    if is_older:
        make_older(path)
    done: list[Migrated | Exception] = []
    gate = threading.Barrier(4)

    def migrate() -> None:
        database = Database(f"sqlite:///{path}")
        gate.wait()
        try:
            done.append(database.migrate())
        except Exception as error:
            done.append(error)
        database.close()

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(isinstance(one, Migrated) for one in done), done
    found = sorted(one.before.value for one in done if isinstance(one, Migrated))
    assert found == ["current"] * 3 + ["older" if is_older else "missing"]


@pytest.mark.database
def test_an_empty_postgresql_database_is_filled_by_who_may(cluster: object, capsys: pytest.CaptureFixture[str]) -> None:
    url = cluster.database()  # type: ignore[attr-defined]
    assert main(["admin", "card", "list", "--database", url]) == 1
    assert "there is no such database" in capsys.readouterr().err
    assert main(["admin", "station", "set", "S1", "--database", url]) == 0
    database = Database(url)
    assert database.standing() is SchemaStanding.CURRENT
    database.close()


def test_health_is_bad_while_nothing_can_be_written(sqlite_url: str) -> None:
    """Reading works on, so a check that only reads says that all is well."""
    with running(create_app(sqlite_url, guard=EMBEDDED)) as url:
        port = int(url.rpartition(":")[2])
        ask = head("GET", b"/healthz", [("Host", "localhost")])
        assert say(port, ask).status == 200
        with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
            other.execute("begin immediate")
            ends_s = time.monotonic() + 60
            while (status := say(port, ask).status) == 200 and time.monotonic() < ends_s:
                time.sleep(0.1)
            other.execute("rollback")
        assert status == 503
        assert say(port, ask).status == 200


@pytest.mark.parametrize(
    "words",
    [("admin", *READING[0]), ("admin", *CHANGING[0]), ("admin", "station", "set", "S1"), ("service", "--migrate")],
    ids=" ".join,
)
def test_an_empty_file_is_not_made_new_books(run: Run, path: Path, words: tuple[str]) -> None:
    """Whatever was in it is lost, and nobody would have heard of that."""
    path.parent.mkdir(exist_ok=True)
    path.touch()
    status, _, err = run(*words)
    assert (status, err.count("\n")) == (1, 1)
    assert f"{path}: is there, and is empty. If it held books, put a copy in its place (greenlane admin restore)" in err
    assert path.stat().st_size == 0
    path.unlink()
    assert run("admin", "station", "set", "S1")[0] == 0


def test_a_full_disk_leaves_nothing_that_hinders_the_next_start(run: Run, path: Path) -> None:
    """An empty file is taken for lost books, so that somebody would have to delete it."""
    with full_disk():
        status, _, err = run("service", "--migrate")
    assert (status, str(path) in err, list(path.parent.iterdir())) == (1, True, [])
    assert run("service", "--migrate")[0] == 0
    assert run("admin", "audit")[0] == 0


def test_a_migration_without_room_leaves_no_copy(run: Run, path: Path) -> None:
    """The next start makes another; one a start filled the disk until there was no room for anything."""
    older = make_older(path, "0004")
    with full_disk(path.stat().st_size + 8_192):
        for _ in range(2):
            assert run("service", "--migrate")[0] == 1
    assert list(path.parent.glob("*.before-migration-*")) == []
    with closing(sqlite3.connect(path)) as opened:
        assert opened.execute("select version_num from alembic_version").fetchone() == (older,)
    assert run("service", "--migrate")[0] == 0
    assert len(list(path.parent.glob("*.before-migration-*"))) == 1


def test_a_copy_of_older_books_has_its_name_once_it_is_whole(
    run: Run, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks for a copy after a power cut finds none that is half of one."""
    make_older(path)
    halves: list[Path] = []

    def cut_off(*_: object) -> None:
        halves.extend(path.parent.glob("*.before-migration-*"))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("os.rename", cut_off)
        with pytest.raises(KeyboardInterrupt):
            Database(f"sqlite:///{path}").migrate()
    assert (halves, list(path.parent.glob("*.before-migration-*"))) == ([], [])
    assert run("service", "--migrate")[0] == 0
    assert len(list(path.parent.glob("*.before-migration-*"))) == 1
