"""What the station's page reads from the books: which stations there are, and holds that are open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from service.store.clock import from_us
from service.store.database import Database, telling_faults
from service.store.schema import authorisations, stations

MOST = 50


@dataclass(frozen=True, slots=True)
class HoldView:
    """Money held for a vehicle at a lane."""

    lane: str
    plate: str
    typed: bool
    limit_fen: int
    expires_at: datetime


def station_titles(database: Database) -> dict[str, str]:
    """All stations by name, each with its title: the name again where it has none."""
    with telling_faults(), database.reading() as connection:
        rows = connection.execute(select(stations.c.id, stations.c.name).order_by(stations.c.id)).all()
    return {row.id: row.name or row.id for row in rows}


def station_title(database: Database, station: str) -> str:
    """One station's title: its name where it has none, or is not there."""
    with telling_faults(), database.reading() as connection:
        title = connection.execute(select(stations.c.name).where(stations.c.id == station)).scalar()
    return title or station


def open_holds(database: Database, station: str) -> list[HoldView]:
    """The station's open authorisations, the next to expire first."""
    a = authorisations.c
    mine = (a.state == "open") & (a.station == station)
    with telling_faults(), database.reading() as connection:
        rows = connection.execute(select(authorisations).where(mine).order_by(a.expires_us).limit(MOST)).all()
    return [HoldView(row.lane, row.plate, row.typed, row.limit_fen, from_us(row.expires_us)) for row in rows]
