"""What was fuelled offline, and what of it met something that had changed: listed for people, counted for alarms."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from service.store.clock import from_us, to_us
from service.store.database import Database, telling_faults
from service.store.offline_tables import offline_grants
from service.store.schema import fuellings
from wire.flags import BooksFlag

MOST = 200
CONFLICTS = (
    BooksFlag.CARD_UNKNOWN,
    BooksFlag.PAYER_UNKNOWN,
    BooksFlag.MANDATE_UNKNOWN,
    BooksFlag.MANDATE_ENDED,
    BooksFlag.CARD_BLOCKED,
    BooksFlag.PLATE_REBOUND,
    BooksFlag.PLATE_BLOCKED,
    BooksFlag.OVER_CAP,
    BooksFlag.LIST_UNKNOWN,
    BooksFlag.LIST_EXPIRED,
    BooksFlag.SECOND_FUELLING,
    BooksFlag.OTHER_PLATE,
    BooksFlag.OVERRUN,
    BooksFlag.OFFLINE_DEBT,
)
"""Flags of a grant or its fuelling that a person should look at."""


@dataclass(frozen=True, slots=True)
class OfflineVisit:
    """A grant and the first fuelling under it. conflicts: flags that a person should look at."""

    authorisation: str
    station: str
    lane: str
    plate: str
    card: str | None
    granted_at: datetime
    limit_fen: int
    dispenser: str | None
    sequence: int | None
    amount_fen: int | None
    conflicts: tuple[str, ...]


def offline_visits(
    database: Database, station: str | None = None, since: datetime | None = None, only_conflicts: bool = False
) -> list[OfflineVisit]:
    """The newest first, at most MOST."""
    query = _odd(_query(station, since)) if only_conflicts else _query(station, since).limit(MOST)
    with telling_faults(), database.reading() as connection:
        found = [_visit(row) for row in connection.execute(query)]
    return [visit for visit in found if visit.conflicts or not only_conflicts][:MOST]


def conflicts_since(connection: Connection, since_us: int) -> int:
    """How many grants told since then met a conflict."""
    return sum(bool(_conflicts(row)) for row in connection.execute(_odd(_query(None, from_us(since_us)))))


def _query(station: str | None, since: datetime | None) -> Select[Any]:
    g, f = offline_grants.c, fuellings.c
    joined = offline_grants.outerjoin(fuellings, f.id == g.fuelling)
    query = select(offline_grants, f.dispenser, f.sequence, f.amount_fen, f.flags.label("posted")).select_from(joined)
    if station is not None:
        query = query.where(g.station == station)
    if since is not None:
        query = query.where(g.told_us >= to_us(since))
    return query.order_by(g.told_us.desc(), g.id)


def _odd(query: Select[Any]) -> Select[Any]:
    """Without those whose flags are the usual ones: most of them, so that the rest can be looked through."""
    return query.where((offline_grants.c.flags != "[]") | (fuellings.c.flags != '["offline"]'))


def _visit(row: Row[Any]) -> OfflineVisit:
    return OfflineVisit(
        row.id,
        row.station,
        row.lane,
        row.plate,
        row.card,
        from_us(row.granted_us),
        row.limit_fen,
        row.dispenser,
        row.sequence,
        row.amount_fen,
        _conflicts(row),
    )


def _conflicts(row: Row[Any]) -> tuple[str, ...]:
    return conflicts_among([*json.loads(row.flags), *json.loads(row.posted or "[]")])


def conflicts_among(flags: Iterable[str]) -> tuple[str, ...]:
    """Those that a person should look at, each once."""
    found = set(flags)
    return tuple(flag for flag in CONFLICTS if flag in found)
