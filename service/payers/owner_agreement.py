"""What a plate's owner agreed to beforehand: to pay what nobody of the period paid, up to a limit that they signed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, func, select

from service.errors import UnknownZone
from service.payer_rules.periods import Hours
from service.store import schema
from service.store.clock import from_us
from service.store.payer_tables import charge_events, charges, mandate_plates, mandates, plate_payers
from service.store.zones import midnight_us, zone_named
from wire.codec import decode_text
from wire.payers import MandateText

AGREED = "agreed beforehand"
"""The detail of the step that such a payment is."""


@dataclass(frozen=True, slots=True)
class OwnerAgreement:
    """The part of an owner's mandate that is about charges of others, for one plate."""

    mandate: str
    owner: str
    each_fen: int
    per_day_fen: int
    stations: tuple[str, ...]
    hours: str | None
    signed_at: datetime

    @property
    def actor(self) -> str:
        return f"mandate {self.mandate}"

    def covers(self, row: Row[Any], zone: ZoneInfo) -> bool:
        """Whether it is about a charge of this amount, station and hour."""
        local = from_us(row.captured_us).astimezone(zone)
        is_in_hours = self.hours is None or Hours.parse(self.hours).covers(local.hour * 60 + local.minute)
        return row.amount_fen <= self.each_fen and is_in_hours and (not self.stations or row.station in self.stations)


def agreement(connection: Connection, plate: str) -> OwnerAgreement | None:
    """Of the plate's owner as it is in force now; nobody else's mandate is one, whatever it says."""
    m, of_plate = mandates.c, mandate_plates.c
    query = (
        select(m.id, m.person, m.per_day_fen, m.stations, m.hours, m.signed_us, m.text)
        .join_from(mandates, mandate_plates, of_plate.mandate == m.id)
        .join(plate_payers, (plate_payers.c.plate == of_plate.plate) & (plate_payers.c.owner == m.person))
        .where(of_plate.plate == plate, of_plate.ended_us.is_(None), m.ended_us.is_(None), m.paused_us.is_(None))
        .order_by(m.received_us.desc())
    )
    row = connection.execute(query).first()
    each_fen = 0 if row is None else decode_text(MandateText, row.text).agreed_fen
    if row is None or not each_fen:
        return None
    stations = () if row.stations is None else tuple(json.loads(row.stations))
    return OwnerAgreement(row.id, row.person, each_fen, row.per_day_fen, stations, row.hours, from_us(row.signed_us))


def agreement_for(connection: Connection, row: Row[Any], owner: str, now_us: int) -> OwnerAgreement | None:
    """The owner's agreement, if it covers this charge of another and its day has room for it."""
    found = None if row.plate is None else agreement(connection, row.plate)
    if found is None or found.owner != owner or owner == row.person:
        return None
    zone = _known_zone(connection.execute(_ZONE.where(schema.stations.c.id == row.station)).scalar_one())
    if zone is None:
        return None
    begun_us = midnight_us(zone, from_us(now_us))
    e = charge_events.c
    of_today = e.actor == found.actor, e.detail == AGREED, e.at_us >= begun_us, charges.c.paid_by == owner
    paid = select(func.coalesce(func.sum(charges.c.amount_fen), 0)).join(charge_events, e.charge == charges.c.id)
    spent_fen = int(connection.execute(paid.where(*of_today)).scalar_one())
    return found if found.covers(row, zone) and spent_fen + row.amount_fen <= found.per_day_fen else None


def unagreed(connection: Connection) -> Iterator[tuple[str, str | None]]:
    """For the audit: charges paid as agreed beforehand that no such agreement of their payer allows; by which one."""
    e, m = charge_events.c, mandates.c
    query = (
        select(charges, e.at_us, schema.stations.c.zone)
        .add_columns(m.person.label("signer"), m.received_us, m.ended_us, m.text, m.id.label("by"))
        .join_from(charges, charge_events, e.charge == charges.c.id)
        .join(schema.stations, schema.stations.c.id == charges.c.station)
        .outerjoin(mandates, "mandate " + m.id == e.actor)
        .where(e.event == "pay", e.detail == AGREED)
    )
    for row in connection.execute(query):
        if row.signer is None or row.signer != row.paid_by or row.paid_by == row.person:
            yield row.id, None
            continue
        text = decode_text(MandateText, row.text)
        is_in_force = row.received_us <= row.at_us and (row.ended_us is None or row.at_us <= row.ended_us)
        limits = text.agreed_fen, text.per_day_fen, text.stations, text.hours, text.signed_at
        is_covered = OwnerAgreement(row.by, row.signer, *limits).covers(row, zone_named(row.zone))
        if not is_in_force or row.plate not in text.plates or not is_covered:
            yield row.id, str(row.by)


def _known_zone(name: str) -> ZoneInfo | None:
    """None for one that this machine does not know: then nobody's day can be told, and they are asked."""
    try:
        return zone_named(name)
    except UnknownZone:
        return None


_ZONE = select(schema.stations.c.zone)
