"""Writes down who did what and when, in the table that can only be added to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from service.store.clock import from_us, to_us
from service.store.ids import IdMaker
from service.store.schema import operator_events

_numbers = IdMaker()


@dataclass(frozen=True, slots=True)
class TrailEntry:
    """One line of the trail. actor: "person:NAME", "device:ID", "cli:USER" or "stranger"; detail: values by name."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]


def note(connection: Connection, deed: TrailEntry) -> None:
    """Add a line after every other, wherever the clock was set; it is there when the connection's transaction is."""
    newest = connection.execute(select(func.max(operator_events.c.id))).scalar() or 0
    row = {
        "id": _numbers.next(to_us(deed.at), above=newest),
        "at_us": to_us(deed.at),
        "actor": deed.actor[:80],
        "action": deed.action[:40],
        "subject": deed.subject[:80],
        "detail": json.dumps(deed.detail, ensure_ascii=False, sort_keys=True),
    }
    connection.execute(insert(operator_events).values(row))


def last(connection: Connection, limit: int, subject: str | None = None) -> Iterator[TrailEntry]:
    """The newest deeds first."""
    query = select(operator_events).order_by(operator_events.c.id.desc()).limit(limit)
    if subject is not None:
        query = query.where(operator_events.c.subject == subject)
    for row in connection.execute(query):
        yield TrailEntry(from_us(row.at_us), row.actor, row.action, row.subject, _words(row.detail))


def _words(detail: str) -> dict[str, str | bool | None]:
    """What was given, by name: texts, but for yes, no and what was left out."""
    try:
        parsed = json.loads(detail)
    except ValueError:
        return {"note": detail}
    if not isinstance(parsed, dict):
        return {"note": detail}
    return {name: value if value is None or isinstance(value, bool) else str(value) for name, value in parsed.items()}
