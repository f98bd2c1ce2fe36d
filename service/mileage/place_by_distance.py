"""Where a refuelling was by the distance driven alone: the one known station that can be reached, or none.

A distance is not a place: errands lengthen it, and another station may lie nearer than the odometer says. So one is
named only where it alone could be reached at all, by the straight line from the last known place and to the next one,
and where a road of that length could lead to it. Each reading may be off by 1 km.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from service.mileage.datum import Spot, distance_m
from service.mileage.places import Evidence, Placement, Refuelling, Status, Witness
from service.mileage.readings import FASTEST_M_PER_S, OdometerReading, fault_between
from service.mileage.vehicles import KnownStation
from service.store.clock import US_PER_S

LONGEST_DETOUR = 1.45
"""A road is longer than the straight line, seldom more than by half: streets along two axes by 1.42."""
TOLERANCE_M = 2_000.0
"""Two readings of a kilometre each, and a forecourt's way."""
RIVAL_TOLERANCE_M = 3_000.0
"""The same with readings cut to whole kilometres: a station just out of reach is in reach."""
_WRITTEN_US = 60 * US_PER_S
_MEANWHILE_M_PER_S = 25.0
"""A reading written down later than a minute may be of a vehicle that goes at 90 km/h by then."""
_BESIDE_US = 1_800 * US_PER_S


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place and an odometer reading that belong together, by better evidence than distance.

    is_own: a station of ours, whose dispenser would know of another fuelling there. apart_us: between the reading and
    the time at the place.
    """

    at_us: int
    odometer_m: int
    name: str
    spot: Spot
    is_own: bool = False
    apart_us: int = 0

    @property
    def under_way_m(self) -> float:
        """How far the vehicle may have been from the place when the odometer was read."""
        return max(0, self.apart_us - _WRITTEN_US) / US_PER_S * _MEANWHILE_M_PER_S


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
    fault = next(_faults(readings, before.at_us, row.at_us), None)
    later = None if after is None else next(_faults(readings, row.at_us, after.at_us), None)
    if fault is None and later is not None and later[0].at_us <= row.at_us:
        fault = later
    if fault is not None:
        return _unknown(f"no positions near in time, and the odometer cannot be right: {fault_between(*fault)}", read)
    anchors = [before] if after is None or later is not None else [before, after]
    since = Evidence(Witness.ODOMETER, before.at_us, f"{before.odometer_m / 1000:.1f} km at {before.name}")
    return _alone(row, anchors, known, (since, read))


def _alone(
    row: Refuelling, anchors: Sequence[Anchor], known: Sequence[KnownStation], read: tuple[Evidence, ...]
) -> Placement:
    """The station that a road leads to and that is the only one in reach of the last known place, and of the next."""
    before, driven_km = anchors[0], _driven_m(row, anchors[0]) / 1000
    reached = [(place, spot) for place in known if (spot := place.spot) and _reached(row, anchors, place.name, spot)]
    fitting = [place for place, spot in reached if all(_leads(row, anchor, spot) for anchor in anchors)]
    if len(fitting) != 1:
        names = ", ".join(place.name for place in fitting[:3]) + (" and more" if len(fitting) > 3 else "")
        what = f"{len(fitting)} known stations fit: {names}" if fitting else "no known station fits"
        return _unknown(f"no positions near in time, and {what} {driven_km:.1f} km from {before.name}", *read)
    (place,) = fitting
    rivals = [other.name for other, _ in reached if other != place]
    if rivals:
        reason = f"no positions near in time, and {place.name} fits, but with errands {rivals[0]} would too"
        return _unknown(reason, *read)
    detail = f"{place.name} alone fits {driven_km:.1f} km from {before.name}"
    for after in anchors[1:]:
        detail += f" and {_driven_m(row, after) / 1000:.1f} km to {after.name}"
    return Placement(Status.MILEAGE, place.name, (*read, Evidence(Witness.STATION, row.at_us, detail)))


def _reached(row: Refuelling, anchors: Sequence[Anchor], name: str, spot: Spot) -> bool:
    """Whether the vehicle could have fuelled there, whatever errands it drove.

    At a station of ours that begins or ends the way it was not, the dispenser would know of it; with nothing known
    after it, not again at the one where the way began either: the way back leads away from no place.
    """
    if any(anchor.name == name and (anchor.is_own or len(anchors) == 1) for anchor in anchors):
        return False
    return all(_leg_reaches(row, anchor, spot) for anchor in anchors)


def _leg_reaches(row: Refuelling, anchor: Anchor, spot: Spot) -> bool:
    straight_m, tolerance_m = distance_m(anchor.spot, spot), RIVAL_TOLERANCE_M + anchor.under_way_m
    fastest_m = abs(row.at_us - anchor.at_us) / US_PER_S * FASTEST_M_PER_S
    return straight_m <= min(_driven_m(row, anchor), fastest_m) + tolerance_m


def _leads(row: Refuelling, anchor: Anchor, spot: Spot) -> bool:
    """Whether a road of the distance driven can lead from one to the other."""
    straight_m, tolerance_m = distance_m(anchor.spot, spot), TOLERANCE_M + anchor.under_way_m
    return straight_m - tolerance_m <= _driven_m(row, anchor) <= LONGEST_DETOUR * straight_m + tolerance_m


def _driven_m(row: Refuelling, anchor: Anchor) -> int:
    return abs((row.odometer_m or 0) - anchor.odometer_m)


def _faults(
    readings: Sequence[OdometerReading], since_us: int, until_us: int
) -> Iterator[tuple[OdometerReading, OdometerReading]]:
    """Neighbours that cannot both be right, of a stretch, its ends included, with readings just beside them."""
    first = bisect_left(readings, since_us - _BESIDE_US, key=lambda r: r.at_us)
    end = bisect_right(readings, until_us + _BESIDE_US, key=lambda r: r.at_us)
    return (pair for pair in pairwise(readings[first:end]) if fault_between(*pair))


def _unknown(reason: str, *evidence: Evidence) -> Placement:
    return Placement(Status.UNDETERMINED, None, evidence, reason)
