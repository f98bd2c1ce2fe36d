"""What operators say about vehicles, fleets and known stations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from service.books.books import Books
from service.errors import AdminError, as_typed
from service.identity.trail import TrailEntry, note
from service.mileage.datum import E7, Datum, Spot, to_wgs84
from service.store import schema
from service.store.clock import to_us
from service.store.database import telling_faults
from service.store.naming import LONGEST_PRODUCT, require_name, require_plate
from service.store.payer_tables import payer_bindings, plate_payers
from service.store.vehicle_tables import fleets, kept_placements, known_places, odometer_rows, positions, vehicles

LARGEST_TANK_ML = 5_000_000
THIRSTIEST_ML = 1_000_000


@dataclass(frozen=True, slots=True)
class KnownStation:
    """A known station. is_own: one of ours; spot None: nobody has said where it stands."""

    name: str
    spot: Spot | None
    is_own: bool
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Vehicle:
    """What is known about a vehicle; None for what nobody has said."""

    plate: str
    tank_ml: int | None = None
    per_100km_ml: int | None = None
    product: str | None = None
    fleet: str | None = None


@dataclass(frozen=True, slots=True)
class Where:
    """Coordinates as typed, in 1e-7 degree of their datum."""

    lat_e7: int
    lon_e7: int
    datum: Datum


class VehicleStore:
    """What an operator, `actor`, may say. Raises AdminError with the reason."""

    def __init__(self, books: Books, actor: str) -> None:
        self._books = books
        self._actor = actor

    def add_place(self, name: str, where: Where) -> None:
        """Make a station of others known. The same again changes nothing; another place under the name is refused."""
        require_name(name, "place")
        with telling_faults(), self._books.database.writing() as connection:
            if connection.execute(select(1).where(schema.stations.c.id == name)).first() is not None:
                kept = as_typed(name)
                raise AdminError(f"{name} is a station of ours: `station set {kept} --at=LAT,LON` says where it stands")
            before = connection.execute(select(known_places).where(known_places.c.name == name)).first()
            if before is not None:
                if Where(before.lat_e7, before.lon_e7, Datum(before.datum)) == where:
                    return
                raise AdminError(f"there is a {name} elsewhere; `place remove {as_typed(name)}` forgets it")
            values = {"name": name, "created_us": self._now_us(), **where_values(where)}
            connection.execute(insert(known_places).values(values))
            self._note(connection, "place.add", name, **{k: str(v) for k, v in where_values(where).items()})

    def remove_place(self, name: str) -> None:
        with telling_faults(), self._books.database.writing() as connection:
            gone = connection.execute(known_places.delete().where(known_places.c.name == name))
            if gone.rowcount == 0:
                raise AdminError(f"no place {name}; `place list` shows them")
            self._note(connection, "place.remove", name)

    def set_vehicle(self, plate: str, *, tank_ml: int | None, per_100km_ml: int | None, product: str | None) -> Vehicle:
        """Say or change what is given about a vehicle."""
        kept = require_plate(plate)
        if tank_ml is not None and not 0 < tank_ml <= LARGEST_TANK_ML:
            raise AdminError("a tank holds more than 0 and at most 5000 litres")
        if per_100km_ml is not None and not 0 < per_100km_ml <= THIRSTIEST_ML:
            raise AdminError("a vehicle needs more than 0 and at most 1000 litres for 100 km")
        if product is not None:
            require_name(product, "product", LONGEST_PRODUCT)
        given = {"tank_ml": tank_ml, "per_100km_ml": per_100km_ml, "product": product}
        values = {name: value for name, value in given.items() if value is not None}
        with telling_faults(), self._books.database.writing() as connection:
            self._put(connection, kept, values)
            self._note(connection, "vehicle.set", kept, **{k: str(v) for k, v in values.items()})
            return vehicle_of(connection, kept)

    def add_fleet(self, name: str) -> None:
        require_name(name, "fleet")
        with telling_faults(), self._books.database.writing() as connection:
            if connection.execute(select(1).where(fleets.c.name == name)).first() is not None:
                raise AdminError(f"there is a fleet {name} already")
            connection.execute(insert(fleets).values(name=name, created_us=self._now_us()))
            self._note(connection, "fleet.add", name)

    def give_to_fleet(self, fleet: str, plate: str) -> str:
        """The vehicle is the fleet's from now on; another fleet that owned the plate owns it no longer."""
        kept = require_plate(plate)
        with telling_faults(), self._books.database.writing() as connection:
            require_fleet(connection, fleet)
            self._put(connection, kept, {"fleet": fleet})
            another = plate_payers.c.plate == kept, plate_payers.c.fleet != fleet
            connection.execute(update(plate_payers).where(*another).values(fleet=None))
            self._note(connection, "fleet.plate", kept, fleet=fleet)
        return kept

    def take_from_fleet(self, fleet: str, plate: str) -> str:
        """The vehicle leaves the fleet, which does not own the plate any more; drivers keep their hours on it."""
        kept = require_plate(plate)
        with telling_faults(), self._books.database.writing() as connection:
            require_fleet(connection, fleet)
            if vehicle_of(connection, kept).fleet != fleet:
                raise AdminError(f"{kept} is not a vehicle of {fleet}; `fleet list` says whose it is")
            self._put(connection, kept, {"fleet": None})
            owned = plate_payers.c.plate == kept, plate_payers.c.fleet == fleet
            connection.execute(update(plate_payers).where(*owned).values(fleet=None))
            self._note(connection, "fleet.release", kept, fleet=fleet)
        return kept

    def _put(self, connection: Connection, plate: str, values: dict[str, Any]) -> None:
        known = connection.execute(select(1).where(vehicles.c.plate == plate)).first() is not None
        row = {**values, "set_us": self._now_us()}
        if known:
            connection.execute(update(vehicles).where(vehicles.c.plate == plate).values(row))
        else:
            connection.execute(insert(vehicles).values(plate=plate, **row))

    def _now_us(self) -> int:
        return to_us(self._books.clock.now())

    def _note(self, connection: Connection, action: str, subject: str, **detail: str) -> None:
        note(connection, TrailEntry(self._books.clock.now(), self._actor, action, subject, detail))


def require_fleet(connection: Connection, name: str) -> None:
    """Raises AdminError unless there is such a fleet."""
    if connection.execute(select(1).where(fleets.c.name == name)).first() is None:
        raise AdminError(f"no fleet {name}; `fleet add {as_typed(name)}` makes one")


def where_values(where: Where) -> dict[str, object]:
    return {"lat_e7": where.lat_e7, "lon_e7": where.lon_e7, "datum": where.datum.value}


def vehicle_of(connection: Connection, plate: str) -> Vehicle:
    """What is known about a vehicle; of one that nobody spoke of, its plate."""
    row = connection.execute(select(vehicles).where(vehicles.c.plate == plate)).first()
    return Vehicle(plate) if row is None else _vehicle(row)


_TOLD_OF = (
    vehicles,
    schema.plates,
    payer_bindings,
    schema.fuellings,
    odometer_rows,
    positions,
    kept_placements,
)
"""Whoever stands in one of these is known here: a plate of which none has a row was mistyped, most likely."""


def require_vehicle(connection: Connection, plate: str) -> str:
    """The plate as it is kept. Raises AdminError for one that is not a plate, or of which nothing is known."""
    kept = require_plate(plate)
    for table in _TOLD_OF:
        if connection.execute(select(table.c.plate).where(table.c.plate == kept).limit(1)).first() is not None:
            return kept
    raise AdminError(f"vehicle {kept} is not known; `vehicle set {kept}` makes it known")


def vehicles_of(connection: Connection, fleet: str | None = None) -> list[Vehicle]:
    """All vehicles somebody spoke of, or a fleet's, by plate."""
    query = select(vehicles).order_by(vehicles.c.plate)
    if fleet is not None:
        query = query.where(vehicles.c.fleet == fleet)
    return [_vehicle(row) for row in connection.execute(query)]


def fleet_names(connection: Connection) -> list[str]:
    return list(connection.execute(select(fleets.c.name).order_by(fleets.c.name)).scalars())


def places_of(connection: Connection) -> list[KnownStation]:
    """All stations, ours and others', by name."""
    own = [
        KnownStation(row.id, _point(row) if row.datum is not None else None, True, row.zone)
        for row in connection.execute(select(schema.stations))
    ]
    others = [KnownStation(row.name, _point(row), False) for row in connection.execute(select(known_places))]
    return sorted([*own, *others], key=lambda place: place.name)


def _vehicle(row: Any) -> Vehicle:
    return Vehicle(row.plate, row.tank_ml, row.per_100km_ml, row.product, row.fleet)


def _point(row: Any) -> Spot:
    return to_wgs84(row.lat_e7 / E7, row.lon_e7 / E7, Datum(row.datum))


def known_plates(connection: Connection, fleet: str | None = None) -> list[str]:
    """The plates of a fleet, else all that were fuelled, spoken of or read."""
    if fleet is not None:
        query = select(vehicles.c.plate).where(vehicles.c.fleet == fleet).order_by(vehicles.c.plate)
        return list(connection.execute(query).scalars())
    fuelled = select(schema.fuellings.c.plate).where(schema.fuellings.c.plate.is_not(None))
    every = fuelled.union(select(vehicles.c.plate), select(odometer_rows.c.plate))
    return sorted(connection.execute(every).scalars())
