"""Makes up vehicles' ways with a refuelling each, and knows the truth about them; uses nothing of the program.

A way leads from one station of ours to another, where the odometer was read, with one row that says fuel was taken.
Two thirds are clean: the fuel came from a known station. One third are traps: it came from a station that
nobody knows, beside or soon after a known one, or from one of two that are 80 m apart.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

START = datetime(2026, 5, 4, tzinfo=UTC)
M_PER_DEGREE = 111_195.0
CLEAN = ("town", "motorway", "sides")
FAULTS = ("none", "none", "gaps", "odometer", "datum")
TRAPS = ("passes", "beside", "twins")
XY = tuple[float, float]


@dataclass
class Way:
    """truth: the known station where fuel was taken, None where it is not a known one. fits_one: by the roads alone."""

    number: int
    kind: str
    fault: str
    noise_m: float
    step_s: int
    truth: str | None
    stations: dict[str, tuple[float, float]]
    own: str
    odometer_csv: list[str] = field(default_factory=list)
    track_csv: list[str] = field(default_factory=list)
    start: datetime = START
    start_km: float = 0.0
    end: datetime = START
    end_km: float = 0.0
    fits_one: bool = False

    @property
    def is_trap(self) -> bool:
        return self.kind in TRAPS


@dataclass
class _Drive:
    """The true movement: where the vehicle is at every second."""

    at: XY
    seconds: list[XY] = field(default_factory=list)
    driven_m: float = 0.0

    def go(self, to: XY, speed: float) -> None:
        length = math.dist(self.at, to)
        steps = max(1, round(length / speed))
        ax, ay = self.at
        self.seconds += [(ax + (to[0] - ax) * n / steps, ay + (to[1] - ay) * n / steps) for n in range(1, steps + 1)]
        self.driven_m += length
        self.at = to

    def stand(self, seconds: int) -> None:
        self.seconds += [self.at] * seconds


def make(number: int, seed: int = 20260504) -> Way:
    """The way of that number; the same each time."""
    rng = random.Random(seed * 100_003 + number)
    is_trap = number % 3 == 2
    kind = TRAPS[number // 3 % len(TRAPS)] if is_trap else rng.choice(CLEAN)
    fault = "none" if is_trap else rng.choice(FAULTS)
    on_motorway = kind in ("motorway", "sides") or (is_trap and rng.random() < 0.4)
    noise_m, step_s = rng.uniform(5, 50), rng.choice((5, 10, 15, 20))
    drive = _Drive((0.0, 0.0))
    plan = _motorway(rng, kind, drive) if on_motorway else _town(rng, kind, drive)
    return _written(rng, plan, drive, Way(number, kind, fault, noise_m, step_s, plan.truth, {}, "own"))


@dataclass
class _Plan:
    truth: str | None
    fuelled_s: int
    driven_m: float
    known: dict[str, XY]
    by_road_m: dict[str, float]
    to_end_m: dict[str, float]


def _town(rng: random.Random, kind: str, drive: _Drive) -> _Plan:
    """Streets every 400 m, red lights, stations 15 to 40 m beside the street."""
    far = (rng.randint(-20, 20), rng.randint(4, 30))
    known: dict[str, XY] = {}
    pump = (far[0] * 400.0 + rng.choice((-1, 1)) * rng.uniform(15, 40), far[1] * 400.0 - 120.0)
    truth = _set_up(rng, kind, pump, known)
    while len(known) < 7:
        spot = (rng.uniform(-15e3, 15e3), rng.uniform(-8e3, 20e3))
        if all(math.dist(spot, other) > 500 for other in (*known.values(), pump)) and math.hypot(*spot) > 500:
            known[f"k{len(known)}"] = spot
    _through_town(rng, drive, (far[0], far[1] - 1))
    if kind == "passes":
        _pass_by(rng, drive, known)
    drive.go((drive.at[0], pump[1]), 9.0)
    fuelled_s = _refuel(rng, drive, pump)
    plan_m = drive.driven_m
    drive.go((far[0] * 400.0, pump[1]), 4.0)
    _through_town(rng, drive, (far[0] + rng.randint(-6, 6), far[1] + rng.randint(1, 6)))
    by_road = {name: abs(x) + abs(y) for name, (x, y) in known.items()}
    to_end = {name: abs(x - drive.at[0]) + abs(y - drive.at[1]) for name, (x, y) in known.items()}
    return _Plan(truth, fuelled_s, plan_m, known, by_road, to_end)


def _through_town(rng: random.Random, drive: _Drive, to: tuple[int, int]) -> None:
    """Along streets from crossing to crossing without a detour, waiting at some."""
    x, y = round(drive.at[0] / 400), round(drive.at[1] / 400)
    drive.go((x * 400.0, drive.at[1]), 5.0)
    drive.go((x * 400.0, y * 400.0), 8.0)
    while (x, y) != to:
        sideways = x != to[0] and (y == to[1] or rng.random() < 0.5)
        x, y = (x + (1 if to[0] > x else -1), y) if sideways else (x, y + (1 if to[1] > y else -1))
        drive.go((x * 400.0, y * 400.0), rng.uniform(6, 15))
        if rng.random() < 0.35:
            drive.stand(rng.randint(10, 75))


def _motorway(rng: random.Random, kind: str, drive: _Drive) -> _Plan:
    """A road that swings by some km; service areas every 30 to 60 km, 55 to 120 m beside it, some on both sides."""
    apart, swing, phase = rng.uniform(30e3, 60e3), rng.uniform(0, 8e3), rng.uniform(0, 6)

    def road(x: float) -> XY:
        return x, swing * (math.sin(x / 30e3 + phase) - math.sin(phase))

    where = rng.choice((1, 2, 3))
    offset = rng.uniform(55, 120)
    middle = road(where * apart)
    pump = (middle[0], middle[1] - offset)
    known: dict[str, XY] = {}
    truth = _set_up(rng, kind, pump, known)
    if kind == "sides":
        known["opposite"] = (middle[0] + rng.uniform(-40, 40), middle[1] + offset)
    for n in (n for n in range(-1, 6) if n not in (0, where)):
        x, y = road(n * apart)
        known[f"k{n + 1}"] = (x, y - rng.uniform(55, 120))
    _along(rng, drive, road, middle[0] - 3_000)
    if kind == "passes":
        ahead = road(drive.at[0] + 1_500)
        known["passed"] = (ahead[0], ahead[1] - 40)
    _along(rng, drive, road, middle[0] - 300)
    drive.go((pump[0] - 60, pump[1]), 14.0)
    fuelled_s = _refuel(rng, drive, pump)
    plan_m = drive.driven_m
    drive.go((middle[0] + 300, road(middle[0] + 300)[1]), 14.0)
    _along(rng, drive, road, middle[0] + rng.uniform(15e3, 40e3))
    by_road = {name: _length(road, 0.0, x) for name, (x, _) in known.items()}
    to_end = {name: _length(road, x, drive.at[0]) for name, (x, _) in known.items()}
    return _Plan(truth, fuelled_s, plan_m, known, by_road, to_end)


def _along(rng: random.Random, drive: _Drive, road: object, until: float) -> None:
    while drive.at[0] < until - 1:
        x = min(drive.at[0] + 500, until)
        drive.go(road(x), rng.uniform(22, 33))  # type: ignore[operator]


def _length(road: object, since: float, until: float) -> float:
    low, high = min(since, until), max(since, until)
    steps = [low + (high - low) * n / 200 for n in range(201)]
    return sum(math.dist(road(a), road(b)) for a, b in pairwise(steps))  # type: ignore[operator]


def _set_up(rng: random.Random, kind: str, pump: XY, known: dict[str, XY]) -> str | None:
    """What is known at the place of the fuelling; the name of the station that it is."""
    turn = rng.uniform(0, 2 * math.pi)
    if kind == "passes":
        return None
    if kind == "beside":
        off = rng.uniform(70, 150)
        known["neighbour"] = (pump[0] + off * math.cos(turn), pump[1] + off * math.sin(turn))
        return None
    known["right"] = pump
    if kind == "twins":
        known["twin"] = (pump[0] + 80 * math.cos(turn), pump[1] + 80 * math.sin(turn))
    return "right"


def _pass_by(rng: random.Random, drive: _Drive, known: dict[str, XY]) -> None:
    """A known station beside the street that it has just come along."""
    back = drive.seconds[-rng.randint(40, 400)]
    known["passed"] = (back[0] + rng.uniform(10, 30), back[1] + rng.uniform(10, 30))


def _refuel(rng: random.Random, drive: _Drive, pump: XY) -> int:
    """Roll to a pump within 15 m of the station's own point, stand; the second at which the row was written."""
    turn, off = rng.uniform(0, 2 * math.pi), rng.uniform(0, 15)
    drive.go((pump[0] + off * math.cos(turn), pump[1] + off * math.sin(turn)), 4.0)
    begin = len(drive.seconds)
    drive.stand(rng.randint(180, 480))
    return rng.randint(begin + 60, len(drive.seconds))


def _written(rng: random.Random, plan: _Plan, drive: _Drive, way: Way) -> Way:
    """The way as files bring it: noise, steps, gaps, rounding and faults."""
    lat, lon = rng.uniform(23, 40), rng.uniform(104, 118)
    shift = (0.0, 0.0)
    if way.fault == "datum":
        turn = rng.uniform(0, 2 * math.pi)
        shift = (rng.uniform(300, 700) * math.cos(turn), rng.uniform(300, 700) * math.sin(turn))

    def degrees(xy: XY) -> tuple[float, float]:
        return lat + xy[1] / M_PER_DEGREE, lon + xy[0] / M_PER_DEGREE / math.cos(math.radians(lat))

    way.stations = {name: degrees(xy) for name, xy in {**plan.known, "own": (0.0, 0.0), "end": drive.at}.items()}
    way.start_km = round(rng.uniform(1_000, 300_000) + rng.uniform(-1, 1), 1)
    gap = _gap(rng, len(drive.seconds), plan.fuelled_s) if way.fault == "gaps" else range(0)
    way.track_csv = ["at,lat,lon,datum"]
    for second in range(0, len(drive.seconds), way.step_s):
        if second in gap:
            continue
        x, y = drive.seconds[second]
        x, y = x + rng.gauss(0, way.noise_m) + shift[0], y + rng.gauss(0, way.noise_m) + shift[1]
        if rng.random() < 0.004:
            x, y = x + rng.uniform(-3e3, 3e3), y + rng.uniform(-3e3, 3e3)
        found = degrees((x, y))
        way.track_csv.append(f"{_iso(way, second)},{found[0]:.7f},{found[1]:.7f},wgs84")
    shown_km = way.start_km + plan.driven_m / 1_000 + rng.uniform(-1, 1)
    if way.fault == "odometer":
        shown_km = rng.choice(
            (shown_km - rng.uniform(100, 900), shown_km + rng.uniform(2_000, 9_000), shown_km * 0.621371)
        )
    row = f"{_iso(way, plan.fuelled_s)},{shown_km:.1f},{rng.uniform(15, 60):.2f},yes"
    way.odometer_csv = ["at,odometer_km,litres,full", row]
    way.end = way.start + timedelta(seconds=len(drive.seconds) + 300)
    way.end_km = round(way.start_km + drive.driven_m / 1_000 + rng.uniform(-1, 1), 1)
    left_m = drive.driven_m - plan.driven_m
    near = [
        name
        for name, m in plan.by_road_m.items()
        if abs(m - plan.driven_m) <= 2_000 and abs(plan.to_end_m[name] - left_m) <= 2_000
    ]
    way.fits_one = way.fault != "odometer" and way.truth is not None and near == [way.truth]
    return way


def _gap(rng: random.Random, seconds: int, fuelled_s: int) -> range:
    """Five to fifteen minutes without a position, not within 15 min of the fuelling."""
    length = rng.randint(300, 900)
    begin = rng.randint(0, max(1, seconds - length))
    gap = range(begin, begin + length)
    return range(0) if begin - 900 < fuelled_s < begin + length + 900 else gap


def _iso(way: Way, second: int) -> str:
    return (way.start + timedelta(seconds=second)).isoformat()
