"""Books of an older version are brought to this one with every row kept and every guard in place."""

from __future__ import annotations

import importlib
import itertools
import subprocess
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service.admin.dispensers import bound_dispensers
from service.books.messages import Report
from service.reports.audit import audit
from service.reports.suspense import suspended
from service.store.database import Database
from service.store.engine.migrating import upgrade
from service.store.engine.schema_version import MIGRATIONS, known_revisions, make_file
from tests.service.postgres import Cluster
from tests.service.world import PLATE, Pump, World
from wire.reasons import ErrorCode

OLD_ROWS = (
    "insert into accounts (id, kind, owner) values (11, 'card', 'C1'), (12, 'receivable', 'C1'),"
    " (13, 'revenue', 'S1'), (14, 'suspense', 'S1')",
    "insert into stations (id, name, zone, preset_fen, revenue_account, suspense_account, created_us)"
    " values ('S1', '', 'Asia/Shanghai', 10000, 13, 14, 1)",
    "insert into cards (id, name, state, whole_balance, account, receivable, created_us)"
    " values ('C1', '', 'active', false, 11, 12, 1)",
    f"insert into plates (plate, state, payer_kind, card, bound_us) values ('{PLATE}', 'active', 'card', 'C1', 1)",
    "insert into transfers (id, at_us, phase, kind, debit_account, credit_account, amount_fen, key, actor)"
    " values (101, 1, 'single', 'top_up', 1, 11, 50000, 'k', 'wang')",
    *(
        "insert into operator_events (id, at_us, actor, action, subject, detail) values"
        f" ({number}, 1, 'wang', '{action}', '{subject}', '{detail}')"
        for number, action, subject, detail in (
            (301, "set_station", "S1", '{"name" : ""}'),
            (302, "create_card", "C1", '{"name" : "", "whole" : false}'),
            (303, "bind_plate", PLATE, '{"card" : "C1"}'),
        )
    ),
    "insert into transfers (id, at_us, phase, kind, debit_account, credit_account, amount_fen)"
    " values (102, 1, 'pending', 'hold', 11, 13, 10000)",
    "insert into authorisations (visit, station, lane, plate, typed, captured_us, confidence, weakest, asked_us,"
    " decision, reason, id, card, hold, limit_fen, first_expires_us, expires_us, state) values ('v1', 'S1',"
    f" 'L1', '{PLATE}', false, 1, 1, 1, 1, 'allow', 'ok', 'a1', 'C1', 102, 10000, 9e15, 9e15, 'open')",
    "insert into dispensers (id, station, last_sequence, totaliser_ml) values ('dispenser-1', 'S1', 3, 3000)",
    *(
        "insert into fuellings (id, dispenser, sequence, station, lane, plate, started_us, ended_us, volume_ml,"
        " amount_fen, unit_price_fen_per_l, product, totaliser_before_ml, totaliser_after_ml, unit_flags, received_us,"
        f" card, captured_fen, overrun_fen, released_fen, flags) values ({200 + n}, 'dispenser-1', {n}, 'S1', 'L1',"
        f" null, 1, 2, 1000, 800, 800, '92', {n}000 - 1000, {n}000, '[]', 3, {card}, 0, 0, 0, '[\"uncovered\"]')"
        for n, card in ((1, "null"), (2, "'C1'"), (3, "null"))
    ),
    "insert into transfers (id, at_us, phase, kind, debit_account, credit_account, amount_fen, fuelling_id)"
    " values (103, 1, 'single', 'unclaimed', 14, 13, 800, 201), (104, 1, 'single', 'fuelling', 11, 13, 800, 202),"
    " (105, 1, 'single', 'unclaimed', 14, 13, 800, 203)",
    "insert into transfers (id, at_us, phase, kind, debit_account, credit_account, amount_fen, fuelling_id, key,"
    " actor) values (106, 2, 'single', 'claim', 11, 14, 800, 203, 'claim dispenser-1 3 11', 'wang')",
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.database)])
def old(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Books as version 0004 left them, with an open authorisation."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('old')}/service.sqlite3"
    else:
        cluster: Cluster = request.getfixturevalue("cluster")
        url = cluster.database()
    database = Database(url)
    if database.is_sqlite:
        make_file(database.path)
    with database.engine.begin() as connection:
        upgrade(connection, "0004")
        for statement in OLD_ROWS:
            connection.execute(text(statement))
    yield database
    database.close()


def test_old_rows_are_kept_and_go_on(old: Database) -> None:
    old.migrate()
    old.require_current()
    found = audit(old)
    assert (found.findings, found.waiting) == ((), 9), "older rows wait to be sealed as they were found"
    assert [(s.sequence, s.suspended_fen) for s in suspended(old)] == [(1, 800)]
    assert [(d.dispenser, d.lanes, d.by_operator) for d in bound_dispensers(old)] == [("dispenser-1", ("L1",), False)]
    world = World(old)
    stranger = Pump("dispenser-1", 3, 3_000).fuelling(world.clock, 1_000, lane="L2")
    assert world.refused(Report(stranger)).code is ErrorCode.OTHER_LANES_DISPENSER
    world.admin.stations.set("S2", preset_fen=10_000)
    pump = Pump("dispenser-1", 3, 3_000)
    own = world.report(pump.fuelling(world.clock, 1_000, authorisation="a1", visit="v1"))
    assert (own.captured_fen, own.flags) == (800, ())
    other = Pump("dispenser-1").fuelling(world.clock, 1_000, station="S2", plate=None)
    assert world.report(other).flags == ("uncovered",)
    world.admin.fuellings.claim("dispenser-1", 1, "C1", station="S1")
    world.admin.stations.set("S1", unauthorised_cap_fen=1_000)
    assert [s.station for s in suspended(old)] == ["S2"]
    assert audit(old).findings == ()


def test_the_guards_are_still_there(old: Database) -> None:
    old.migrate()
    for table in ("fuellings", "authorisations", "dispensers", "transfers", "accounts"):
        with pytest.raises(DBAPIError, match="never changed"), old.writing() as connection:
            connection.execute(text(f"delete from {table}"))
    for table, column in (("fuellings", "amount_fen"), ("authorisations", "plate"), ("transfers", "amount_fen")):
        with pytest.raises(DBAPIError, match="never changed"), old.writing() as connection:
            connection.execute(text(f"update {table} set {column} = {column}"))


def test_the_files_of_the_migrations_bear_the_names_of_the_schemas_that_they_make() -> None:
    """The standing of a database is told without loading a migration."""
    for before, after in itertools.pairwise((None, *known_revisions())):
        (file,) = (MIGRATIONS / "versions").glob(f"v{after}_*.py")
        migration = importlib.import_module(f"service.migrations.versions.{file.stem}")
        assert (migration.revision, migration.down_revision) == (after, before)


def test_a_command_that_migrates_nothing_loads_no_alembic(sqlite_url: str) -> None:
    check = "import sys; from greenlane.cli import main; sys.exit(main(sys.argv[1:]) or 'alembic' in sys.modules)"
    words = ["admin", "station", "list", "--database", sqlite_url]
    subprocess.run([sys.executable, "-c", check, *words], check=True, timeout=60, stdout=subprocess.DEVNULL)
