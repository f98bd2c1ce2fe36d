"""Writes what the decisions of a batch left behind: rows are added, and three small states are moved on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, text

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
_ADD_FUELLING = schema.fuellings.insert()
_ADD_TRANSFER = schema.transfers.insert()
_ADD_AUTHORISATION = schema.authorisations.insert()
_ADD_DISPENSER = schema.dispensers.insert()


def write(connection: Connection, situation: Situation) -> None:
    """Add all new rows; the database's triggers move the balances and its checks have the last word."""
    _add(connection, _ADD_DISPENSER, situation.new_dispensers)
    _add(connection, _ADD_FUELLING, situation.new_fuellings)
    _add(connection, _ADD_TRANSFER, situation.ledger.added)
    _add(connection, _ADD_AUTHORISATION, situation.new_authorisations)
    _add(connection, _ADD_REJECTED, situation.rejected)
    new = {a.visit for a in situation.new_authorisations}
    moved = [a for a in situation.changed.values() if a.visit not in new]
    if moved:
        rows = [{"the_visit": a.visit, "new_state": a.state, "new_expires_us": a.expires_us} for a in moved]
        connection.execute(_MOVE_AUTHORISATION, rows)
    if situation.seen_dispensers:
        seen = sorted(situation.seen_dispensers.values(), key=lambda d: d.id)
        rows = [{"the_id": d.id, "new_sequence": d.last_sequence, "new_totaliser_ml": d.totaliser_ml} for d in seen]
        connection.execute(_MOVE_DISPENSER, rows)


def _add(connection: Connection, statement: Any, records: Sequence[Any]) -> None:
    if records:
        connection.execute(statement, [_row(record) for record in records])


def _row(record: Any) -> dict[str, object]:
    """The record's fields by name; dataclasses.asdict copies deeply, which costs ten times as much."""
    return {name: getattr(record, name) for name in record.__slots__}
