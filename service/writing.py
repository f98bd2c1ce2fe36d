"""Writes what the decisions of a batch left behind: rows are added, and three small states are moved on."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, bindparam, text

from service import schema
from service.situation import Situation

_ADD_REJECTED = text(
    "insert into rejected_messages (id, at_us, code, detail, station, dispenser, sequence, digest, body) values "
    "(:id, :at_us, :code, :detail, :station, :dispenser, :sequence, :digest, :body) on conflict (digest) do nothing"
)
_MOVE_AUTHORISATION = (
    schema.authorisations.update()
    .where(schema.authorisations.c.visit == bindparam("the_visit"))
    .values(state=bindparam("new_state"), expires_us=bindparam("new_expires_us"))
)
_MOVE_DISPENSER = (
    schema.dispensers.update()
    .where(schema.dispensers.c.id == bindparam("the_id"))
    .values(last_sequence=bindparam("new_sequence"), totaliser_ml=bindparam("new_totaliser_ml"))
)


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
    if moved:
        rows = [{"the_visit": a.visit, "new_state": a.state, "new_expires_us": a.expires_us} for a in moved]
        connection.execute(_MOVE_AUTHORISATION, rows)
    if situation.seen_dispensers:
        seen = sorted(situation.seen_dispensers.values(), key=lambda d: d.id)
        rows = [{"the_id": d.id, "new_sequence": d.last_sequence, "new_totaliser_ml": d.totaliser_ml} for d in seen]
        connection.execute(_MOVE_DISPENSER, rows)


def add_rows(connection: Connection, table: Table, rows: Sequence[dict[str, object]]) -> None:
    """Add rows that all have the same columns.

    SQLite's driver adds many rows in one call; PostgreSQL takes them as one JSON parameter of one statement.
    """
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(table.insert(), rows)
    else:
        text_of_rows = json.dumps(rows, ensure_ascii=False)
        connection.exec_driver_sql(_adding(table.name, tuple(rows[0])), (text_of_rows,))


@functools.cache
def _adding(table: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(columns)
    return f"insert into {table} ({names}) select {names} from json_populate_recordset(null::{table}, %s)"


def _row(record: Any) -> dict[str, object]:
    """The record's fields by name; dataclasses.asdict copies deeply, which costs ten times as much."""
    return {name: getattr(record, name) for name in record.__slots__}
