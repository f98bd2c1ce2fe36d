"""Writes what the decisions of a batch left behind: rows are added, and three small states are moved on.

On PostgreSQL all of it is one statement with a JSON parameter for each kind of row, and so one round trip. SQLite's
driver takes many rows for one statement, and has no way to travel.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from service.books.batch_state import BatchState
from service.store.engine.pipeline import Pipeline

Rows = Sequence[dict[str, object]]
"""All of one kind have the same columns."""

_MOVES = {
    "moved_authorisations": ("authorisations", ("station", "visit"), ("state", "expires_us")),
    "moved_dispensers": (
        "dispensers",
        ("station", "id"),
        ("last_sequence", "totaliser_ml", "last_volume_ml", "last_own_ml"),
    ),
    "used_grants": ("offline_grants", ("id",), ("fuelling",)),
}
"""Table, key and columns of the rows that are moved on; every other kind of row is added to the table of its name."""


def write(connection: Connection, batch_state: BatchState) -> None:
    """Add all new rows; the database's triggers move the balances and its checks have the last word."""
    new = {(a.station, a.visit) for a in batch_state.new_authorisations}
    moved = [a for key, a in batch_state.changed.items() if key not in new]
    seen = batch_state.seen_dispensers.values()
    fresh = {grant.id for grant in batch_state.new_grants}
    used = [grant for grant in batch_state.used_grants.values() if grant.id not in fresh]
    changes: dict[str, Rows] = {
        "dispensers": [_row(d) for d in batch_state.new_dispensers],
        "fuellings": [_row(f) for f in batch_state.new_fuellings],
        "dispenser_lanes": [_row(bound) for bound in batch_state.new_lanes],
        "transfers": [_row(t) for t in batch_state.ledger.added],
        "authorisations": [_row(a) for a in batch_state.new_authorisations],
        "rejected_messages": [_row(record) for record in batch_state.rejected],
        "offline_grants": [_row(grant) for grant in batch_state.new_grants],
        "charges": [_row(charge) for charge in batch_state.payers.new_charges],
        "payments": [_row(payment) for payment in batch_state.payers.new_payments],
        "charge_events": [_row(step) for step in batch_state.payers.new_steps],
        "moved_authorisations": [_moved(a, "moved_authorisations") for a in moved],
        "moved_dispensers": [_moved(d, "moved_dispensers") for d in seen],
        "used_grants": [_moved(grant, "used_grants") for grant in used],
    }
    put(connection, changes)


def put(connection: Connection, changes: Mapping[str, Rows]) -> None:
    """Write rows by kind, past SQLAlchemy; the driver's own errors come out, Database.writing() translates them.

    On PostgreSQL the commit travels with them, and whoever commits afterwards finds it done.
    """
    given = {kind: rows for kind, rows in changes.items() if rows}
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.driver_connection
        for kind, rows in given.items():
            driver.executemany(_sqlite_text(kind, tuple(rows[0])), rows)
    elif given:
        pipeline = Pipeline(connection)
        words = _postgresql_text(tuple((kind, tuple(rows[0])) for kind, rows in given.items()))
        pipeline.add(words, {kind: json.dumps(rows, ensure_ascii=False) for kind, rows in given.items()})
        pipeline.send(commit=True)


@functools.cache
def _sqlite_text(kind: str, columns: tuple[str, ...]) -> str:
    if kind in _MOVES:
        table, key, moved = _MOVES[kind]
        sets, same = (", ".join(_places(moved)), " and ".join(_places(key)))
        return f"update {table} set {sets} where {same}"
    places = ", ".join(f":{name}" for name in columns)
    return f"insert into {kind} ({', '.join(columns)}) values ({places}){_unless_there(kind)}"


@functools.cache
def _postgresql_text(kinds: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    """One statement for all; what one part adds, no other part has to see."""
    parts = [f"{kind} as ({_postgresql_part(kind, columns)})" for kind, columns in kinds]
    return f"with {', '.join(parts)} select"


def _postgresql_part(kind: str, columns: tuple[str, ...]) -> str:
    if kind in _MOVES:
        table, key, moved = _MOVES[kind]
        sets = ", ".join(f"{name} = new.{name}" for name in moved)
        rows = f"json_populate_recordset(null::{table}, %({kind})s) as new"
        same = " and ".join(f"{table}.{name} = new.{name}" for name in key)
        return f"update {table} set {sets} from {rows} where {same}"
    names = ", ".join(columns)
    rows = f"json_populate_recordset(null::{kind}, %({kind})s)"
    return f"insert into {kind} ({names}) select {names} from {rows}{_unless_there(kind)}"


def _unless_there(kind: str) -> str:
    return " on conflict (digest) do nothing" if kind == "rejected_messages" else ""


def _places(names: Sequence[str]) -> list[str]:
    return [f"{name} = :{name}" for name in names]


def _moved(record: Any, kind: str) -> dict[str, object]:
    _, key, moved = _MOVES[kind]
    return _row(record, (*key, *moved))


def _row(record: Any, names: Sequence[str] = ()) -> dict[str, object]:
    """The record's fields by name; dataclasses.asdict copies deeply, which costs ten times as much."""
    return {name: getattr(record, name) for name in names or record.__slots__}
