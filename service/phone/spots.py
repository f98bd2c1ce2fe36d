"""Where known stations stand, for a phone that works out by itself whether it is at one."""

from __future__ import annotations

from sqlalchemy import select

from service.mileage.datum import E7, Datum, to_gcj02, to_wgs84
from service.store.database import Database, telling_faults
from service.store.schema import stations
from service.store.vehicle_tables import known_places
from wire.phone import PhoneSpots, StationSpot

NEAR_M = 100
"""Nobody operates a phone beside a dispenser; a forecourt is within this."""


def spots(database: Database) -> PhoneSpots:
    """Ours and others, without names: in WGS-84 as a phone's satellites say it, and as a map's app in China says it."""
    ours = select(stations.c.lat_e7, stations.c.lon_e7, stations.c.datum).where(stations.c.lat_e7.is_not(None))
    others = select(known_places.c.lat_e7, known_places.c.lon_e7, known_places.c.datum)
    with telling_faults(), database.reading() as connection:
        rows = [row for query in (ours, others) for row in connection.execute(query)]
    return PhoneSpots(near_m=NEAR_M, spots=tuple(_spot(*row) for row in rows))


def _spot(lat_e7: int, lon_e7: int, datum: str) -> StationSpot:
    spot = to_wgs84(lat_e7 / E7, lon_e7 / E7, Datum(datum))
    map_lat, map_lon = to_gcj02(spot)
    return StationSpot(
        lat=round(spot.lat, 6), lon=round(spot.lon, 6), map_lat=round(map_lat, 6), map_lon=round(map_lon, 6)
    )
