"""`greenlane admin backup` and `restore`, as an operator types them, beside a service that writes."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from greenlane import language
from greenlane.cli import main
from service.errors import AdminError
from service.reports.backup import copies, restore
from service.store.engine.scratch import scratch
from tests.full_disk import full_disk
from tests.service.identity.served import Served

Admin = Callable[..., tuple[int, str, str]]


@pytest.fixture
def admin(sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> Admin:
    def run(*words: str) -> tuple[int, str, str]:
        status = main(["admin", "--database", sqlite_url, *words])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    for words in (("card", "create", "C1"), ("top-up", "C1", "500")):
        assert run(*words)[0] == 0
    return run


@pytest.fixture
def books(sqlite_url: str) -> Path:
    return Path(sqlite_url.removeprefix("sqlite:///"))


def test_a_copy_brings_the_books_back(admin: Admin, books: Path, tmp_path: Path) -> None:
    status, out, _ = admin("backup", "--to", str(tmp_path / "copies"))
    (copy,) = copies(tmp_path / "copies")
    assert (status, out) == (0, f"{copy}: copied, restored, audited: the books are right\n")
    assert copy.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "copies").stat().st_mode & 0o777 == 0o700
    assert [p.name for p in (tmp_path / "copies").iterdir()] == [copy.name], "nothing is left behind"
    admin("top-up", "C1", "11")
    status, out, _ = admin("restore", str(copy))
    assert status == 0
    assert "balance    500.00 yuan" in admin("card", "show", "C1")[1]
    kept = Path(out.rsplit(" ", 1)[1].strip())
    with closing(sqlite3.connect(kept)) as before:
        assert before.execute("select count(*) from transfers").fetchone() == (2,)
    books.unlink()
    assert admin("restore", str(copy))[0] == 0
    assert admin("audit")[0] == 0


def test_a_mistyped_folder_is_not_made_with_all_above_it(admin: Admin, tmp_path: Path) -> None:
    """The copies would lie where nobody looks for them, on the disk of the books perhaps."""
    mistyped = tmp_path / "bakcups" / "greenlane"
    status, out, err = admin("backup", "--to", str(mistyped))
    told = f"{mistyped}: there is no folder {mistyped.parent}; check the path, or make that folder"
    assert (status, out, err) == (1, "", f"greenlane admin: {told}\n")
    assert language.catalogue("zh").sentence(told) != told
    assert not mistyped.parent.exists()
    mistyped.parent.mkdir()
    assert admin("backup", "--to", str(mistyped))[::2] == (0, f"greenlane admin: {mistyped}: a new folder was made\n")
    assert admin("backup", "--to", str(mistyped))[::2] == (0, "")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "is not a database URL"),
        ("today", "'today' is not a database URL: write sqlite:////path/file.sqlite3"),
        ("sqlite+aiosqlite:////x", "works on sqlite and postgresql"),
        ("sqlite:///:memory:", "this copies SQLite files"),
    ],
)
def test_other_books_than_those_that_are_named_are_never_touched(
    admin: Admin,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    url: str,
    told: str,
) -> None:
    """An empty address, as a script's unset variable makes one, stood for the books of this machine."""
    admin("backup", "--to", str(tmp_path / "copies"))
    (copy,) = copies(tmp_path / "copies")
    monkeypatch.delenv("GREENLANE_DATABASE", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    for words in (["backup", "--to", str(tmp_path / "other")], ["restore", str(copy)]):
        assert main(["admin", "--database", url, *words]) == 1
        err = capsys.readouterr().err
        assert told in err
        assert err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "words", [["admin", "top-up", "C1", "5"], ["admin", "audit"], ["admin", "card", "list"], ["service", "--migrate"]]
)
def test_an_empty_address_names_no_books(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GREENLANE_DATABASE", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert main([*words[:1], "--database", "", *words[1:]]) == 1
    assert "is not a database URL" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


def test_only_the_newest_are_kept(admin: Admin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in (1, 2, 3):
        (tmp_path / f"greenlane-2026010{day}T000000Z.sqlite3").touch()
    others = [tmp_path / "mine.sqlite3", tmp_path / "greenlane-1.sqlite3"]
    for other in others:
        other.touch()
    assert admin("backup", "--to", str(tmp_path), "--keep", "2")[0] == 0
    assert len(copies(tmp_path)) == 2
    assert copies(tmp_path)[0].name == "greenlane-20260103T000000Z.sqlite3"
    assert all(other.exists() for other in others)
    with pytest.raises(SystemExit):
        admin("backup", "--to", str(tmp_path), "--keep", "0")


@pytest.mark.parametrize(
    ("other", "keep", "left"), [("21060101", 1, 1), ("21060101", 2, 2), ("19700101", 2, 2), ("19700101", 5, 4)]
)
def test_the_copy_just_made_stays_whatever_the_clock_said_before(
    admin: Admin, tmp_path: Path, other: str, keep: int, left: int
) -> None:
    """Copies are named by the clock: one that was made in the future was the newest for ever."""
    for number in range(3):
        (tmp_path / f"greenlane-{other}T00000{number}Z.sqlite3").touch()
    status, out, _ = admin("backup", "--to", str(tmp_path), "--keep", str(keep))
    made = Path(out.partition(":")[0])
    assert (status, made.exists(), len(copies(tmp_path))) == (0, True, left)


@pytest.mark.slow
def test_while_the_service_runs_there_are_copies_but_no_restore(
    admin: Admin, sqlite_url: str, books: Path, tmp_path: Path
) -> None:
    with Served(sqlite_url):
        assert admin("backup", "--to", str(tmp_path / "copies"))[0] == 0
        (copy,) = copies(tmp_path / "copies")
        inode = books.stat().st_ino
        status, out, err = admin("restore", str(copy))
        assert (status, out) == (1, "")
        assert "is in use: stop the service first" in err
        assert books.stat().st_ino == inode
    assert admin("restore", str(copy))[0] == 0


@pytest.mark.slow
def test_what_does_not_hold_is_neither_kept_nor_restored(admin: Admin, books: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    admin("backup", "--to", str(folder))
    (good,) = copies(folder)
    damaged = tmp_path / "damaged.sqlite3"
    content = bytearray(good.read_bytes())
    content[len(content) // 4 : len(content) // 2] = os.urandom(len(content) // 2 - len(content) // 4)
    damaged.write_bytes(content)
    forged = tmp_path / "forged.sqlite3"
    forged.write_bytes(good.read_bytes())
    _forge(forged)
    before = books.read_bytes()
    for bad in (damaged, forged, tmp_path / "absent.sqlite3", Path(__file__)):
        status, out, err = admin("restore", str(bad))
        assert (status, out, err.count("\n")) == (1, "", 1), bad
    assert books.read_bytes() == before
    _forge(books)
    status, _, err = admin("backup", "--to", str(folder))
    assert status == 1
    assert "the audit of the restored copy finds" in err
    assert copies(folder) == [good]


def test_a_damaged_file_is_named_and_said_to_have_changed_nothing(admin: Admin, books: Path, tmp_path: Path) -> None:
    """SQLite's own words, "database disk image is malformed", said neither which file nor what became of the books."""
    admin("backup", "--to", str(tmp_path / "copies"))
    (copy,) = copies(tmp_path / "copies")
    before = books.read_bytes()
    for damage in ("head", "cut", "middle"):
        damaged = tmp_path / f"{damage}.sqlite3"
        damaged.write_bytes(copy.read_bytes())
        _damage(damaged, damage)
        status, _, err = admin("restore", str(damaged))
        told = f"{damaged} is damaged or no copy: the books stand unchanged; take another copy"
        assert (status, err) == (1, f"greenlane admin: {told}\n")
        assert language.catalogue("zh").sentence(told) == (f"{damaged} 已损坏，或不是备份：账目没有改动；请换一份备份")
    assert books.read_bytes() == before
    _damage(books, "middle")
    status, _, err = admin("backup", "--to", str(tmp_path / "copies"))
    told = f"{books} is damaged: no copy was made; put a good copy in place"
    assert (status, err) == (1, f"greenlane admin: {told}\n")
    assert copies(tmp_path / "copies") == [copy]


def _forge(path: Path) -> None:
    """A hand in the books, past their triggers."""
    with closing(sqlite3.connect(path)) as opened, opened:
        for (name,) in opened.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            opened.execute(f"drop trigger {name}")
        opened.execute("update transfers set amount_fen = amount_fen + 100")


HOLDS = """
import sqlite3, sys
opened = sqlite3.connect(sys.argv[1])
opened.execute("pragma journal_mode = wal")
opened.execute("select count(*) from cards").fetchone()
print(flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("damage", ["head", "cut", "middle"])
def test_damaged_books_give_way_to_the_copy(admin: Admin, books: Path, tmp_path: Path, damage: str) -> None:
    """They are what one restores for; and a log of theirs must not be played into the new ones."""
    admin("backup", "--to", str(tmp_path / "copies"))
    (copy,) = copies(tmp_path / "copies")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, books], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holding:
        assert holding.stdout is not None
        holding.stdout.readline()
        content = books.read_bytes()
        _damage(books, damage)
        damaged = books.read_bytes()
        status, _, err = admin("restore", str(copy))
        assert (status, "is in use: stop the service first" in err) == (1, True), err
        assert books.read_bytes() == damaged
        holding.kill()  # as a service dies of it, with its log still there
    assert Path(f"{books}-wal").exists()
    status, out, err = admin("restore", str(copy))
    assert (status, err) == (0, "")
    assert not Path(f"{books}-wal").exists()
    assert "balance    500.00 yuan" in admin("card", "show", "C1")[1]
    kept = Path(out.rsplit(" ", 1)[1].strip())
    assert kept.read_bytes() == damaged != content


def _damage(books: Path, how: str) -> None:
    content = bytearray(books.read_bytes())
    if how == "head":
        content[:100] = os.urandom(100)
    elif how == "middle":
        content[40_000:100_000] = os.urandom(60_000)
    with books.open("r+b") as file:
        file.write(content)
        file.truncate(5_000 if how == "cut" else len(content))


def test_there_are_books_wherever_a_restore_is_cut_off(
    admin: Admin, books: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that starts without any begins empty ones."""
    admin("backup", "--to", str(tmp_path / "copies"))
    (copy,) = copies(tmp_path / "copies")
    content = books.read_bytes()

    def cut_off(source: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", cut_off)
        with pytest.raises(KeyboardInterrupt):
            restore(copy, books, datetime(2026, 5, 4, tzinfo=UTC))
    assert books.read_bytes()[100:] == content[100:], "beyond what SQLite notes about its log"
    link = books.with_name("link.sqlite3")
    link.symlink_to(books)
    kept = restore(copy, link, datetime(2026, 5, 5, tzinfo=UTC))
    assert (link.is_symlink(), kept) == (True, Path(f"{books}.before-20260505T000000Z"))


def test_postgresql_is_told_its_own_way(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["admin", "--database", "postgresql://u@h/db", "backup", "--to", str(tmp_path)]) == 1
    assert "PostgreSQL has pg_dump" in capsys.readouterr().err


def test_a_copy_without_books_never_takes_their_place(tmp_path: Path) -> None:
    """Neither an emptied one nor another program's: migrating would make new books of it, and call them right."""
    empty, strange, books = tmp_path / "empty.sqlite3", tmp_path / "strange.sqlite3", tmp_path / "books.sqlite3"
    empty.touch()
    with closing(sqlite3.connect(strange)) as made:
        made.execute("create table other (id integer)")
    for copy in (empty, strange):
        with pytest.raises(AdminError, match="holds none of greenlane's books"):
            restore(copy, books, datetime(2026, 5, 4, tzinfo=UTC))
    assert not books.exists()


def test_a_copy_is_put_in_place_from_where_nothing_can_be_written(admin: Admin, books: Path, tmp_path: Path) -> None:
    """A disk of copies may be full, or mounted to be read alone: its folder is not touched."""
    folder = tmp_path / "copies"
    admin("backup", "--to", str(folder))
    (copy,) = copies(folder)
    before = folder.stat().st_mtime_ns
    assert admin("restore", str(copy))[0] == 0
    assert folder.stat().st_mtime_ns == before


def test_a_full_disk_of_the_books_is_named(admin: Admin, books: Path, tmp_path: Path) -> None:
    admin("backup", "--to", str(tmp_path / "copies"))
    (copy,) = copies(tmp_path / "copies")
    with full_disk():
        status, _, err = admin("restore", str(copy))
    assert (status, err.startswith(f"greenlane admin: {books.parent}: ")) == (1, True)
    assert admin("audit")[0] == 0, "the books stand unchanged"


_KILLED = """
import os, pathlib, sys
import service.reports.backup as backup
backup.prove = lambda *_: os.kill(os.getpid(), 9)
backup.back_up(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), __import__("datetime").datetime(2026, 5, 4), 14)
"""


def test_what_a_killed_backup_left_goes_with_the_next(admin: Admin, books: Path, tmp_path: Path) -> None:
    """Whole copies of the books, which nobody counted; of one that still runs nothing is touched."""
    folder = tmp_path / "copies"
    ended = subprocess.run([sys.executable, "-c", _KILLED, str(books), str(folder)], check=False)
    assert ended.returncode == -9
    assert len(list(folder.iterdir())) == 1, "what it had made"
    with scratch(folder) as running:
        assert admin("backup", "--to", str(folder))[0] == 0
        assert sorted(folder.iterdir()) == sorted([running, *copies(folder)])
