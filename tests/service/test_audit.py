"""The audit finds what is wrong, whoever did it: each proof is shown to fail on books that were falsified by hand."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from service.reports.audit import audit
from service.store.database import Database
from tests.service.world import Pump, World

FALSIFICATIONS = [
    ("balances", "update accounts set credits_posted_fen = credits_posted_fen + 1 where kind = 'card'"),
    ("balances", "update transfers set amount_fen = amount_fen + 1 where kind = 'top_up'"),
    ("balances", "delete from transfers where kind = 'top_up'"),
    ("sum_zero", "update accounts set credits_posted_fen = credits_posted_fen + 1 where kind = 'revenue'"),
    ("holds", "update authorisations set state = 'released' where state = 'captured'"),
    ("holds", "update authorisations set state = 'open' where state = 'captured'"),
    ("holds", "update authorisations set limit_fen = limit_fen + 1"),
    ("holds", "delete from authorisations"),
    ("fuellings", "update fuellings set amount_fen = amount_fen + 1"),
    ("fuellings", "delete from transfers where phase = 'post'"),
    ("totalisers", "update fuellings set totaliser_before_ml = totaliser_before_ml + 1 where sequence = 2"),
    ("totalisers", "delete from fuellings where sequence = 2"),
]


@pytest.mark.parametrize(("check", "statement"), FALSIFICATIONS)
def test_falsified_books_are_found_and_named(sqlite_url: str, check: str, statement: str) -> None:
    database = Database(sqlite_url)
    world = World(database)
    world.card(fen=50_000)
    pump = Pump("D1")
    for _ in range(3):
        world.report(pump.fuelling(world.clock, 1_000, authorisation=world.allowed()))
    assert audit(database).clean
    _falsify(database, statement)
    found = audit(database)
    assert not found.clean
    assert check in {finding.check for finding in found.findings}
    database.close()


def _falsify(database: Database, statement: str) -> None:
    """As someone with the file in hand could, all guards taken away."""
    with database.engine.connect() as connection:
        raw = connection.connection.driver_connection
        raw.execute("pragma foreign_keys=off")
        for (name,) in raw.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            raw.execute(f"drop trigger {name}")
        assert raw.execute(statement).rowcount > 0


def test_an_empty_house_is_in_order(database_url: str) -> None:
    database = Database(database_url)
    with database.reading() as connection:
        assert connection.execute(text("select count(*) from accounts")).scalar_one() == 2
    assert audit(database).clean
    database.close()
