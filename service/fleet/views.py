"""What a fleet's pages show of a vehicle, for one fleet alone: a vehicle of another fleet is as unknown as none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from service.fleet.drawing import ConsumptionPlot, MapDrawing, draw_map, draw_plot
from service.fleet.store import track_of
from service.mileage.consumption import Stretch, stretches
from service.mileage.engine_fuel import used_between
from service.mileage.exceptions import Exceptional, exceptions_of, exceptions_within
from service.mileage.history import History, Located
from service.mileage.places import Refuelling
from service.mileage.vehicles import Vehicle, vehicle_of
from service.store.clock import US_PER_S
from service.store.zones import HOME_ZONE


@dataclass(frozen=True, slots=True)
class Witnesses:
    """A refuelling with what the pump gave, what the tank takes, and what the distance since the one before needs.

    used_ml: what the engine counted since the fill before at which it was read.
    """

    located: Located
    given_ml: int | None
    tank_ml: int | None
    driven_m: int | None
    needed_ml: int | None
    used_ml: int | None


@dataclass(frozen=True, slots=True)
class VehicleView:
    """One vehicle in a span of time. hidden: how many positions of drivers who have not agreed are not drawn."""

    vehicle: Vehicle
    fills: tuple[Witnesses, ...]
    exceptions: tuple[Exceptional, ...]
    drawing: MapDrawing | None
    plot: ConsumptionPlot | None
    mean_per_100km_ml: int | None
    hidden: int


def vehicle_in(connection: Connection, fleet: str, plate: str) -> Vehicle | None:
    """The vehicle, where it is this fleet's."""
    found = vehicle_of(connection, plate)
    return found if found.fleet == fleet else None


def view_of(connection: Connection, vehicle: Vehicle, since_us: int, until_us: int) -> VehicleView:
    """What the fleet sees of its vehicle from since (included) to until (excluded)."""
    history = History(connection, vehicle.plate)
    fills = witnesses_of(history, vehicle, since_us, until_us)
    drives = _drives(history, since_us, until_us)
    track, hidden = track_of(connection, vehicle, since_us, until_us)
    found = exceptions_within([(history, vehicle)], since_us, until_us)
    distance_m, volume_ml = sum(s.distance_m for s in drives), sum(s.volume_ml for s in drives)
    return VehicleView(
        vehicle,
        fills,
        tuple(found),
        draw_map(track, [w.located for w in fills], history.places),
        draw_plot(drives, vehicle.per_100km_ml),
        round(volume_ml * 100_000 / distance_m) if distance_m else None,
        hidden,
    )


def witnesses_of(history: History, vehicle: Vehicle, since_us: int, until_us: int) -> tuple[Witnesses, ...]:
    """The refuellings of a span, each beside its three witnesses."""
    found: list[Witnesses] = []
    before: Refuelling | None = None
    counted: Refuelling | None = None
    located = iter(history.located(since_us, until_us))
    for fill in history.refuellings:
        if since_us <= fill.at_us < until_us:
            used_ml = used_between(counted, fill)
            found.append(_witnesses(fill, before, next(located), vehicle, used_ml))
        before = fill if fill.odometer_m is not None else before
        counted = fill if fill.total_fuel_ml is not None else counted
    return tuple(found)


def _witnesses(
    fill: Refuelling, before: Refuelling | None, located: Located, vehicle: Vehicle, used_ml: int | None
) -> Witnesses:
    driven_m = None
    if before is not None and before.odometer_m is not None and fill.odometer_m is not None:
        driven_m = fill.odometer_m - before.odometer_m
    known = driven_m is not None and driven_m >= 0 and vehicle.per_100km_ml is not None
    needed_ml = round((driven_m or 0) * (vehicle.per_100km_ml or 0) / 100_000) if known else None
    return Witnesses(located, fill.volume_ml, vehicle.tank_ml, driven_m, needed_ml, used_ml)


def _drives(history: History, since_us: int, until_us: int) -> list[Stretch]:
    """Those that touch the span, with the fills between the full ones on either side of it alone."""
    full = [f.at_us for f in history.refuellings if f.is_full and f.odometer_m is not None]
    first_us = max((at_us for at_us in full if at_us < since_us), default=since_us)
    end_us = min((at_us for at_us in full if at_us >= until_us), default=until_us) + 1
    inside = [f for f in history.refuellings if first_us <= f.at_us < end_us]
    fills = list(zip(inside, history.located(first_us, end_us), strict=True))
    return [s for s in stretches(fills) if s.until_us >= since_us and s.since_us < until_us]


def exceptions_in(connection: Connection, plates: Sequence[str]) -> list[Exceptional]:
    """All that does not fit of these vehicles, the newest first."""
    return sorted(exceptions_of(connection, plates), key=lambda e: (-e.at_us, e.plate))


def day_us(text: str, or_us: int) -> int:
    """The beginning of a day such as 2026-05-04 in the zone that the pages show; or_us for anything else."""
    try:
        day = datetime.fromisoformat(text[:10])
    except ValueError:
        return or_us
    if not 2000 <= day.year <= 2200:
        return or_us
    begin = day.replace(tzinfo=HOME_ZONE).astimezone(UTC)
    return round(begin.timestamp()) * US_PER_S
