"""Time zones: the one that a station is in, and the one that counts where no station is named."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, select

from service.errors import UnknownZone
from service.store import schema
from service.store.clock import to_us
from service.store.database import Database, telling_faults

DEFAULT_ZONE = "Asia/Shanghai"


def zone_named(name: str) -> ZoneInfo:
    """A station's zone, which was known where it was set up. Raises UnknownZone: another one would be another day."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownZone(
            f"this machine does not know the time zone {name}: install tzdata (on Debian tzdata-legacy too)"
        ) from None


HOME_ZONE = zone_named(DEFAULT_ZONE)
"""What China's calendar says, for vehicles and people rather than stations."""


def shown_zone(name: str) -> ZoneInfo:
    """A station's zone for times that are shown with their offset: UTC where this machine does not know it."""
    try:
        return zone_named(name)
    except UnknownZone:
        return ZoneInfo("UTC")


def shared_zone(names: Iterable[str]) -> ZoneInfo:
    """The zone for what happened at no station of ours: the only one that the stations are in, else Asia/Shanghai."""
    found = set(names)
    return shown_zone(found.pop()) if len(found) == 1 else HOME_ZONE


def midnight_us(zone: ZoneInfo, now: datetime) -> int:
    """When the day began there: at the first of two midnights, where a clock change repeats the hour after it."""
    return to_us(datetime.combine(now.astimezone(zone).date(), time(), zone))


def unknown_zones(database: Database) -> list[tuple[str, UnknownZone]]:
    """Stations whose zone this machine does not know, and what to do."""
    with telling_faults(), database.reading() as connection:
        named = connection.execute(select(schema.stations.c.id, schema.stations.c.zone).order_by("id")).all()
    found = []
    for station, zone in named:
        try:
            zone_named(zone)
        except UnknownZone as error:
            found.append((station, error))
    return found


def zone_of(connection: Connection, station: str) -> ZoneInfo | None:
    """A station's zone; None for a station that nobody has set up.

    Raises UnknownZone.
    """
    name = connection.execute(select(schema.stations.c.zone).where(schema.stations.c.id == station)).scalar()
    return None if name is None else zone_named(name)
