"""Who may refuel at a station while its line is down, and the versions of lists that were handed out."""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, exists, func, select

from service.books.records import ACTIVE
from service.offline.phone_listing import phone_hours
from service.payer_rules.periods import Rule
from service.store import schema
from service.store.clock import from_us, to_us
from service.store.database import Database, telling_faults
from service.store.offline_tables import offline_lists
from service.store.payer_tables import plate_payers
from wire.codec import encode_text
from wire.offline import MOST_ENTRIES, OfflineEntry, OfflineHours, OfflineList
from wire.typed import TypedRule

LIFE = timedelta(hours=12)
"""A station that has heard nothing new for this long allows nobody any more."""
RENEW_AFTER = LIFE / 4
"""An unchanged list gets a new version, and a new expiry, once it is this old."""

_LOG = logging.getLogger(__name__)


def entries_of(database: Database, station: str) -> tuple[OfflineEntry, ...]:
    """The plates that would be on the station's list now, by plate."""
    with telling_faults(), database.reading() as connection:
        return _entries(connection, station)


def current_list(database: Database, station: str, now: datetime) -> OfflineList | None:
    """The station's list now: a new version where something changed or the last is getting old. None: no station."""
    with telling_faults(), database.writing() as connection:
        known = select(schema.stations.c.id).where(schema.stations.c.id == station).with_for_update()
        if connection.execute(known).first() is None:
            return None
        entries = _entries(connection, station)
        phones = phone_hours(connection, station, now, LIFE)
        facts = select(schema.stations.c.zone, schema.stations.c.name).where(schema.stations.c.id == station)
        own = connection.execute(facts).one()
        lines = [*(encode_text(e) for e in entries), *(encode_text(p) for p in phones), own.zone]
        lines += [own.name] if own.name != station else []
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        row = _last(connection, station)
        if row is None or row.digest != digest or not row.issued_us <= to_us(now) < row.issued_us + _us(RENEW_AFTER):
            row = _add(connection, station, now, len(entries) + len(phones), digest, row)
    return OfflineList(
        station=station,
        version=row.version,
        issued_at=from_us(row.issued_us),
        expires_at=from_us(row.expires_us),
        entries=entries,
        phones=phones,
        zone=own.zone,
        title=own.name or None,
    )


def phones_of(database: Database, station: str, now: datetime) -> tuple[OfflineHours, ...]:
    """The hours of phones that would be on the station's list now, by plate."""
    with telling_faults(), database.reading() as connection:
        return phone_hours(connection, station, now, LIFE)


def _entries(connection: Connection, station: str) -> tuple[OfflineEntry, ...]:
    """Active plates that cards alone pay for, whose free balance covers both the cap and the preset amount."""
    plates, cards, accounts, stations = schema.plates.c, schema.cards.c, schema.accounts.c, schema.stations.c
    cap = func.coalesce(cards.offline_fen, stations.offline_fen)
    preset = func.coalesce(cards.preset_fen, stations.preset_fen)
    typed = func.coalesce(plates.typed_rule, cards.typed_rule, stations.typed_rule)
    free = accounts.credits_posted_fen - accounts.debits_posted_fen - accounts.debits_pending_fen
    query = (
        select(plates.plate, plates.card, cap.label("cap_fen"), typed.label("typed"))
        .select_from(schema.plates.join(schema.cards).join(schema.accounts, accounts.id == cards.account))
        .join(schema.stations, stations.id == station)
        .where(plates.state == ACTIVE, cards.state == ACTIVE, cap > 0, free >= cap, free >= preset)
        .where(~exists().where(plate_payers.c.plate == plates.plate, plate_payers.c.rule != Rule.CARD.value))
        .order_by(plates.plate)
        .limit(MOST_ENTRIES + 1)
    )
    rows = connection.execute(query).all()
    if len(rows) > MOST_ENTRIES:
        _LOG.error("offline list of %s: only the first %d plates are on it", station, MOST_ENTRIES)
    return tuple(_entry(row) for row in rows[:MOST_ENTRIES])


def _entry(row: Row[Any, Any, Any, Any]) -> OfflineEntry:
    typed = TypedRule(row.typed) if row.typed else None
    return OfflineEntry(plate=row.plate, card=row.card, cap_fen=row.cap_fen, typed=typed)


def _last(connection: Connection, station: str) -> Row[tuple[object, ...]] | None:
    newest = select(offline_lists).where(offline_lists.c.station == station).order_by(offline_lists.c.version.desc())
    return connection.execute(newest.limit(1)).first()


def _add(
    connection: Connection, station: str, now: datetime, entries: int, digest: str, last: Row[tuple[object, ...]] | None
) -> Row[tuple[object, ...]]:
    """Versions follow the clock, so that a database restored from a backup does not begin again below them."""
    version = max(int(now.timestamp()), 1 if last is None else last.version + 1)
    connection.execute(
        offline_lists.insert().values(
            station=station,
            version=version,
            issued_us=to_us(now),
            expires_us=to_us(now + LIFE),
            entries=entries,
            digest=digest,
        )
    )
    added = _last(connection, station)
    assert added is not None
    return added


def _us(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
