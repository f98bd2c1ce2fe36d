"""Where a vehicle stood, and how surely: stays are cut out of noisy positions, each with its mean and its error.

Positions scatter by 5 to 50 m and some lie far off. A stay is what remains within a circle for a while; its ends, where
the vehicle rolled in and out, and its outliers are left out of the mean, and what still creeps is no stand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from service.mileage.datum import EARTH_M, Spot

WIDEST_M = 180.0
"""Two positions of a standing vehicle lie closer to its middle than this in all but 2 of 1,000 cases at 50 m noise."""
SHORTEST_S = 100.0
"""Shorter than any fuelling, longer than most red lights."""
FEWEST = 3
_SAME_M = 100.0
_SAME_GAP_S = 300.0
_LEAST_ERROR_M = 3.0
_CLIP = 2.8
_CLIP_FLOOR_M = 8.0
_ROUNDS = 6
_CREEP = 3.5
_CREEP_FLOOR_M = 12.0
_RAYLEIGH_MEDIAN = 1.1774
US_PER_S = 1_000_000


@dataclass(frozen=True, slots=True)
class Fix:
    """A position in WGS-84 at an instant."""

    at_us: int
    spot: Spot


@dataclass(frozen=True, slots=True)
class Stand:
    """A vehicle standing. error_m: standard error of the mean spot along each axis; fixes: how many agree on it."""

    from_us: int
    until_us: int
    spot: Spot
    error_m: float
    fixes: int


@dataclass(frozen=True, slots=True)
class _Local:
    """A fix in metres east and north of some origin nearby."""

    at_s: float
    x: float
    y: float


def stands(fixes: Sequence[Fix]) -> list[Stand]:
    """Every stand in fixes ordered by time, in order."""
    if len(fixes) < FEWEST:
        return []
    origin = fixes[0].spot
    local = [_to_local(fix, origin) for fix in fixes]
    found: list[Stand] = []
    for stay in _stays(local):
        core = _core(stay)
        stand = None if core is None else _stand(core, origin)
        if stand is not None:
            found.append(stand)
    return found


def _stays(local: Sequence[_Local]) -> list[list[_Local]]:
    """Runs of fixes that stay within the widest circle around their middle; single fixes off it are passed over."""
    found: list[list[_Local]] = []
    start = 0
    while start < len(local):
        run, following = _run(local, start)
        if len(run) >= FEWEST and run[-1].at_s - run[0].at_s >= SHORTEST_S:
            if found and _same(found[-1], run):
                found[-1] = found[-1] + run
            else:
                found.append(run)
            start = following
        else:
            start += 1
    return found


def _run(local: Sequence[_Local], start: int) -> tuple[list[_Local], int]:
    run, strays = [local[start]], 0
    x, y = local[start].x, local[start].y
    index = start + 1
    while index < len(local):
        fix = local[index]
        if math.hypot(fix.x - x, fix.y - y) <= WIDEST_M:
            run.append(fix)
            x, y = median(f.x for f in run), median(f.y for f in run)
            strays = 0
        else:
            strays += 1
            if strays > 1:
                break
        index += 1
    return run, index - strays


def _same(before: Sequence[_Local], after: Sequence[_Local]) -> bool:
    gap_s = after[0].at_s - before[-1].at_s
    (ax, ay), (bx, by) = _middle(before), _middle(after)
    return gap_s <= _SAME_GAP_S and math.hypot(ax - bx, ay - by) <= _SAME_M


def _middle(run: Sequence[_Local]) -> tuple[float, float]:
    return median(f.x for f in run), median(f.y for f in run)


def _core(run: list[_Local]) -> list[_Local] | None:
    """The fixes of a run in which the vehicle really stood: its ends trimmed, its outliers left out."""
    kept = run
    for _ in range(_ROUNDS):
        x, y = _middle(kept)
        spread = median(math.hypot(f.x - x, f.y - y) for f in kept) / _RAYLEIGH_MEDIAN
        reach = _CLIP * spread + _CLIP_FLOOR_M
        now = [f for f in run if math.hypot(f.x - x, f.y - y) <= reach]
        if len(now) < FEWEST:
            return None
        if now == kept:
            break
        kept = now
    return kept if kept[-1].at_s - kept[0].at_s >= SHORTEST_S else None


def _stand(core: Sequence[_Local], origin: Spot) -> Stand | None:
    """None for what crept on instead of standing."""
    count = len(core)
    x, y = sum(f.x for f in core) / count, sum(f.y for f in core) / count
    noise_m = math.sqrt(sum((f.x - x) ** 2 + (f.y - y) ** 2 for f in core) / (2 * (count - 1)))
    half = count // 2
    first, last = core[:half], core[-half:]
    crept_m = math.hypot(
        sum(f.x for f in last) / half - sum(f.x for f in first) / half,
        sum(f.y for f in last) / half - sum(f.y for f in first) / half,
    )
    if crept_m > _CREEP * noise_m * math.sqrt(2 / half) + _CREEP_FLOOR_M:
        return None
    error_m = max(noise_m / math.sqrt(count), _LEAST_ERROR_M)
    return Stand(
        round(core[0].at_s * US_PER_S), round(core[-1].at_s * US_PER_S), _to_spot(x, y, origin), error_m, count
    )


def _to_local(fix: Fix, origin: Spot) -> _Local:
    x = math.radians(fix.spot.lon - origin.lon) * EARTH_M * math.cos(math.radians(origin.lat))
    return _Local(fix.at_us / US_PER_S, x, math.radians(fix.spot.lat - origin.lat) * EARTH_M)


def _to_spot(x: float, y: float, origin: Spot) -> Spot:
    lat = origin.lat + math.degrees(y / EARTH_M)
    return Spot(lat, origin.lon + math.degrees(x / (EARTH_M * math.cos(math.radians(origin.lat)))))
