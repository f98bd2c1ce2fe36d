"""What does not fit: refuellings that tank, product, time, distance, odometer or positions speak against."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from sqlalchemy import Connection

from service.mileage.datum import distance_m
from service.mileage.engine_fuel import EngineContradiction, contradictions
from service.mileage.history import History, OwnFuelling
from service.mileage.places import Evidence, Refuelling, Status, Witness
from service.mileage.readings import FASTEST_M_PER_S, OdometerReading, fault_between
from service.mileage.vehicles import KnownStation, Vehicle, vehicle_of
from service.store.clock import US_PER_S

TANK_SHARE = 1.05
"""A tank takes a little more than its data sheet says: filler neck and warm fuel."""
CLOSE_US = 3_600 * US_PER_S
CLOSE_TOGETHER_US = 3 * CLOSE_US
SAME_CARD_US = 600 * US_PER_S
THIRST_SHARE = 1.5
ALWAYS_ML = 5_000
_SLACK_M = 2_000.0


class Misfit(enum.StrEnum):
    MORE_THAN_TANK = "more_than_tank"
    WRONG_PRODUCT = "wrong_product"
    TOO_CLOSE = "too_close"
    CARD_ON_TWO_VEHICLES = "card_on_two_vehicles"
    FUEL_WITHOUT_DISTANCE = "fuel_without_distance"
    ODOMETER_ROLLED_BACK = "odometer_rolled_back"
    ODOMETER_JUMPED = "odometer_jumped"
    TWO_PLACES = "two_places"
    POSITIONS_ELSEWHERE = "positions_elsewhere"
    PUMP_AND_ENGINE = "pump_and_engine"


@dataclass(frozen=True, slots=True)
class Exceptional:
    """One thing that does not fit, with what speaks for it. at_us: of the later of the two where two do not fit."""

    plate: str
    at_us: int
    kind: Misfit
    detail: str
    evidence: tuple[Evidence, ...]


def exceptions_of(connection: Connection, plates: Iterable[str]) -> list[Exceptional]:
    """All exceptions of these vehicles, by time."""
    return exceptions_within([(History(connection, plate), vehicle_of(connection, plate)) for plate in plates])


def exceptions_within(
    known: Iterable[tuple[History, Vehicle]], since_us: int | None = None, until_us: int | None = None
) -> list[Exceptional]:
    """Those of vehicles whose history was read, from since (included) to until (excluded), by time.

    Only the refuellings of that span are placed: judging a year's positions for one quarter's page took most of it.
    """
    found: list[Exceptional] = []
    cards: dict[str, list[tuple[Vehicle, OwnFuelling]]] = {}
    places: Mapping[str, KnownStation] = {}
    for history, vehicle in known:
        places = history.places
        found += _of_vehicle(history, vehicle, since_us, until_us)
        for own in history.own:
            if own.card is not None:
                cards.setdefault(own.card, []).append((vehicle, own))
    for card, fuelled in cards.items():
        found += _on_two(places, card, sorted(fuelled, key=lambda pair: pair[1].refuelling.at_us))
    inside = [e for e in found if _is_in(e.at_us, since_us, until_us)]
    return sorted(inside, key=lambda e: (e.at_us, e.plate, e.kind))


def _is_in(at_us: int, since_us: int | None, until_us: int | None) -> bool:
    return (since_us is None or at_us >= since_us) and (until_us is None or at_us < until_us)


def _of_vehicle(
    history: History, vehicle: Vehicle, since_us: int | None, until_us: int | None
) -> Iterator[Exceptional]:
    plate, fills = vehicle.plate, history.refuellings
    for fill in fills:
        yield from _too_much(plate, fill, vehicle.tank_ml)
    for own in history.own:
        if vehicle.product is not None and own.product != vehicle.product:
            detail = f"{own.product} in a vehicle that takes {vehicle.product}"
            yield _misfit(plate, Misfit.WRONG_PRODUCT, detail, own.refuelling)
    for before, after in pairwise(fills):
        yield from _too_close(plate, before, after, vehicle.tank_ml)
        yield from _two_places(history, plate, before, after)
    read = [fill for fill in fills if fill.odometer_m is not None]
    for before, after in pairwise(read):
        yield from _without_distance(plate, before, after, vehicle)
    for apart in contradictions(fills):
        yield _apart(plate, apart)
    yield from _odometer(plate, history.readings)
    for index, fill in enumerate(fills if history.has_positions or history.frozen else ()):
        if fill.station is None or not _is_in(fill.at_us, since_us, until_us):
            continue  # only of a fuelling of ours can positions say that it was elsewhere
        finding = history.finding(index)
        if finding.status is Status.CONTRADICTED:
            reason = finding.reason or ""
            yield Exceptional(plate, fill.at_us, Misfit.POSITIONS_ELSEWHERE, reason, finding.evidence)


def _too_much(plate: str, fill: Refuelling, tank_ml: int | None) -> Iterator[Exceptional]:
    if tank_ml is not None and fill.volume_ml is not None and fill.volume_ml > tank_ml * TANK_SHARE:
        detail = f"{fill.volume_ml / 1000:.2f} L into a tank of {tank_ml / 1000:g} L"
        yield _misfit(plate, Misfit.MORE_THAN_TANK, detail, fill)


def _too_close(plate: str, before: Refuelling, after: Refuelling, tank_ml: int | None) -> Iterator[Exceptional]:
    apart_us = after.since_us - before.until_us
    both_ml = (before.volume_ml or 0) + (after.volume_ml or 0)
    too_much = tank_ml is not None and both_ml > tank_ml * TANK_SHARE
    if apart_us < CLOSE_US or (apart_us < CLOSE_TOGETHER_US and too_much):
        detail = f"{both_ml / 1000:.2f} L in two fills {max(apart_us, 0) / US_PER_S / 60:.0f} min apart"
        yield _misfit(plate, Misfit.TOO_CLOSE, detail, before, after)


def _two_places(history: History, plate: str, before: Refuelling, after: Refuelling) -> Iterator[Exceptional]:
    """Two of our stations faster than a car drives."""
    detail = _too_fast(history.places, before, after)
    if detail:
        yield _misfit(plate, Misfit.TWO_PLACES, detail, before, after)


def _too_fast(places: Mapping[str, KnownStation], before: Refuelling, after: Refuelling) -> str:
    """How far apart two fuellings were within how long, where no car drives that; else empty."""
    a, b = (places.get(fill.station or "") for fill in (before, after))
    if a is None or b is None or a.spot is None or b.spot is None:
        return ""
    apart_m = distance_m(a.spot, b.spot)
    seconds = max(after.since_us - before.until_us, 0) / US_PER_S
    if apart_m <= _SLACK_M + seconds * FASTEST_M_PER_S:
        return ""
    return f"{a.name} and {b.name}, {apart_m / 1000:.1f} km apart, within {seconds / 60:.0f} min"


def _without_distance(plate: str, before: Refuelling, after: Refuelling, vehicle: Vehicle) -> Iterator[Exceptional]:
    """More than the way since the fill before can have used, and than there was room for after it."""
    driven_m = (after.odometer_m or 0) - (before.odometer_m or 0)
    room_ml = _room_ml(before, vehicle.tank_ml)
    if vehicle.per_100km_ml is None or room_ml is None or after.volume_ml is None or driven_m < 0:
        return
    explained_ml = (driven_m + 2_000) / 100_000 * vehicle.per_100km_ml * THIRST_SHARE + ALWAYS_ML
    if after.volume_ml > room_ml + explained_ml:
        detail = f"{after.volume_ml / 1000:.2f} L after {driven_m / 1000:.1f} km, which explain "
        detail += f"{(room_ml + explained_ml) / 1000:.1f} L at most"
        yield _misfit(plate, Misfit.FUEL_WITHOUT_DISTANCE, detail, before, after)


def _apart(plate: str, apart: EngineContradiction) -> Exceptional:
    detail = (
        f"{apart.given_ml / 1000:.2f} L from the pumps, {apart.used_ml / 1000:.1f} L by the engine between two full "
        f"fills; {apart.allowed_ml / 1000:.2f} L apart would fit"
    )
    found = _misfit(plate, Misfit.PUMP_AND_ENGINE, detail, apart.before, apart.after)
    counts = tuple(
        Evidence(
            Witness.ENGINE, fill.odometer_us or fill.at_us, f"{(fill.total_fuel_ml or 0) / 1000:.1f} L used in all"
        )
        for fill in (apart.before, apart.after)
    )
    return replace(found, evidence=found.evidence + counts)


def _room_ml(fill: Refuelling, tank_ml: int | None) -> int | None:
    """What the tank could still take at most after a fill; None where nobody can tell."""
    if fill.is_full:
        return 0
    return None if tank_ml is None else max(0, tank_ml - (fill.volume_ml or 0))


def _odometer(plate: str, readings: Sequence[OdometerReading]) -> Iterator[Exceptional]:
    for before, after in pairwise(readings):
        fault = fault_between(before, after)
        if fault:
            back = after.odometer_m < before.odometer_m
            kind = Misfit.ODOMETER_ROLLED_BACK if back else Misfit.ODOMETER_JUMPED
            evidence = (_read(before.at_us, before.odometer_m), _read(after.at_us, after.odometer_m))
            yield Exceptional(plate, after.at_us, kind, fault, evidence)


def _on_two(
    places: Mapping[str, KnownStation], card: str, fuelled: Sequence[tuple[Vehicle, OwnFuelling]]
) -> Iterator[Exceptional]:
    """One card under two vehicles at about the same time; a fleet shares its card, but no faster than a car drives."""
    for (first, before), (second, after) in pairwise(fuelled):
        if first.plate == second.plate:
            continue
        is_shared = first.fleet is not None and first.fleet == second.fleet
        apart_us = after.refuelling.since_us - before.refuelling.until_us
        why = _too_fast(places, before.refuelling, after.refuelling)
        if not is_shared and apart_us < SAME_CARD_US:
            why = f"within {max(apart_us, 0) / US_PER_S / 60:.0f} min"
        if why and (is_shared or apart_us < SAME_CARD_US):
            detail = f"card {card} for {first.plate} and {second.plate}: {why}"
            yield _misfit(second.plate, Misfit.CARD_ON_TWO_VEHICLES, detail, before.refuelling, after.refuelling)


def _misfit(plate: str, kind: Misfit, detail: str, *fills: Refuelling) -> Exceptional:
    evidence: list[Evidence] = []
    for fill in fills:
        litres = "fuel" if fill.volume_ml is None else f"{fill.volume_ml / 1000:.2f} L"
        if fill.station is not None:
            evidence.append(Evidence(Witness.DISPENSER, fill.at_us, f"{litres} at {fill.station} ({fill.fuelling})"))
        if fill.odometer_m is not None:
            row = f"{fill.odometer_m / 1000:.1f} km" + ("" if fill.station else f", {litres}")
            evidence.append(Evidence(Witness.ODOMETER, fill.odometer_us or fill.at_us, row))
    return Exceptional(plate, fills[-1].at_us, kind, detail, tuple(evidence))


def _read(at_us: int, odometer_m: int) -> Evidence:
    return Evidence(Witness.ODOMETER, at_us, f"{odometer_m / 1000:.1f} km")
