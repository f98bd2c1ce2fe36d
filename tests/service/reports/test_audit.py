"""The audit finds and names what is wrong, whoever did it: each manipulation by hand, and files that are spoilt."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from greenlane import language
from greenlane.cli import main
from service.books.messages import Renew, Report
from service.books.rows.sealing import head_of, seal_all
from service.errors import Unavailable
from service.identity import trail
from service.identity.people import PeopleStore, Role
from service.identity.trail import TrailEntry, note
from service.reports.audit import audit
from service.reports.proofs.file import POSTGRESQL_GUARDS, guards_of_postgresql, whole
from service.store.clock import SystemWallClock
from service.store.database import Database
from service.store.ids import IdMaker
from tests.service.postgres import Cluster
from tests.service.reports.manipulations import FIT_SUMS, MANIPULATIONS, Manipulation
from tests.service.world import Pump, World
from wire.questions import Decision

OTHER = "粤B67890"


@pytest.fixture(scope="module")
def used_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Right books in which a bit of everything has happened; all but the last event is sealed."""
    path = Path(shutil.copy(migrated_file, tmp_path_factory.mktemp("used")))
    database = Database(f"sqlite:///{path}")
    world = World(database)
    stock(world)
    found = audit(database)
    assert found.findings == ()
    assert found.waiting == 1
    database.close()
    return path


def stock(world: World) -> None:
    world.admin.stations.set("S1", unauthorised_cap_fen=5_000)
    world.admin.stations.set("S2", title="Second")
    world.admin.stations.set_price("S1", "92", 800)
    for card, plate in (("C1", "粤B12345"), ("C2", OTHER), ("C3", None)):
        world.card(card, fen=60_000, plate=plate)
    world.admin.cards.block("C3", True)
    world.admin.plates.block(OTHER, True)
    world.admin.money.correct("C1", 500, note="goodwill")
    seal_all(world.database, world.clock)
    pump = Pump("D1")
    for volume_ml in (1_000, 2_500):
        world.report(pump.fuelling(world.clock, volume_ml, authorisation=world.allowed()))
    world.report(pump.fuelling(world.clock, 10_000))
    world.report(pump.fuelling(world.clock, 10_000, plate=None))
    world.admin.fuellings.claim("D1", 4, "C2", note="driver came back")
    world.report(Pump("D2", sequence=4).fuelling(world.clock, 0, authorisation=world.allowed()))
    world.report(
        Pump("D2", sequence=6, totaliser_ml=2_000_000).fuelling(world.clock, 100, authorisation=world.allowed())
    )
    world.admin.fuellings.explain_gap("D2", 7, "meter replaced")
    world.ask("粤B00000", visit="refused-1")
    world.allowed()
    world.refused(Report(Pump("D9").fuelling(world.clock, 1_000, amount_fen=1)))
    people = PeopleStore(world.database, world.clock.now, PasswordHasher(1, 8, 1))
    for name in ("wang", "li"):
        people.add(name, "a long pass phrase 7", Role.ATTENDANT, None, "tester")
    people.add("pump", "a long pass phrase 7", Role.PANEL, "S1", "tester", lane="L1")
    people.disable("li", "tester")
    seal_all(world.database, world.clock)
    world.admin.money.top_up("C1", 100, key="last")


def manipulate(path: Path, manipulation: Manipulation) -> None:
    """With the file in hand; triggers out of the way, and back as they were."""
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("pragma foreign_keys = off")
    guards: list[tuple[str, str]] = []
    if manipulation.keeps_guards:
        guards = raw.execute("select name, sql from sqlite_master where type = 'trigger'").fetchall()
        for name, _ in guards:
            raw.execute(f"drop trigger {name}")
    for statement in manipulation.statements:
        done = raw.execute(statement)
        assert done.rowcount != 0, statement
    for _, definition in guards:
        raw.execute(definition)
    raw.close()


@pytest.mark.sample(13)
@pytest.mark.parametrize("manipulation", MANIPULATIONS, ids=lambda m: m.name.replace(" ", "-").replace(",", ""))
def test_what_was_done_by_hand_is_found_and_named(used_file: Path, tmp_path: Path, manipulation: Manipulation) -> None:
    path = Path(shutil.copy(used_file, tmp_path / "books.sqlite3"))
    manipulate(path, manipulation)
    database = Database(f"sqlite:///{path}")
    found = audit(database)
    database.close()
    assert not found.clean
    said = [f"{f.check}: {f.words}" for f in found.findings]
    assert any(f.check == manipulation.check and manipulation.words in f.words for f in found.findings), said
    left = {f.words: words for f in found.findings if f.check != "schema" and (words := english_left(f.words))}
    assert not left, left


QUOTED = re.compile(
    r"(与应有的不同|现为|文件已损坏|内容无法读取).*|（[a-z, ]+）|原因 \w+|:\w+|\[.*?\]|'.*?'|(unit_)?flags"
    r"|[\w-]*[-\d][\w-]*|的 \w+ |pump|private|wang"
)
"""What a Chinese finding shows as it stands in the books."""


def english_left(words: str) -> list[str]:
    """Words of English in a finding as a Chinese person reads it, but quotations and names."""
    return re.findall(r"\b[a-z]{3,}(?:_[a-z]+)*\b", QUOTED.sub("", language.catalogue("zh").sentence(words)))


def test_there_are_enough_of_them() -> None:
    assert len({m.statements for m in MANIPULATIONS}) >= 45


def spoilt(path: Path) -> Iterator[str]:
    """Ways in which a disk or a copy spoils a file, one after another on fresh copies."""
    whole = path.read_bytes()
    page = 4096
    for name, content in (
        ("cut off", whole[: len(whole) // 2]),
        ("a page of zeros", whole[: 5 * page] + bytes(page) + whole[6 * page :]),
        ("half of it noise", whole[: len(whole) // 2] + os.urandom(len(whole) - len(whole) // 2)),
        ("the schema gone", whole[:100] + bytes(page - 100) + whole[page:]),
        ("no database at all", b"this is something else, whatever its name says " * 400),
        ("nothing in it", b""),
    ):
        path.write_bytes(content)
        yield name
    path.write_bytes(whole)


def test_a_spoilt_file_is_named_as_spoilt(used_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(shutil.copy(used_file, tmp_path / "books.sqlite3"))
    for name in spoilt(path):
        assert main(["admin", "--database", f"sqlite:///{path}", "audit"]) == 1, name
        printed = capsys.readouterr()
        assert "right" not in printed.out, name
        assert "spoilt" in printed.out + printed.err, (name, printed)
        assert "Traceback" not in printed.out + printed.err, name
    assert main(["admin", "--database", f"sqlite:///{path}", "audit"]) == 0


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    "statement",
    [
        "update transfers set amount_fen = 'much' where kind = 'top_up'",
        "update accounts set credits_posted_fen = x'00' where id = 2",
        "update operator_events set detail = cast(x'ff' as text)",
        "update fuellings set flags = cast(x'fffe' as text)",
        "update seals set sealed_rows = '[1]'",
        "update stations set zone = null",
    ],
)
def test_what_cannot_be_read_is_a_finding_too(used_file: Path, tmp_path: Path, statement: str) -> None:
    path = Path(shutil.copy(used_file, tmp_path / "books.sqlite3"))
    raw = sqlite3.connect(path, isolation_level=None)
    for (name,) in raw.execute("select name from sqlite_master where type = 'trigger'").fetchall():
        raw.execute(f"drop trigger {name}")
    raw.execute("pragma writable_schema = on")
    raw.execute("update sqlite_master set sql = replace(sql, ' NOT NULL', '') where type = 'table'")
    raw.close()
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute(statement)
    raw.close()
    database = Database(f"sqlite:///{path}")
    assert len([f for f in audit(database).findings if f.check != "schema"]) > 0
    database.close()


def test_a_head_kept_elsewhere_proves_what_was_made_anew(
    used_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody lowers a top-up, makes the sums fit and seals everything anew: only the head tells."""
    path = Path(shutil.copy(used_file, tmp_path / "books.sqlite3"))
    admin = ["admin", "--database", f"sqlite:///{path}", "audit"]
    kept = tmp_path / "head.txt"
    assert main([*admin, "--head", str(kept)]) == 0
    number = head_of(kept.read_text()).number
    assert f"head {kept.read_text().strip()}" in capsys.readouterr().out
    raw = sqlite3.connect(path, isolation_level=None)
    guards = raw.execute("select name, sql from sqlite_master where type = 'trigger'").fetchall()
    for name, _ in guards:
        raw.execute(f"drop trigger {name}")
    raw.execute("update transfers set amount_fen = 99 where key = 'last'")
    raw.execute(FIT_SUMS)
    for table in ("seals", "sealed_texts", "unsealed"):
        raw.execute(f"delete from {table}")
    for table in ("transfers", "operator_events"):
        raw.execute(f"insert into unsealed select '{table}', id from {table}")
    for _, definition in guards:
        raw.execute(definition)
    raw.close()
    world = World(Database(f"sqlite:///{path}"))
    while number > 0:
        seal_all(world.database, world.clock)
        number -= 1
        world.admin.stations.set("S1", title=f"again {number}")
    seal_all(world.database, world.clock)
    assert audit(world.database).findings == ()
    world.database.close()
    assert main([*admin, "--against", str(kept)]) == 1
    assert "rewritten or deleted" in capsys.readouterr().out
    assert main([*admin, "--against", f"99-{'0' * 64}"]) == 1
    assert "the chain ends at" in capsys.readouterr().out
    assert main([*admin, "--against", "nonsense"]) == 1
    said = capsys.readouterr().err
    assert "is not a head" in said
    assert "no such file" in said


def test_a_head_takes_the_place_of_an_earlier_head_alone(
    used_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not of the books themselves, nor of what a link leads to; a pipe is not waited for."""
    path = Path(shutil.copy(used_file, tmp_path / "books.sqlite3"))
    words = ["admin", "--database", f"sqlite:///{path}", "audit", "--head"]
    link, other, pipe = tmp_path / "link", tmp_path / "letter.txt", tmp_path / "pipe"
    link.symlink_to(path)
    other.write_text(f"1-{'0' * 64}\nDear accountant,\n")
    os.mkfifo(pipe)
    before = path.read_bytes()
    for odd, why in (
        (path, "holds something else"),
        (link, "holds something else"),
        (other, "holds something else"),
        (pipe, "not a regular file"),
        (Path("/dev/null"), "not a regular file"),
    ):
        assert main([*words, str(odd)]) == 1
        assert why in capsys.readouterr().err
    assert path.read_bytes() == before, "not even sealed"
    assert "Dear" in other.read_text()
    kept, led = tmp_path / "head.txt", tmp_path / "led"
    kept.write_text(f"1-{'0' * 64}\n")
    led.symlink_to(kept)
    assert main([*words, str(led)]) == 0
    assert led.is_symlink()
    assert head_of(kept.read_text()).number > 1
    assert not list(tmp_path.glob(".greenlane-*")), "what was written beside was renamed"


def test_a_persons_texts_can_be_erased_and_the_chain_holds(used_file: Path, tmp_path: Path) -> None:
    """What `phone erase` does to a row: the text and its salt go, the digest stays, and its deed names the row."""
    path = Path(shutil.copy(used_file, tmp_path / "books.sqlite3"))
    raw = sqlite3.connect(path, isolation_level=None)
    row = raw.execute("select id from transfers where kind = 'correction'").fetchone()[0]
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute("update transfers set note = '' where id = ?", (row,))
    assert raw.execute("update sealed_texts set salt = null where row_id = ?", (row,)).rowcount == 1
    raw.execute("update transfers set note = '' where id = ?", (row,))
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute("update sealed_texts set salt = 'x'")
    raw.close()
    database = Database(f"sqlite:///{path}")
    assert [one.check for one in audit(database).findings] == ["chain"], "nobody has said that they erased it"
    with database.writing() as connection:
        note(connection, TrailEntry(SystemWallClock().now(), "tester", "phone.erase", "p-x", {"transfers": str(row)}))
    assert audit(database).findings == ()
    database.close()


def test_an_empty_house_is_in_order(database_url: str) -> None:
    database = Database(database_url)
    with database.reading() as connection:
        assert connection.execute(text("select count(*) from accounts")).scalar_one() == 4
    assert audit(database).findings == ()
    database.close()


def test_right_books_are_right_on_both(world: World) -> None:
    stock(world)
    found = audit(world.database)
    assert (found.findings, found.waiting, head_of(found.head).number) == ((), 1, 2)


def test_a_clock_that_is_set_back_spoils_no_books(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.card(fen=50_000)
    authorisation = world.allowed()
    world.clock.advance(-86_400)
    renewed = world.send(Renew(authorisation))
    assert isinstance(renewed, Decision)
    assert renewed.expires_in_s == world.settings.hold_life_s
    world.report(Pump("d1").fuelling(world.clock, 5_000, authorisation=authorisation))
    world.clock.advance(86_400)
    world.admin.cards.block("C1", True)
    monkeypatch.setattr(trail, "_numbers", IdMaker())  # the next command is a process of its own
    world.clock.advance(-3_600)
    world.admin.cards.block("C1", False)
    assert audit(world.database).findings == ()


def test_a_clock_beyond_all_numbers_is_refused_and_forgotten(world: World) -> None:
    world.card(fen=50_000)
    world.clock.advance(200 * 365 * 86_400)
    with pytest.raises(Unavailable, match="clock"):
        world.admin.money.top_up("C1", 100)
    world.clock.advance(-200 * 365 * 86_400)
    world.allowed()
    assert audit(world.database).findings == ()


@pytest.mark.database
@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (("alter table transfers disable trigger transfers_never_update",), "transfers_never_update is switched off"),
        (("drop trigger cards_never_stay on cards",), "cards_never_stay is missing"),
        (
            (
                "create or replace function refuse_change() returns trigger language plpgsql as "
                "$$ begin return new; end $$",
            ),
            "refuse_change is not as it should be",
        ),
        (
            (
                "alter table accounts disable trigger user",
                "update accounts set credits_posted_fen = 1 where id = 2",
                "alter table accounts enable trigger user",
            ),
            "adjustment account of the company",
        ),
        (
            (
                "alter table transfers disable trigger user",
                "update transfers set at_us = at_us - 1 where key = 'last'",
                "update transfers set note = 'other' where kind = 'correction'",
                "alter table transfers enable trigger user",
            ),
            "its texts (key, note, actor) were rewritten",
        ),
    ],
)
def test_postgresql_is_looked_at_alike(
    cluster: Cluster, migrated_template: str, statements: tuple[str, ...], words: str
) -> None:
    world = World(Database(cluster.database(migrated_template)))
    stock(world)
    with world.database.writing() as connection:
        for statement in statements:
            connection.execute(text(statement))
    assert [f for f in audit(world.database).findings if words in f.words]
    world.database.close()


@pytest.mark.database
def test_the_guards_of_postgresql_are_those_of_the_migrations(cluster: Cluster, migrated_template: str) -> None:
    """GREENLANE_WRITE_GUARDS=1 writes them anew, after a migration that adds some."""
    database = Database(cluster.database(migrated_template))
    with database.reading() as connection:
        made = guards_of_postgresql(connection)
    database.close()
    if os.environ.get("GREENLANE_WRITE_GUARDS"):
        POSTGRESQL_GUARDS.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    assert json.loads(POSTGRESQL_GUARDS.read_text(encoding="utf-8")) == made


def test_a_file_that_may_not_be_read_is_not_called_spoilt(tmp_path: Path) -> None:
    """As an auditor who may read the books, but not write beside them, was told."""
    with pytest.raises(Unavailable, match="not proved: unable to open"):
        whole(str(tmp_path / "none.sqlite3"))
    (tmp_path / "spoilt.sqlite3").write_bytes(b"x" * 5000)
    assert [finding.check for finding in whole(str(tmp_path / "spoilt.sqlite3"))] == ["file"]
