"""Where a refuelling was by the distance driven alone: the one known station that fits, or none.

A road is longer than the straight line, seldom more than by half. A station fits where the distance driven since the
last known place, and that to the next one where there is one, can be such a road; each reading may be off by 1 km.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from service.mileage.datum import Spot, distance_m
from service.mileage.places import Evidence, Placement, Refuelling, Status, Witness
from service.mileage.readings import FASTEST_M_PER_S, OdometerReading, fault_between
from service.mileage.stops import US_PER_S
from service.mileage.vehicles import KnownStation

LONGEST_DETOUR = 1.45
ERRANDS_DETOUR = 1.7
"""A station that fits with so many errands on the way is a rival of the one that fits without."""
TOLERANCE_M = 2_000.0
"""Two readings of a kilometre each, and a forecourt's way."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place and an odometer reading that belong together, by better evidence than distance."""

    at_us: int
    odometer_m: int
    name: str
    spot: Spot


def judge_by_distance(
    row: Refuelling,
    before: Anchor | None,
    after: Anchor | None,
    readings: Sequence[OdometerReading],
    known: Sequence[KnownStation],
) -> Placement:
    """The one station that fits the odometer. readings: all of the vehicle's, by time."""
    if row.odometer_m is None:
        return _unknown("no positions near in time, and no odometer reading")
    read = Evidence(Witness.ODOMETER, row.at_us, f"{row.odometer_m / 1000:.1f} km")
    if before is None:
        return _unknown("no positions near in time, and no known place before it", read)
    fault = _fault(readings, before.at_us, row.at_us)
    if fault:
        return _unknown(f"no positions near in time, and the odometer cannot be right: {fault}", read)
    if after is not None and _fault(readings, row.at_us, after.at_us):
        after = None
    fitting = [place for place in known if place.spot is not None and _fits(row, before, after, place.spot)]
    driven_km = (row.odometer_m - before.odometer_m) / 1000
    since = Evidence(Witness.ODOMETER, before.at_us, f"{before.odometer_m / 1000:.1f} km at {before.name}")
    if len(fitting) != 1:
        names = ", ".join(place.name for place in fitting[:3]) + (" and more" if len(fitting) > 3 else "")
        what = f"{len(fitting)} known stations fit: {names}" if fitting else "no known station fits"
        return _unknown(f"no positions near in time, and {what} {driven_km:.1f} km from {before.name}", since, read)
    (place,) = fitting
    rivals = [other.name for other in known if other != place and _rivals(row, before, after, other)]
    if rivals:
        reason = f"no positions near in time, and {place.name} fits, but with errands {rivals[0]} would too"
        return _unknown(reason, since, read)
    detail = f"{place.name} alone fits {driven_km:.1f} km from {before.name}"
    if after is not None:
        detail += f" and {(after.odometer_m - row.odometer_m) / 1000:.1f} km to {after.name}"
    return Placement(Status.MILEAGE, place.name, (since, read, Evidence(Witness.STATION, row.at_us, detail)))


def _rivals(row: Refuelling, before: Anchor, after: Anchor | None, other: KnownStation) -> bool:
    return other.spot is not None and _fits(row, before, after, other.spot, ERRANDS_DETOUR)


def _fits(row: Refuelling, before: Anchor, after: Anchor | None, spot: Spot, longest: float = LONGEST_DETOUR) -> bool:
    return all(_leg_fits(row, anchor, spot, longest) for anchor in (before, after) if anchor is not None)


def _leg_fits(row: Refuelling, anchor: Anchor, spot: Spot, longest: float) -> bool:
    driven_m = abs((row.odometer_m or 0) - anchor.odometer_m)
    straight_m = distance_m(anchor.spot, spot)
    if straight_m > abs(row.at_us - anchor.at_us) / US_PER_S * FASTEST_M_PER_S + TOLERANCE_M:
        return False
    return straight_m - TOLERANCE_M <= driven_m <= longest * straight_m + TOLERANCE_M


def _fault(readings: Sequence[OdometerReading], since_us: int, until_us: int) -> str | None:
    """What is wrong with the readings of a stretch, its ends included, with readings just beside them."""
    within = [r for r in readings if since_us - _BESIDE_US <= r.at_us <= until_us + _BESIDE_US]
    faults = (fault_between(a, b) for a, b in pairwise(within))
    return next((fault for fault in faults if fault), None)


_BESIDE_US = 1_800 * US_PER_S


def _unknown(reason: str, *evidence: Evidence) -> Placement:
    return Placement(Status.UNDETERMINED, None, evidence, reason)
