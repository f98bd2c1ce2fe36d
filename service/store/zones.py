"""Time zones: the one that a station is in, and the one that counts where no station is named."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from service.store import schema
from service.store.clock import to_us

DEFAULT_ZONE = "Asia/Shanghai"
HOME_ZONE = ZoneInfo(DEFAULT_ZONE)
"""What China's calendar says, for vehicles and people rather than stations."""


def shared_zone(names: Iterable[str]) -> ZoneInfo:
    """The zone for what happened at no station of ours: the only one that the stations are in, else Asia/Shanghai."""
    found = set(names)
    return ZoneInfo(found.pop()) if len(found) == 1 else HOME_ZONE


def midnight_us(zone: ZoneInfo, now: datetime) -> int:
    """When the day began there: at the first of two midnights, where a clock change repeats the hour after it."""
    return to_us(datetime.combine(now.astimezone(zone).date(), time(), zone))


def zone_of(connection: Connection, station: str) -> ZoneInfo | None:
    """A station's zone; None for a station that nobody has set up.

    Raises ZoneInfoNotFoundError for one that this machine does not know.
    """
    name = connection.execute(select(schema.stations.c.zone).where(schema.stations.c.id == station)).scalar()
    return None if name is None else ZoneInfo(name)
