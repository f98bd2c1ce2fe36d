"""A vehicle's refuellings with their places, from what the database holds."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from service.mileage.datum import E7, Datum, to_wgs84
from service.mileage.place_by_distance import Anchor, judge_by_distance
from service.mileage.places import (
    FAR_US,
    LOOKED_AT_US,
    Evidence,
    Placement,
    Refuelling,
    Status,
    Witness,
    against_mileage,
    judge_by_positions,
    judge_own,
)
from service.mileage.readings import OdometerReading
from service.mileage.stops import Fix
from service.mileage.store import reading_of
from service.mileage.vehicles import places_of
from service.payer_rules.periods import Hours, Turn, turn_at
from service.payers.plate_payers import load_schedule
from service.store import schema
from service.store.clock import US_PER_S, from_us
from service.store.payer_tables import persons
from service.store.vehicle_tables import kept_placements, odometer_rows, positions
from service.store.zones import HOME_ZONE, shared_zone, shown_zone

SAME_US = 1_800 * US_PER_S
SAME_SHARE = 0.1
"""A row within 30 min and 10 % of a fuelling of ours is that fuelling."""
BESIDE_US = 600 * US_PER_S
"""A reading this near to a fuelling of ours is the odometer's at it."""
_DATUMS = {datum.value: datum for datum in Datum}


@dataclass(frozen=True, slots=True)
class Located:
    """One refuelling with its place. at: by the clock of our station, elsewhere by that of
    service.store.zones.shared_zone. user: who pays in that hour."""

    fuelling: str | None
    at: datetime
    period: tuple[str, str] | None
    user: str | None
    volume_ml: int | None
    finding: Placement


@dataclass(frozen=True, slots=True)
class OwnFuelling:
    """A fuelling of ours as the books have it, with the capture time that decided and who was asked by phone."""

    refuelling: Refuelling
    captured_us: int
    card: str | None
    product: str
    person: str | None
    period: str | None


class History:
    """All that is known of one vehicle; judges each refuelling at most once."""

    def __init__(self, connection: Connection, plate: str) -> None:
        self._connection = connection
        self._plate = plate
        self.places = {place.name: place for place in places_of(connection)}
        self.readings = readings_of(connection, plate)
        self.own = own_fuellings(connection, plate)
        self.refuellings = merged([own.refuelling for own in self.own], self.readings)
        self._by_name = {own.refuelling.fuelling: own for own in self.own}
        self.has_positions = has_positions(connection, plate)
        self.frozen = _frozen(connection, plate)
        self._schedule = load_schedule(connection, plate)
        self._home = shared_zone(place.zone for place in self.places.values() if place.zone is not None)
        self._sure: dict[int, Placement | None] = {}
        self._findings: dict[int, Placement] = {}

    def located(self, since_us: int | None = None, until_us: int | None = None) -> list[Located]:
        """The refuellings from since (included) to until (excluded), by time."""
        wanted = [
            index
            for index, found in enumerate(self.refuellings)
            if (since_us is None or found.at_us >= since_us) and (until_us is None or found.at_us < until_us)
        ]
        return [self._located(index) for index in wanted]

    def finding(self, index: int) -> Placement:
        """Where the refuelling of that index was."""
        if index not in self._findings:
            self._findings[index] = self.told_by_positions(index) or self._by_distance(index)
        return self._findings[index]

    def told_by_positions(self, index: int) -> Placement | None:
        """What positions say of a refuelling: where it was, or that it was not where the distance alone puts it."""
        found = self.by_evidence(index)
        if found is not None or not self.has_positions:
            return found
        row, supposed = self.refuellings[index], self._by_distance(index)
        if supposed.status is not Status.MILEAGE:
            return None
        fixes = self.fixes(row.since_us - FAR_US, row.until_us + FAR_US)
        against = against_mileage(row, self.places[supposed.station or ""], fixes)
        if against is None:
            return None
        reason = f"by its distance it was at {supposed.station}, but {against[1]}"
        return Placement(Status.UNDETERMINED, None, (*supposed.evidence, against[0]), reason)

    def _by_distance(self, index: int) -> Placement:
        return judge_by_distance(
            self.refuellings[index],
            self._anchor(range(index - 1, -1, -1)),
            self._anchor(range(index + 1, len(self.refuellings))),
            self.readings,
            tuple(self.places.values()),
        )

    def fixes(self, since_us: int, until_us: int) -> list[Fix]:
        """The positions of a span, its ends included, by time."""
        if not self.has_positions:
            return []
        c = positions.c
        query = select(c.at_us, c.lat_e7, c.lon_e7, c.datum).order_by(c.at_us)
        found = query.where(c.plate == self._plate, c.at_us >= since_us, c.at_us <= until_us)
        rows = self._connection.execute(found).all()
        return [Fix(at_us, to_wgs84(lat / E7, lon / E7, _DATUMS[datum])) for at_us, lat, lon, datum in rows]

    def by_evidence(self, index: int) -> Placement | None:
        """By dispenser and positions, those forgotten since too; None where only the odometer is left."""
        if index not in self._sure:
            found = self.refuellings[index]
            if frozen_key(found) in self.frozen:
                self._sure[index] = self.frozen[frozen_key(found)]
                return self._sure[index]
            around_us = LOOKED_AT_US if found.station is None else FAR_US
            fixes = self.fixes(found.since_us - around_us, found.until_us + around_us)
            if found.station is not None:
                self._sure[index] = judge_own(found, self.places[found.station], fixes)
            else:
                self._sure[index] = judge_by_positions(found, fixes, tuple(self.places.values()))
        return self._sure[index]

    def _anchor(self, indexes: Iterable[int]) -> Anchor | None:
        for index in indexes:
            found = self.refuellings[index]
            if found.odometer_m is None:
                continue
            finding = self.by_evidence(index)
            if finding is None or finding.status not in (Status.VERIFIED, Status.RECORDED, Status.PLACED):
                continue
            place = self.places.get(finding.station or "")
            if place is not None and place.spot is not None:
                at_us = found.odometer_us or found.at_us
                apart_us = _from_place_us(found, finding, at_us)
                return Anchor(at_us, found.odometer_m, place.name, place.spot, place.is_own, apart_us)
        return None

    def _located(self, index: int) -> Located:
        found, finding = self.refuellings[index], self.finding(index)
        own = self._by_name.get(found.fuelling)
        zone = self._zone(finding)
        turn = self._turn(own.captured_us if own else found.at_us, zone or HOME_ZONE)
        period = None if turn is None or turn.hours is None else (turn.hours.start_text, turn.hours.end_text)
        user = None if turn is None else turn.payer.name
        if user is None and own is not None:
            user = own.card
        if own is not None and own.person is not None:
            hours = Hours.parse(own.period) if own.period else None
            user, period = own.person, (hours.start_text, hours.end_text) if hours else period
        at = from_us(found.at_us).astimezone(zone or self._home)
        return Located(found.fuelling, at, period, user, found.volume_ml, finding)

    def _zone(self, finding: Placement) -> ZoneInfo | None:
        place = self.places.get(finding.station or "")
        return shown_zone(place.zone) if place is not None and place.zone is not None else None

    def _turn(self, at_us: int, zone: ZoneInfo) -> Turn | None:
        return None if self._schedule is None else turn_at(self._schedule, from_us(at_us), zone)


def _from_place_us(fill: Refuelling, finding: Placement, at_us: int) -> int:
    """How long before or after its time at the place an odometer was read."""
    if fill.station is not None:
        return _apart_us(fill, at_us)
    stood = [one.at_us for one in finding.evidence if one.kind is Witness.STATION]
    return abs(at_us - stood[0]) if stood else 0


def frozen_key(fill: Refuelling) -> tuple[int, str]:
    """By what a refuelling's kept placement is found again."""
    return fill.at_us, fill.fuelling or ""


def _frozen(connection: Connection, plate: str) -> dict[tuple[int, str], Placement]:
    """Placements by positions that are no longer kept."""
    rows = connection.execute(select(kept_placements).where(kept_placements.c.plate == plate))
    return {(row.at_us, row.fuelling): _placement(row) for row in rows}


def _placement(row: Any) -> Placement:
    evidence = tuple(Evidence(Witness(kind), at_us, detail) for kind, at_us, detail in json.loads(row.evidence))
    return Placement(Status(row.status), row.station, evidence, row.reason)


def readings_of(connection: Connection, plate: str) -> list[OdometerReading]:
    """All odometer rows of a vehicle, by time."""
    c = odometer_rows.c
    rows = connection.execute(select(odometer_rows).where(c.plate == plate).order_by(c.at_us))
    return [reading_of(row) for row in rows]


def has_positions(connection: Connection, plate: str) -> bool:
    """Whether any position of the vehicle is kept."""
    return connection.execute(select(positions.c.at_us).where(positions.c.plate == plate).limit(1)).first() is not None


def own_fuellings(connection: Connection, plate: str) -> list[OwnFuelling]:
    """The fuellings of a plate at our stations in which fuel flowed, by time."""
    f, a = schema.fuellings.c, schema.authorisations.c
    asked = schema.fuellings.outerjoin(schema.authorisations, f.authorisation == a.id).outerjoin(
        persons, func.coalesce(f.person, a.person) == persons.c.id
    )
    query = (
        select(schema.fuellings, a.captured_us, a.period, persons.c.name.label("person_name"))
        .select_from(asked)
        .where(f.plate == plate, f.volume_ml > 0)
        .order_by(f.ended_us, f.id)
    )
    return [_own(row) for row in connection.execute(query)]


def _own(row: Any) -> OwnFuelling:
    name = f"{row.station}/{row.dispenser}/{row.sequence}"
    refuelling = Refuelling(row.started_us, row.ended_us, row.ended_us, row.volume_ml, name, row.station)
    captured_us = row.started_us if row.captured_us is None else row.captured_us
    return OwnFuelling(refuelling, captured_us, row.card, row.product, row.person_name, row.period)


def merged(own: Sequence[Refuelling], readings: Sequence[OdometerReading]) -> list[Refuelling]:
    """Ours with the odometer read beside them, and the rows that are none of ours, by time."""
    rows = {reading.at_us: reading for reading in readings if reading.is_refuelling}
    found = []
    for fuelling in own:
        same = [r for r in rows.values() if is_same(fuelling, r)]
        reading = min(same, key=lambda r: _apart_us(fuelling, r.at_us)) if same else _beside(fuelling, readings)
        if reading is None:
            found.append(fuelling)
            continue
        rows.pop(reading.at_us, None)
        found.append(
            replace(
                fuelling,
                odometer_m=reading.odometer_m,
                odometer_us=reading.at_us,
                is_full=reading.is_full,
                total_fuel_ml=reading.total_fuel_ml,
            )
        )
    found += [
        Refuelling(
            r.at_us,
            r.at_us,
            r.at_us,
            r.volume_ml,
            odometer_m=r.odometer_m,
            odometer_us=r.at_us,
            is_full=r.is_full,
            total_fuel_ml=r.total_fuel_ml,
        )
        for r in rows.values()
    ]
    return sorted(found, key=lambda r: (r.at_us, r.fuelling or ""))


def is_same(fuelling: Refuelling, reading: OdometerReading) -> bool:
    """Whether a row speaks of this fuelling of ours; one without litres does when it is near in time."""
    if _apart_us(fuelling, reading.at_us) > SAME_US:
        return False
    ours = fuelling.volume_ml or 0
    return reading.volume_ml is None or abs(reading.volume_ml - ours) <= SAME_SHARE * ours


def _beside(fuelling: Refuelling, readings: Sequence[OdometerReading]) -> OdometerReading | None:
    """The plain reading nearest to a fuelling, if it is near."""
    start = bisect_left(readings, fuelling.since_us - BESIDE_US, key=lambda r: r.at_us)
    near = []
    for reading in readings[start:]:
        if reading.at_us > fuelling.until_us + BESIDE_US:
            break
        if not reading.is_refuelling:
            near.append(reading)
    return min(near, key=lambda r: _apart_us(fuelling, r.at_us), default=None)


def _apart_us(fuelling: Refuelling, at_us: int) -> int:
    return max(fuelling.since_us - at_us, at_us - fuelling.until_us, 0)
