"""Whom an unpaid charge asks next: the next of the period, then the owner, then nobody; never a machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from service.books.settings import BookSettings
from service.payer_rules.periods import holders
from service.payers.plate_payers import load_schedule
from service.store.clock import US_PER_S, from_us
from service.store.payer_tables import charge_events
from service.store.zones import HOME_ZONE, zone_of


@dataclass(frozen=True, slots=True)
class Request:
    """Who is asked, until when. is_over: nobody is left, the charge is overdue."""

    asked: str
    due_us: int | None
    overdue_us: int | None
    is_over: bool = False

    def is_same(self, row: Row[Any]) -> bool:
        """Whether it asks again whom the charge asks already."""
        return bool(row.asked == self.asked)


def first_request(person: str, now_us: int, settings: BookSettings) -> Request:
    """The payer is asked."""
    return Request(
        person, now_us + settings.next_payer_after_s * US_PER_S, now_us + settings.overdue_after_s * US_PER_S
    )


def next_request(connection: Connection, row: Row[Any], now_us: int, settings: BookSettings) -> Request:
    """Who is asked once the time of the one who is asked is over."""
    overdue_us = row.created_us + settings.overdue_after_s * US_PER_S if row.overdue_us is None else row.overdue_us
    begun_us = overdue_us - settings.overdue_after_s * US_PER_S
    owner_us = begun_us + settings.owner_after_s * US_PER_S
    schedule = None if row.plate is None else load_schedule(connection, row.plate)
    owner = None if schedule is None or schedule.owner is None else schedule.owner.id
    if now_us >= overdue_us:
        asked = row.asked if row.asked == owner else row.person
        return Request(str(asked), None, overdue_us, is_over=True)
    heard = _heard(connection, row)
    if now_us < owner_us and schedule is not None:
        zone = zone_of(connection, row.station) or HOME_ZONE
        sharing = holders(schedule, from_us(row.captured_us), zone)
        following = next((b.person for b in sharing if b.person not in heard), None)
        if following is not None:
            return Request(following, owner_us, overdue_us)
    if now_us < owner_us and row.state != "declined":
        return Request(str(row.asked), owner_us, overdue_us)
    return Request(str(owner if owner is not None else row.person), overdue_us, overdue_us)


def _heard(connection: Connection, row: Row[Any]) -> set[str]:
    """Everybody whom the charge has asked so far."""
    asked = select(charge_events.c.asked).where(charge_events.c.charge == row.id)
    return {row.person, row.asked, *(person for (person,) in connection.execute(asked) if person is not None)}
