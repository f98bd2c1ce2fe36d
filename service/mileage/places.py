"""Where each refuelling of a vehicle was: pure functions of what dispenser, positions and odometer say.

A place is never named without evidence; what is ambiguous stays undetermined, with its reason. One wrong place is worse
than many unnamed ones.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from service.mileage.datum import Datum, Spot, distance_m, to_gcj02, to_wgs84
from service.mileage.readings import FASTEST_M_PER_S
from service.mileage.stops import Fix, Stand, hole_us, stands
from service.mileage.vehicles import KnownStation
from service.store.clock import US_PER_S

NEAR_M = 100.0
NEAR_US = 600 * US_PER_S
"""Verified: within 100 m and 10 min, as fleet systems take it."""
LOOKED_AT_US = 45 * 60 * US_PER_S
"""Positions before and after a refuelling that are searched for stands."""
FAR_US = 3 * 3600 * US_PER_S
"""Positions before and after a fuelling of ours that could contradict it."""
_CLOCKS_US = 30 * US_PER_S
_SLACK_M = 500.0
"""A datum given wrongly, a forecourt's width and noise together."""
_COVERS_US = 120 * US_PER_S
_FORECOURT_M = 35.0
_SURELY_M = 65.0
_SIGMAS = 3.0
_LOOKED_AROUND_M = 2_000.0
_FEW_STRAYS = 3
_STRAY_SHARE = 0.05
"""Receivers slip less often: more than this is a second tracker, or a second vehicle."""


class Status(enum.StrEnum):
    VERIFIED = "verified"
    RECORDED = "recorded"
    CONTRADICTED = "contradicted"
    PLACED = "placed"
    MILEAGE = "mileage"
    UNDETERMINED = "undetermined"


class Witness(enum.StrEnum):
    DISPENSER = "dispenser"
    POSITION = "position"
    ODOMETER = "odometer"
    STATION = "station"
    ENGINE = "engine"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that speaks for a place, or against it."""

    kind: Witness
    at_us: int
    detail: str


@dataclass(frozen=True, slots=True)
class Refuelling:
    """A fuelling of ours, or a row that says fuel was taken. since_us to until_us: while fuel flowed.

    station: where our own dispenser stands; odometer_m, total_fuel_ml: what was read beside it, None where nobody did.
    """

    since_us: int
    until_us: int
    at_us: int
    volume_ml: int | None
    fuelling: str | None = None
    station: str | None = None
    odometer_m: int | None = None
    odometer_us: int | None = None
    is_full: bool = False
    total_fuel_ml: int | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a refuelling was. reason: only of undetermined and contradicted."""

    status: Status
    station: str | None
    evidence: tuple[Evidence, ...]
    reason: str | None = None


def judge_own(own: Refuelling, place: KnownStation, fixes: Sequence[Fix]) -> Placement:
    """A fuelling of ours against the vehicle's own positions around it."""
    sources = (_dispenser(own, place.name),)
    if place.spot is None:
        return Placement(Status.RECORDED, place.name, sources)
    around = [(fix, distance_m(fix.spot, place.spot)) for fix in fixes]
    near = [pair for pair in around if pair[1] <= NEAR_M and _away_us(own, pair[0]) <= NEAR_US]
    nearest = min(near, key=lambda pair: (_away_us(own, pair[0]), pair[1]), default=None)
    against = _against(own, place, around, None if nearest is None else _away_us(own, nearest[0]))
    if against is not None:
        seen, reason = against
        return Placement(Status.CONTRADICTED, place.name, (*sources, seen), reason)
    if nearest is None:
        return Placement(Status.RECORDED, place.name, sources)
    fix, off_m = nearest
    words = f"{off_m:.0f} m from {place.name}; {len(near)} within {NEAR_M:.0f} m"
    return Placement(Status.VERIFIED, place.name, (*sources, Evidence(Witness.POSITION, fix.at_us, words)))


def against_mileage(row: Refuelling, place: KnownStation, fixes: Sequence[Fix]) -> tuple[Evidence, str] | None:
    """What positions around a row say against a place that its distance alone fits, and why; None for nothing."""
    around = [(fix, distance_m(fix.spot, place.spot)) for fix in fixes] if place.spot else []
    return _against(row, place, around, None)


def _against(
    own: Refuelling, place: KnownStation, around: Sequence[tuple[Fix, float]], within_us: int | None
) -> tuple[Evidence, str] | None:
    """The position that lies farthest beyond what a car could have driven. within_us: only of those nearer in time."""
    beyond = [(off_m - _could_be_m(own, fix), fix, off_m) for fix, off_m in _trusted(around)]
    too_far = [b for b in beyond if b[0] > 0 and (within_us is None or _away_us(own, b[1]) < within_us)]
    if not too_far:
        return None
    _, fix, off_m = max(too_far, key=lambda found: found[0])
    minutes = _away_us(own, fix) / US_PER_S / 60
    reason = f"the vehicle was {off_m / 1000:.1f} km away {minutes:.0f} min from it: no car drives so fast"
    return Evidence(Witness.POSITION, fix.at_us, f"{off_m / 1000:.1f} km from {place.name}"), reason


def judge_by_positions(row: Refuelling, fixes: Sequence[Fix], known: Sequence[KnownStation]) -> Placement | None:
    """A refuelling that no dispenser of ours knows, by the stand at its time; None without a position near in time."""
    close = [fix for fix in fixes if abs(fix.at_us - row.at_us) <= NEAR_US]
    if not close:
        return None
    looked_at = [fix for fix in fixes if abs(fix.at_us - row.at_us) <= LOOKED_AT_US]
    found = stands(looked_at)
    at_it = [s for s in found if s.from_us - _COVERS_US <= row.at_us <= s.until_us + _COVERS_US]
    chosen = at_it or [s for s in found if s.from_us - NEAR_US <= row.at_us <= s.until_us + NEAR_US]
    read = _odometer(row)
    if not chosen:
        passed = _passed(close, known)
        detail = f"{len(close)} positions within 10 min, none of them at rest"
        reason = "the vehicle did not stand within 10 min of it"
        return _unknown(reason + passed, *read, Evidence(Witness.POSITION, close[0].at_us, detail))
    seen = tuple(_stood(s) for s in chosen)
    if len(chosen) > 1:
        return _unknown(f"the vehicle stood at {len(chosen)} places within 10 min of it", *read, *seen)
    doubt = _doubt(row, chosen[0], looked_at)
    name, words = station_of(chosen[0], known)
    if name is None or doubt:
        return _unknown(words if name is None else doubt, *read, *seen)
    there_us = min(max(row.at_us, chosen[0].from_us), chosen[0].until_us)
    return Placement(Status.PLACED, name, (*read, *seen, Evidence(Witness.STATION, there_us, words)))


def _stood(stand: Stand) -> Evidence:
    words = f"stood {_seconds(stand):.0f} s, {stand.fixes} positions, mean within {stand.error_m:.0f} m"
    return Evidence(Witness.POSITION, stand.from_us, words)


def _doubt(row: Refuelling, stand: Stand, fixes: Sequence[Fix]) -> str:
    """Why the vehicle may have fuelled elsewhere than at the one stand that the positions show; else empty."""
    if stand.strays >= _FEW_STRAYS and stand.strays > _STRAY_SHARE * stand.fixes:
        return f"{stand.strays} positions of the same minutes lie elsewhere: two trackers, or two vehicles?"
    unseen_us = _unseen_us(row, stand, fixes)
    if unseen_us > hole_us(fixes):
        minutes = unseen_us / US_PER_S / 60
        return f"between the stand and the row nobody knows where it was for {minutes:.0f} min: it may have gone on"
    return ""


def _unseen_us(row: Refuelling, stand: Stand, fixes: Sequence[Fix]) -> int:
    """The longest hole in the positions that begins or ends between a stand and the row beside it."""
    since_us, until_us = sorted((row.at_us, min(max(row.at_us, stand.from_us), stand.until_us)))
    if since_us == until_us:
        return 0
    inside = [fix.at_us for fix in fixes if since_us < fix.at_us < until_us]
    before = max((fix.at_us for fix in fixes if fix.at_us <= since_us), default=since_us)
    after = min((fix.at_us for fix in fixes if fix.at_us >= until_us), default=until_us)
    return max(b - a for a, b in pairwise([before, *inside, after]))


def station_of(stand: Stand, known: Sequence[KnownStation]) -> tuple[str | None, str]:
    """The one station at which a vehicle stood, and the words for it; None where that is not certain, and why."""
    around = sorted(
        ((distance_m(stand.spot, place.spot), place) for place in known if place.spot is not None),
        key=lambda pair: (pair[0], pair[1].name),
    )
    if not around:
        return None, "no station is known"
    off_m, nearest = around[0]
    sure_m = _SIGMAS * stand.error_m
    if off_m > NEAR_M + sure_m:
        return None, f"no known station within {NEAR_M:.0f} m of where it stood" + _datum_hint(stand, known)
    for other_m, other in around[1:]:
        if other.spot is None or nearest.spot is None or other_m > _LOOKED_AROUND_M:
            break
        between_m = distance_m(nearest.spot, other.spot)
        if between_m < NEAR_M:
            return None, f"{nearest.name} and {other.name} are {between_m:.0f} m apart: either may be it"
        if (other_m**2 - off_m**2) / (2 * between_m) < sure_m:
            return None, f"it stood between {nearest.name} and {other.name}: either may be it"
    if off_m > _FORECOURT_M + sure_m:
        return None, f"it stood {off_m:.0f} m beside {nearest.name}"
    if off_m > _FORECOURT_M or off_m + sure_m > _SURELY_M:
        return None, f"it stood about {off_m:.0f} m from {nearest.name}, but the positions do not tell exactly enough"
    shifted = _in_other_datum(stand, known)
    if shifted is not None:
        return None, f"it stood at {nearest.name}, or in the other datum at {shifted}: is the datum right?"
    return nearest.name, f"{nearest.name}, {off_m:.0f} m from the mean of the stand, no other near"


def _datum_hint(stand: Stand, known: Sequence[KnownStation]) -> str:
    """Where the other datum would put it at a station: a hint for people, never a place."""
    is_at = _in_other_datum(stand, known) is not None
    return "; in the other datum it would be at one: is the datum right?" if is_at else ""


def _in_other_datum(stand: Stand, known: Sequence[KnownStation]) -> str | None:
    """The station at which it would have stood, were the datum given wrongly."""
    others = (to_wgs84(stand.spot.lat, stand.spot.lon, Datum.GCJ02), Spot(*to_gcj02(stand.spot)))
    for other in others:
        if distance_m(other, stand.spot) < NEAR_M:
            continue
        for place in known:
            if place.spot is not None and distance_m(other, place.spot) <= _FORECOURT_M:
                return place.name
    return None


def _passed(close: Sequence[Fix], known: Sequence[KnownStation]) -> str:
    passed = {p.name for p in known if p.spot and any(distance_m(f.spot, p.spot) <= NEAR_M for f in close)}
    return f"; it only passed {', '.join(sorted(passed))}" if passed else ""


def _trusted(around: Sequence[tuple[Fix, float]]) -> list[tuple[Fix, float]]:
    """Without fixes that agree with no neighbour: a receiver's slips."""
    fixes = [fix for fix, _ in around]

    def agrees(index: int) -> bool:
        neighbours = [fixes[n] for n in (index - 1, index + 1) if 0 <= n < len(fixes)]
        return not neighbours or any(_drivable(fixes[index], other) for other in neighbours)

    return [pair for index, pair in enumerate(around) if agrees(index)]


def _drivable(a: Fix, b: Fix) -> bool:
    seconds = (abs(a.at_us - b.at_us) + _CLOCKS_US) / US_PER_S
    return distance_m(a.spot, b.spot) <= _SLACK_M + seconds * FASTEST_M_PER_S


def _away_us(own: Refuelling, fix: Fix) -> int:
    return max(own.since_us - fix.at_us, fix.at_us - own.until_us, 0)


def _could_be_m(own: Refuelling, fix: Fix) -> float:
    return _SLACK_M + (_away_us(own, fix) + _CLOCKS_US) / US_PER_S * FASTEST_M_PER_S


def _dispenser(own: Refuelling, station: str) -> Evidence:
    litres = "" if own.volume_ml is None else f"{own.volume_ml / 1000:.2f} L "
    return Evidence(Witness.DISPENSER, own.at_us, f"{litres}at {station} ({own.fuelling})")


def _odometer(row: Refuelling) -> tuple[Evidence, ...]:
    if row.odometer_m is None:
        return ()
    return (Evidence(Witness.ODOMETER, row.odometer_us or row.at_us, f"{row.odometer_m / 1000:.1f} km"),)


def _unknown(reason: str, *evidence: Evidence) -> Placement:
    return Placement(Status.UNDETERMINED, None, evidence, reason)


def _seconds(stand: Stand) -> float:
    return (stand.until_us - stand.from_us) / US_PER_S
