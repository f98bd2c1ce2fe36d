"""With all guards in place no statement of any form rewrites what is written, whoever sends it."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint, text
from sqlalchemy.exc import DBAPIError

from service.books.messages import Report
from service.migrations.append_only import KEYS
from service.reports.audit import audit
from service.store.database import Database
from service.store.schema import metadata
from tests.service.world import Pump, World

GUARDS = "never changed|never replaced|with a transfer alone|is empty|account of another|by the ledger itself|is taken"
TABLES = ("accounts", "authorisations", "cards", "dispensers", "fuellings", "operator_events", "prices", "transfers")

ON_BOTH = [
    "update accounts set credits_posted_fen = credits_posted_fen + 100 where kind = 'card'",
    "update accounts set debits_posted_fen = debits_posted_fen + 1, credits_posted_fen = credits_posted_fen + 1",
    "update accounts set debits_pending_fen = 0 where debits_pending_fen > 0",
    "update accounts set owner = 'C2' where kind = 'card' and owner = 'C1'",
    "update accounts set kind = 'adjustment' where kind = 'card'",
    "update accounts set id = id + 1 where kind = 'card'",
    "insert into accounts (id, kind, owner, credits_posted_fen) values (77, 'card', 'C7', 100)",
    "update cards set account = (select account from cards where id = 'C2') where id = 'C1'",
    "update cards set receivable = (select receivable from cards where id = 'C2') where id = 'C1'",
    "update cards set id = 'C9' where id = 'C2'",
    "update stations set revenue_account = suspense_account",
    "update stations set id = 'S9'",
    "update dispensers set station = 'S9'",
    "insert into cards (id, name, state, whole_balance, account, receivable, created_us) select 'C3', '', 'active',"
    " false, account, receivable, 1 from cards where id = 'C1'",
    "insert into stations (id, name, zone, preset_fen, revenue_account, suspense_account, created_us) select 'S2', '',"
    " 'Asia/Shanghai', 1, revenue_account, suspense_account, 1 from stations",
    "update transfers set moved = 0",
    "update offline_lists set entries = 0",
    "delete from offline_lists",
    "insert into accounts (id, kind, owner, credits_posted_fen) select id, kind, owner, 10 from accounts where"
    " kind = 'card' on conflict (id) do update set credits_posted_fen = 10",
]

ON_SQLITE = [
    *(f"insert or replace into {table} select * from {table}" for table in TABLES),
    *(f"replace into {table} select * from {table} limit 1" for table in TABLES),
    "insert or replace into transfers (id, at_us, phase, kind, debit_account, credit_account, amount_fen) select"
    " id, 1, phase, kind, debit_account, credit_account, 1 from transfers where kind = 'top_up'",
    "insert or replace into transfers (id, at_us, phase, kind, debit_account, credit_account, amount_fen, key) select"
    " 5, 1, phase, kind, debit_account, credit_account, 1, key from transfers where key is not null limit 1",
    "insert or replace into operator_events (id, at_us, actor, action, subject, detail) select id, 1, 'nobody', action,"
    " subject, detail from operator_events",
    "insert or replace into fuellings select 5, f.dispenser, f.sequence, f.station, f.lane, f.visit, f.authorisation,"
    " f.plate, 1, 1, 0, 0, 0, f.product, 0, 0, '[]', 1, null, 0, 0, 0, null, '[]', null, 0, 0 from fuellings f",
    "insert or replace into authorisations (rowid, visit, station, lane, plate, typed, captured_us, confidence,"
    " weakest, asked_us, decision, reason, state) select min(rowid), 'other', 'S1', 'L1', '', 0, 1, 1, 1, 1, 'refuse',"
    " 'ok', 'refused' from authorisations",
    "update or replace authorisations set rowid = (select min(rowid) from authorisations)",
    "update or replace cards set rowid = 9",
    "update or replace accounts set rowid = 1 where id = 2",
    "update or replace dispensers set rowid = 9",
    "insert into accounts (id, kind, owner) select id, kind, owner from accounts where id = 1 on conflict (id) do"
    " update set credits_posted_fen = 10",
    "insert into transfers (id, at_us, phase, kind, debit_account, credit_account, amount_fen, moved) values (5, 1,"
    " 'single', 'top_up', 1, 2, 5, 1)",
]

REPLACED = (
    "insert or replace into rejected_messages select 9, 9, code, 'other', station, dispenser, sequence, digest, body"
    " from rejected_messages"
)


@pytest.fixture
def used(world: World) -> World:
    """Books in which a bit of everything has happened."""
    world.card(fen=60_000)
    world.card("C2", fen=50_000, plate="粤B67890")
    world.admin.stations.set_price("S1", "92", 800)
    pump = Pump("D1")
    world.report(pump.fuelling(world.clock, 1_000, authorisation=world.allowed()))
    world.report(pump.fuelling(world.clock, 2_000, authorisation=world.allowed("粤B67890"), plate="粤B67890"))
    world.report(pump.fuelling(world.clock, 2_000))
    world.allowed()
    with world.database.writing() as connection:
        connection.execute(text("insert into offline_lists values ('S1', 1, 1, 2, 3, 'd')"))
    return world


def write(database: Database, statement: str) -> None:
    with database.writing() as connection:
        connection.execute(text(statement))


def contents(database: Database) -> dict[str, list[Any]]:
    with database.reading() as connection:
        return {t: connection.execute(text(f"select * from {t} order by 1, 2")).all() for t in TABLES}


def test_no_statement_rewrites(used: World) -> None:
    before = contents(used.database)
    for statement in ON_BOTH:
        with pytest.raises(DBAPIError, match=GUARDS):
            write(used.database, statement)
    assert contents(used.database) == before
    assert audit(used.database).findings == ()


@pytest.mark.parametrize("recursive", ["on", "off"])
def test_no_statement_of_sqlite_rewrites(used: World, recursive: str) -> None:
    """By a connection of one's own, as a person with the file has it."""
    if not used.database.is_sqlite:
        pytest.skip("PostgreSQL has no such statements")
    before = contents(used.database)
    raw = sqlite3.connect(str(used.database.url.database), isolation_level=None)
    raw.execute(f"pragma recursive_triggers = {recursive}")
    for statement in ON_SQLITE:
        with pytest.raises(sqlite3.IntegrityError, match=GUARDS):
            raw.execute(statement)
    raw.close()
    assert contents(used.database) == before
    assert audit(used.database).findings == ()


def test_a_rejected_message_is_kept_once_and_as_it_was(used: World) -> None:
    bad = Pump("D9").fuelling(used.clock, 1_000, amount_fen=1)
    used.refused(Report(bad))
    first = rejected(used.database)
    used.refused(Report(bad))
    if used.database.is_sqlite:
        write(used.database, REPLACED)
    assert rejected(used.database) == first
    assert len(first) == 1


def rejected(database: Database) -> list[Any]:
    with database.reading() as connection:
        return list(connection.execute(text("select * from rejected_messages")).all())


def test_every_table_that_stays_looks_at_all_its_keys() -> None:
    """A unique key that a later version adds has to be looked at before an insert as well."""
    left_out = {("rejected_messages", ("digest",))}
    missing = set()
    for table, known in KEYS.items():
        keys = metadata.tables[table].constraints
        found = {
            tuple(c.name for c in key.columns)
            for key in keys
            if isinstance(key, UniqueConstraint | PrimaryKeyConstraint)
        }
        missing |= {(table, key) for key in found if {*map(frozenset, known)}.isdisjoint({frozenset(key)})}
    assert missing == left_out
