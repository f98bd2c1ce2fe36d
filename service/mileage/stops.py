"""Where a vehicle stood, and how surely: stays are cut out of noisy positions, each with its mean and its error.

Positions scatter by 5 to 50 m, wander together and some lie far off. A stay is what remains within a circle for a
while; its ends, where the vehicle rolled in and out, and its outliers are left out of the mean, and what still creeps
is not a stand. Over a hole in the positions it stood where it was at rest on both sides.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from service.mileage.datum import EARTH_M, Spot
from service.store.clock import US_PER_S

WIDEST_M = 180.0
"""Two positions of a standing vehicle lie closer to its middle than this in all but 2 of 1,000 cases at 50 m noise."""
SHORTEST_S = 100.0
"""Shorter than any fuelling, longer than most red lights."""
FEWEST = 3
HOLE_S = 150.0
"""Without positions for longer than this, a vehicle may have fuelled elsewhere: 100 s, and a way of 50 s."""
_HOLE_STEPS = 2.5
_LONGEST_HOLE_S = 900.0
_SAME_M = 100.0
_SAME_GAP_S = 300.0
_LEAST_ERROR_M = 3.0
_CLIP = 2.8
_CLIP_FLOOR_M = 8.0
_ROUNDS = 6
_CREEP = 3.5
_CREEP_FLOOR_M = 12.0
_AT_REST_M = 25.0
_MOST_ALIKE = 0.98
_RAYLEIGH_MEDIAN = 1.1774


@dataclass(frozen=True, slots=True)
class Fix:
    """A position in WGS-84 at an instant."""

    at_us: int
    spot: Spot


@dataclass(frozen=True, slots=True)
class Stand:
    """A vehicle standing. error_m: standard error of the mean spot along each axis; fixes: how many agree on it.

    strays: how many of its time lie elsewhere.
    """

    from_us: int
    until_us: int
    spot: Spot
    error_m: float
    fixes: int
    strays: int


@dataclass(frozen=True, slots=True)
class _Local:
    """A fix in metres east and north of some origin nearby."""

    at_s: float
    x: float
    y: float


@dataclass
class _Middle:
    """The median of what it has heard."""

    xs: list[float] = field(default_factory=list)
    ys: list[float] = field(default_factory=list)

    def hear(self, fix: _Local) -> tuple[float, float]:
        insort(self.xs, fix.x)
        insort(self.ys, fix.y)
        return _median(self.xs), _median(self.ys)


def stands(fixes: Sequence[Fix]) -> list[Stand]:
    """Every stand in fixes ordered by time, in order."""
    if len(fixes) < FEWEST:
        return []
    origin = fixes[0].spot
    local = [_to_local(fix, origin) for fix in fixes]
    hole_s = hole_us(fixes) / US_PER_S
    found: list[Stand] = []
    for stay in _stays(local):
        core = _at_rest(_core(stay), hole_s)
        if core:
            found.append(_stand(core, local, origin))
    return found


def hole_us(fixes: Iterable[Fix]) -> float:
    """How long a hole between these positions has to be to hide a fuelling; seldom told ones always have some."""
    steps = [after.at_us - before.at_us for before, after in pairwise(fixes)]
    return max(HOLE_S * US_PER_S, _HOLE_STEPS * median(steps)) if steps else HOLE_S * US_PER_S


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
    run, strays, middle = [local[start]], 0, _Middle()
    x, y = middle.hear(local[start])
    index = start + 1
    while index < len(local) and local[index].at_s - run[-1].at_s <= _LONGEST_HOLE_S:
        fix = local[index]
        if math.hypot(fix.x - x, fix.y - y) <= WIDEST_M:
            run.append(fix)
            x, y = middle.hear(fix)
            strays = 0
        else:
            strays += 1
            if strays > 1:
                break
        index += 1
    return run, index - strays


def _median(ordered: Sequence[float]) -> float:
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


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
    return kept


def _at_rest(core: list[_Local] | None, hole_s: float) -> list[_Local] | None:
    """What of it shows a vehicle at rest, before and after each hole; None for what crept on instead of standing."""
    parts: list[list[_Local]] = []
    for fix in core or ():
        if parts and fix.at_s - parts[-1][-1].at_s <= hole_s:
            parts[-1].append(fix)
        else:
            parts.append([fix])
    telling = [part for part in parts if len(part) > 2 or _are_one(part)]
    rest = [fix for part in telling for fix in part]
    if len(rest) < FEWEST or rest[-1].at_s - rest[0].at_s < SHORTEST_S:
        return None
    return None if any(_crept(part) for part in (*telling, rest)) else rest


def _are_one(part: Sequence[_Local]) -> bool:
    return len(part) == 2 and math.hypot(part[0].x - part[1].x, part[0].y - part[1].y) <= _AT_REST_M


def _crept(part: Sequence[_Local]) -> bool:
    """Whether a straight way fits better than a point, by more than the scatter around it."""
    count, long_s = len(part), part[-1].at_s - part[0].at_s
    if count < 3:
        return False
    t, x, y = (sum(f.at_s for f in part) / count, sum(f.x for f in part) / count, sum(f.y for f in part) / count)
    square = sum((f.at_s - t) ** 2 for f in part)
    east = sum((f.at_s - t) * (f.x - x) for f in part) / square
    north = sum((f.at_s - t) * (f.y - y) for f in part) / square
    off = sum((f.x - x - east * (f.at_s - t)) ** 2 + (f.y - y - north * (f.at_s - t)) ** 2 for f in part)
    scatter_m = math.sqrt(off / (2 * (count - 2)))
    return math.hypot(east, north) * long_s > _CREEP * scatter_m * long_s / math.sqrt(square) + _CREEP_FLOOR_M


def _stand(core: Sequence[_Local], local: Sequence[_Local], origin: Spot) -> Stand:
    count = len(core)
    x, y = sum(f.x for f in core) / count, sum(f.y for f in core) / count
    during = [f for f in local if core[0].at_s <= f.at_s <= core[-1].at_s]
    strays = sum(math.hypot(f.x - x, f.y - y) > WIDEST_M for f in during)
    since_us, until_us = round(core[0].at_s * US_PER_S), round(core[-1].at_s * US_PER_S)
    return Stand(since_us, until_us, _to_spot(x, y, origin), _error_m(core, x, y), count, strays)


def _error_m(core: Sequence[_Local], x: float, y: float) -> float:
    """Of the mean. Fixes that wander together are worth fewer than they are: by how alike neighbours lie."""
    count = len(core)
    square = sum((f.x - x) ** 2 + (f.y - y) ** 2 for f in core)
    both = sum((a.x - x) * (b.x - x) + (a.y - y) * (b.y - y) for a, b in pairwise(core))
    alike = both / square - 1 / math.sqrt(2 * count) if square else 0.0
    alike = min(max(0.0, alike), _MOST_ALIKE)
    noise_m = math.sqrt(square / (2 * (count - 1)))
    return max(noise_m * math.sqrt((1 + alike) / (1 - alike) / count), _LEAST_ERROR_M)


def _to_local(fix: Fix, origin: Spot) -> _Local:
    x = math.radians(fix.spot.lon - origin.lon) * EARTH_M * math.cos(math.radians(origin.lat))
    return _Local(fix.at_us / US_PER_S, x, math.radians(fix.spot.lat - origin.lat) * EARTH_M)


def _to_spot(x: float, y: float, origin: Spot) -> Spot:
    lat = origin.lat + math.degrees(y / EARTH_M)
    return Spot(lat, origin.lon + math.degrees(x / (EARTH_M * math.cos(math.radians(origin.lat)))))
