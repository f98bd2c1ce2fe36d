"""Where SQL stands: in the rooms that keep something, never in what decides, answers HTTP or draws."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.test_imports import inside, modules

KEEPING = {
    "controller.fuelling.journal": "finished fuellings in the lane's one file",
    "controller.fuelling.prices": "the last prices that were told, in the lane's one file",
    "controller.outbound.damaged_file": "reads the tables of that file where its first page is spoilt",
    "controller.outbound.layout": "where that file's tables begin, a second time",
    "controller.outbound.outbox": "messages in the lane's one file",
    "controller.outbound.rescue": "brings over what can be read of that file when it is damaged",
    "controller.outbound.statefile": "opens that file",
    "greenlane.bench": "fills scratch databases and counts in them",
    "service.admin": "what operators set up",
    "service.books.rows": "the books' rows: loaded, locked, written, sealed",
    "service.counter": "shifts, second persons, what the till shows",
    "service.fleet.store": "what a fleet sees of its own vehicles",
    "service.identity": "people, sessions, devices, the trail",
    "service.live": "counters of changes, and PostgreSQL's notifications of them",
    "service.migrations": "the schema's steps",
    "service.mileage": "odometer rows, positions, known stations, vehicles",
    "service.offline": "signed lists and what was granted by them",
    "service.payers": "persons, phones, mandates, wallets, charges",
    "service.payments": "orders to a provider",
    "service.personal": "every table that names a person",
    "service.phone": "what a phone may see",
    "service.push": "phones' subscriptions",
    "service.reports": "what the books can show, and prove",
    "service.station": "lanes, orders, visits; holds that are open",
    "service.store": "engine, schema, tables that several rooms share",
    "station.store": "what a station keeps on its own disk",
}
"""Module or room -> what it keeps there or asks for. docs/decisions/where-sql-lives.md says why."""

STATEMENTS = {"select", "insert", "update", "delete", "text", "exists", "func"}
ASKING = {"execute", "executemany", "executescript"}
WRITTEN = re.compile(
    r"\s*(select\s.+\sfrom|insert (or \w+ )?into|update \w+ set|delete from|create (table|index))\s", re.I | re.S
)
FACES = re.compile(r"(\w+_)?(routes|mount|words|drawing)")


def speaks_sql(source: str) -> bool:
    """Whether a module builds statements, has one carried out, or opens SQLite."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names) if any(alias.name == "sqlite3" for alias in names):
                return True
            case ast.ImportFrom(str(module), names) if module.split(".")[0] == "sqlalchemy":
                if {alias.name for alias in names} & STATEMENTS or module.startswith("sqlalchemy.dialects"):
                    return True
            case ast.Call(ast.Attribute(_, name)) if name in ASKING:
                return True
            case ast.Constant(str(words)) if WRITTEN.match(words):
                return True
    return False


SPEAKING = {name: path for name, path in modules() if speaks_sql(path.read_text(encoding="utf-8"))}


def test_sql_stands_only_in_rooms_that_keep_something() -> None:
    assert not [name for name in SPEAKING if not inside(name, *KEEPING)]


@pytest.mark.parametrize("room", KEEPING)
def test_every_room_of_the_list_has_some(room: str) -> None:
    """A room that lost its last statement loses its line."""
    assert any(inside(name, room) for name in SPEAKING)


def test_what_answers_http_or_draws_asks_the_room_that_knows() -> None:
    assert not [name for name, path in SPEAKING.items() if FACES.fullmatch(path.stem)]


def test_the_page_says_so_too() -> None:
    page = Path(__file__).resolve().parents[1] / "docs" / "decisions" / "where-sql-lives.md"
    assert "`tests/test_sql_homes.py`" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("source", "speaks"),
    [
        ("from sqlalchemy import select", True),
        ("from sqlalchemy.dialects import postgresql", True),
        ("import sqlite3", True),
        ("connection.execute(query)", True),
        ("state.rows('SELECT lane FROM open_here')", True),
        ("from sqlalchemy import Connection", False),
        ("from service.payers.phones import Phones", False),
    ],
)
def test_statements_are_recognised(source: str, speaks: bool) -> None:
    assert speaks_sql(source) is speaks
