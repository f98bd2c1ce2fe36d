"""In whose clock a time is shown: the station's where one is named, else the one that the books' stations share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select

from service.errors import AdminError
from service.store import schema
from service.store.database import Database, telling_faults
from service.store.zones import shared_zone, shown_zone

YEARS = range(1970, 9999)


@dataclass(frozen=True, slots=True)
class Zones:
    """The stations' time zones; home is for what happened at no station."""

    stations: Mapping[str, ZoneInfo]
    home: ZoneInfo

    def at(self, moment: datetime, station: str | None = None) -> datetime:
        """The same moment by the station's clock."""
        return moment.astimezone(self.stations.get(station or "", self.home))

    def read(self, moment: datetime | None) -> datetime | None:
        """What an operator typed: without an offset it means the home zone. Raises AdminError for an absurd year."""
        if moment is None:
            return None
        if moment.year not in YEARS:
            raise AdminError(f"the year {moment.year}: write one from {YEARS[0]} to {YEARS[-1]}")
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=self.home)


def zones(database: Database, station: str | None = None) -> Zones:
    """Home is the named station's zone, else the only one that there is, else Asia/Shanghai."""
    with telling_faults(), database.reading() as connection:
        rows = connection.execute(select(schema.stations.c.id, schema.stations.c.zone)).all()
    found = {row.id: shown_zone(row.zone) for row in rows}
    return Zones(found, found.get(station or "") or shared_zone(row.zone for row in rows))


def stamp(moment: datetime) -> str:
    """Date, time and offset, as every list shows them: 2026-05-04 16:30:00+08:00."""
    return moment.isoformat(sep=" ", timespec="seconds")
