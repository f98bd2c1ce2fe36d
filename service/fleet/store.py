"""What a fleet's pages read from the database: its vehicles page by page, and where one of them was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from service.mileage.consents import agreed, is_shown
from service.mileage.store import position_of
from service.mileage.tracks import Position
from service.mileage.vehicles import Vehicle, vehicle_of
from service.payers.plate_payers import load_schedule
from service.store import schema
from service.store.clock import from_us
from service.store.vehicle_tables import odometer_rows, positions, vehicles
from service.store.zones import HOME_ZONE

VEHICLES_A_PAGE = 20
MOST_POINTS = 2_000
"""Of a track that is drawn."""


@dataclass(frozen=True, slots=True)
class VehicleLine:
    """A vehicle in the fleet's list, with what it took since a day: at our stations, and by rows of the odometer."""

    vehicle: Vehicle
    fills: int
    volume_ml: int
    rows: int
    last_at: datetime | None


def count_of(connection: Connection, fleet: str) -> int:
    """How many vehicles the fleet has."""
    query = select(func.count()).select_from(vehicles).where(vehicles.c.fleet == fleet)
    return int(connection.execute(query).scalar_one())


def plates_of(connection: Connection, fleet: str, first: int) -> list[str]:
    """The plates of one page of the fleet's vehicles."""
    query = select(vehicles.c.plate).where(vehicles.c.fleet == fleet).order_by(vehicles.c.plate)
    return list(connection.execute(query.offset(first).limit(VEHICLES_A_PAGE)).scalars())


def lines_of(connection: Connection, fleet: str, first: int, since_us: int) -> list[VehicleLine]:
    """One page of the fleet's vehicles, by plate."""
    plates = plates_of(connection, fleet, first)
    f, o = schema.fuellings.c, odometer_rows.c
    ours = select(f.plate, func.count(), func.sum(f.volume_ml), func.max(f.ended_us)).where(
        f.plate.in_(plates), f.ended_us >= since_us, f.volume_ml > 0
    )
    own = {row[0]: row for row in connection.execute(ours.group_by(f.plate))}
    read = select(o.plate, func.count()).where(o.plate.in_(plates), o.at_us >= since_us, o.volume_ml > 0)
    rows = {row[0]: int(row[1]) for row in connection.execute(read.group_by(o.plate))}
    found = []
    for plate in plates:
        row = own.get(plate)
        last_at = None if row is None else from_us(row[3]).astimezone(HOME_ZONE)
        fills, volume_ml = (0, 0) if row is None else (int(row[1]), int(row[2]))
        found.append(VehicleLine(vehicle_of(connection, plate), fills, volume_ml, rows.get(plate, 0), last_at))
    return found


def track_of(connection: Connection, vehicle: Vehicle, since_us: int, until_us: int) -> tuple[list[Position], int]:
    """Every so many a position, without those of a person's hours, unless that person has agreed."""
    c, plate = positions.c, vehicle.plate
    span = c.plate == plate, c.at_us >= since_us, c.at_us < until_us
    count = connection.execute(select(func.count()).select_from(positions).where(*span)).scalar_one()
    numbered = select(c.at_us, func.row_number().over(order_by=c.at_us).label("number")).where(*span).subquery()
    each = select(numbered.c.at_us).where(numbered.c.number % max(1, count // MOST_POINTS) == 0)
    query = select(positions).where(c.plate == plate, c.at_us.in_(each)).order_by(c.at_us)
    found = [position_of(row) for row in connection.execute(query)]
    schedule = load_schedule(connection, plate)
    if schedule is None:
        return found, 0
    zone, since = HOME_ZONE, agreed(connection, plate, vehicle.fleet)
    shown = [p for p in found if is_shown(schedule, since, p.at_us, zone)]
    return shown, len(found) - len(shown)
