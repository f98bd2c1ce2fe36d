"""Writes what the decisions of a batch left behind: rows are added, and three small states are moved on."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, text

from service import schema
from service.situation import Situation

_ADD_REJECTED = text(
    "insert into rejected_messages (id, at_us, code, detail, station, dispenser, sequence, digest, body) values "
    "(:id, :at_us, :code, :detail, :station, :dispenser, :sequence, :digest, :body) on conflict (digest) do nothing"
)
_MOVE_AUTHORISATION = (
    "update authorisations set state = :state, expires_us = :expires_us where visit = :visit",
    "update authorisations a set state = n.state, expires_us = n.expires_us "
    "from json_to_recordset(%s) as n(visit varchar, state varchar, expires_us bigint) where a.visit = n.visit",
)
_MOVE_DISPENSER = (
    "update dispensers set last_sequence = :last_sequence, totaliser_ml = :totaliser_ml where id = :id",
    "update dispensers d set last_sequence = n.last_sequence, totaliser_ml = n.totaliser_ml "
    "from json_to_recordset(%s) as n(id varchar, last_sequence bigint, totaliser_ml bigint) where d.id = n.id",
)
"""For SQLite, once per row; for PostgreSQL, all rows as one JSON parameter."""


def write(connection: Connection, situation: Situation) -> None:
    """Add all new rows; the database's triggers move the balances and its checks have the last word."""
    add_rows(connection, schema.dispensers, [_row(d) for d in situation.new_dispensers])
    add_rows(connection, schema.fuellings, [_row(f) for f in situation.new_fuellings])
    add_rows(connection, schema.transfers, [_row(t) for t in situation.ledger.added])
    add_rows(connection, schema.authorisations, [_row(a) for a in situation.new_authorisations])
    if situation.rejected:
        connection.execute(_ADD_REJECTED, [_row(record) for record in situation.rejected])
    new = {a.visit for a in situation.new_authorisations}
    moved = [a for a in situation.changed.values() if a.visit not in new]
    _move(connection, _MOVE_AUTHORISATION, [_row(a, ("visit", "state", "expires_us")) for a in moved])
    seen = [_row(d, ("id", "last_sequence", "totaliser_ml")) for d in situation.seen_dispensers.values()]
    _move(connection, _MOVE_DISPENSER, seen)


def _move(connection: Connection, statements: tuple[str, str], rows: list[dict[str, object]]) -> None:
    if rows and connection.dialect.name == "sqlite":
        connection.execute(text(statements[0]), rows)
    elif rows:
        _driver(connection).execute(statements[1], (json.dumps(rows, ensure_ascii=False),))


def add_rows(connection: Connection, table: Table, rows: Sequence[dict[str, object]]) -> None:
    """Add rows that all have the same columns.

    SQLite's driver adds many rows in one call; PostgreSQL takes them as one JSON parameter of one statement.
    """
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(table.insert(), rows)
    else:
        _driver(connection).execute(_adding(table.name, tuple(rows[0])), (json.dumps(rows, ensure_ascii=False),))


@functools.cache
def _adding(table: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(columns)
    return f"insert into {table} ({names}) select {names} from json_populate_recordset(null::{table}, %s)"


def _driver(connection: Connection) -> Any:
    """The driver's own connection, as loading uses it."""
    return connection.connection.driver_connection


def _row(record: Any, names: Sequence[str] = ()) -> dict[str, object]:
    """The record's fields by name; dataclasses.asdict copies deeply, which costs ten times as much."""
    return {name: getattr(record, name) for name in names or record.__slots__}
