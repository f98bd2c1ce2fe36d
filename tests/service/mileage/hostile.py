"""Makes up tracks that want a wrong place named, one refuelling each, and knows the truth; uses nothing of the program.

A vehicle drives second by second over a plane; its receiver is off by 5 to 50 m along each axis, and silent at times.
`truth` is the known station where the fuel came from, None where nobody knows that station.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

BEGIN = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
XY = tuple[float, float]
Stations = dict[str, XY]


@dataclass
class Track:
    """What files say of one refuelling, beside the truth. can_be_placed: the positions show where it stood."""

    kind: str
    number: int
    truth: str | None
    can_be_placed: bool
    stations: dict[str, tuple[float, float]]
    odometer: str
    positions: str


@dataclass
class Road:
    """One vehicle's true way, a point a second; None where its receiver is silent."""

    rng: random.Random
    at: XY = (0.0, 0.0)
    true: list[XY] = field(default_factory=list)
    is_seen: list[bool] = field(default_factory=list)
    driven_m: float = 0.0

    def go(self, to: XY, speed: float, seen: bool = True) -> None:
        length = math.dist(self.at, to)
        seconds = max(1, round(length / speed))
        (ax, ay), (bx, by) = self.at, to
        self.true += [(ax + (bx - ax) * n / seconds, ay + (by - ay) * n / seconds) for n in range(1, seconds + 1)]
        self.is_seen += [seen] * seconds
        self.driven_m += length
        self.at = to

    def stand(self, seconds: int, seen: bool = True) -> tuple[int, int]:
        begin = len(self.true)
        self.true += [self.at] * seconds
        self.is_seen += [seen] * seconds
        return begin, begin + seconds

    def fuel(self, at: XY, seen: bool = True) -> int:
        """Rolls to a pump within 15 m, stands there; the second at which the row was written."""
        turn, off = self.rng.uniform(0, math.tau), self.rng.uniform(0, 15)
        self.go((at[0] + off * math.cos(turn), at[1] + off * math.sin(turn)), 5.0, seen)
        begin, end = self.stand(self.rng.randint(150, 420), seen)
        return self.rng.randint(begin + 40, end - 5)


@dataclass
class Plot:
    """What a kind of track made up: who is known, where the fuel came from, when the row was written."""

    known: Stations
    truth: str | None
    row_s: int
    can_be_placed: bool = False
    noise_m: float | None = None
    step_s: int | None = None
    wander_s: float = 0.0
    other: Road | None = None
    shift: Callable[[float, float], tuple[float, float]] | None = None
    late_s: int = 0
    mixes_offsets: bool = False


def make(number: int, seed: int = 77) -> Track:
    """The track of that number, the same each time; kinds take turns."""
    rng = random.Random(f"{seed}/{number}")
    name, kind = list(KINDS.items())[number % len(KINDS)]
    road = Road(rng)
    lat, lon = rng.uniform(22, 40), rng.uniform(103, 121)
    road.go((0.0, -rng.uniform(2_000, 5_000)), 900.0, seen=False)
    road.driven_m = 0.0
    plot = kind(rng, road, (lat, lon))
    road.go((road.at[0] + rng.uniform(2_000, 4_000), road.at[1] + 500.0), 14.0)
    return _written(rng, name, number, plot, road, (lat, lon))


def _roadside(rng: random.Random, near: float = 12, far: float = 28) -> XY:
    """A station's own point beside the road, which runs along x = 0 there."""
    return rng.choice((-1, 1)) * rng.uniform(near, far), 0.0


def _town(rng: random.Random, road: Road, _: XY) -> Plot:
    known = {"A": _roadside(rng), "far": (900.0, -700.0)}
    while road.at[1] < -500:
        road.go((0.0, min(-300.0, road.at[1] + 350)), rng.uniform(5, 14))
        road.stand(rng.randint(0, 90))
    return Plot(known, "A", road.fuel(known["A"]), True)


def _motorway(rng: random.Random, road: Road, _: XY) -> Plot:
    known = {"A": (rng.uniform(60, 110), 0.0), "opposite": (-rng.uniform(80, 110), rng.uniform(-60, 60))}
    road.go((0.0, -300.0), rng.uniform(24, 33))
    return Plot(known, "A", road.fuel(known["A"]), True)


def _ferry(rng: random.Random, road: Road, _: XY) -> Plot:
    """Waits at a pier beside a known station, crosses slowly, fuels beyond."""
    known = {"pier": (road.at[0] + rng.uniform(60, 140), road.at[1] + 900.0), "A": (40.0, 8_000.0)}
    road.go((0.0, road.at[1] + 900.0), 10.0)
    road.stand(rng.randint(200, 1_500))
    road.go((0.0, 6_500.0), rng.uniform(3, 6))
    return Plot(known, "A", road.fuel(known["A"]), True)


def _twins(rng: random.Random, road: Road, _: XY) -> Plot:
    """Two stations 80 m apart on both sides of a road."""
    known = {"left": (-40.0, 0.0), "right": (40.0, 0.0)}
    truth = rng.choice(("left", "right"))
    road.go((0.0, -80.0), 13.0)
    return Plot(known, truth, road.fuel(known[truth]))


def _across(rng: random.Random, road: Road, _: XY) -> Plot:
    """Nobody knows the one that is 80 to 120 m from a known one."""
    road.go((0.0, -80.0), 13.0)
    return Plot({"A": (-rng.uniform(40, 60), 0.0)}, None, road.fuel((rng.uniform(40, 60), rng.uniform(-20, 20))))


def _onwards(rng: random.Random, road: Road, seen: bool) -> int:
    """From the known station to one that nobody knows, and back onto the road; the row's second."""
    unknown = (road.at[0] + rng.uniform(-60, 60), road.at[1] + rng.uniform(250, 1_500))
    road.go(unknown, rng.uniform(8, 15), seen)
    return road.fuel(unknown, seen)


def _jam(rng: random.Random, road: Road, _: XY) -> Plot:
    """Creeps past a known station, fuels at one that nobody knows, half the time in a hole of its positions."""
    road.go((0.0, -120.0), 12.0)
    while road.at[1] < 120:
        road.go((0.0, road.at[1] + rng.uniform(5, 40)), rng.uniform(0.5, 2))
        road.stand(rng.randint(0, 25))
    return Plot({"A": _roadside(rng)}, None, _onwards(rng, road, rng.random() < 0.5))


def _light(rng: random.Random, road: Road, _: XY) -> Plot:
    """Waits at a light beside a known station, and fuels further on."""
    road.go((0.0, rng.uniform(-15, 15)), 12.0)
    road.stand(rng.randint(60, 180))
    return Plot({"A": _roadside(rng)}, None, _onwards(rng, road, rng.random() < 0.4))


def _hidden(rng: random.Random, road: Road, _: XY) -> Plot:
    """The same, fuels in a hole of its positions, and the row is written down minutes later."""
    road.go((0.0, rng.uniform(-15, 15)), 12.0)
    road.stand(rng.randint(100, 180))
    row_s = _onwards(rng, road, False)
    return Plot({"A": _roadside(rng)}, None, row_s, late_s=rng.randint(-60, 300))


def _u_turn(rng: random.Random, road: Road, _: XY) -> Plot:
    """Passes a known station, fuels elsewhere out of sight, and passes it again the other way."""
    speed = rng.uniform(5, 14)
    road.go((0.0, 160.0), speed)
    road.go((0.0, rng.uniform(400, 1_500)), speed, seen=False)
    row_s = road.fuel((rng.uniform(-50, 50), road.at[1]), seen=False)
    road.go((0.0, 160.0), speed, seen=False)
    road.go((0.0, -1_500.0), speed)
    return Plot({"A": _roadside(rng, 5, 15)}, None, row_s, step_s=rng.choice((1, 2, 5)), noise_m=rng.uniform(5, 15))


def _tunnel(rng: random.Random, road: Road, _: XY) -> Plot:
    """A tunnel right before the station, or right behind it."""
    known = {"A": _roadside(rng)}
    before = rng.random() < 0.5
    road.go((0.0, -150.0), 14.0, seen=not before)
    row_s = road.fuel(known["A"])
    road.go((0.0, 200.0), 12.0)
    road.go((0.0, 3_000.0), 14.0, seen=before)
    return Plot(known, "A", row_s, True)


def _offsets(rng: random.Random, road: Road, _: XY) -> Plot:
    plot = _town(rng, road, (0.0, 0.0))
    plot.mixes_offsets = True
    return plot


def _clone(rng: random.Random, road: Road, _: XY) -> Plot:
    """Two vehicles with one plate: one fuels where nobody knows it, the other stands at a known station."""
    unknown = (0.0, 0.0)
    row_s = road.fuel(unknown)
    other = Road(rng, (rng.uniform(1_000, 6_000), 500.0))
    pump = other.at
    other.go(pump, 1.0)
    other.stand(len(road.true) + 600)
    return Plot({"A": pump}, None, row_s, other=other, step_s=rng.choice((5, 10)))


def _datum(rng: random.Random, road: Road, origin: XY) -> Plot:
    """GCJ-02 in a column that says wgs84; every second time a known station stands where that seems to be."""
    pump = (20.0, 0.0)
    north, east = _gcj_shift(*_degrees(origin, pump))
    known = {"A": pump}
    if rng.random() < 0.5:
        known["seeming"] = (pump[0] + east, pump[1] + north)
    return Plot(known, "A", road.fuel(pump), shift=_gcj_shift)


def _ignition(rng: random.Random, road: Road, _: XY) -> Plot:
    """The tracker is off with the engine, a little after arriving."""
    known = {"A": _roadside(rng)}
    road.go((0.0, -30.0), 12.0)
    road.go(known["A"], 5.0)
    road.stand(rng.randint(45, 90))
    begin, end = road.stand(rng.randint(150, 300), seen=False)
    road.stand(rng.randint(45, 90))
    return Plot(known, "A", rng.randint(begin, end), step_s=rng.choice((2, 5)), noise_m=rng.uniform(5, 15))


def _wander(rng: random.Random, road: Road, _: XY) -> Plot:
    """Errors that last for minutes, as between houses; nobody knows the station 90 to 130 m from a known one."""
    if rng.random() < 0.5:
        plot = _town(rng, road, (0.0, 0.0))
        plot.can_be_placed = False
    else:
        plot = _across(rng, road, (0.0, 0.0))
    plot.noise_m, plot.wander_s = rng.uniform(5, 22), rng.uniform(30, 120)
    return plot


def _sparse(rng: random.Random, road: Road, _: XY) -> Plot:
    """A position a minute; the light is at a known station, the fuel is not."""
    plot = _light(rng, road, (0.0, 0.0)) if rng.random() < 0.5 else _town(rng, road, (0.0, 0.0))
    plot.step_s, plot.can_be_placed = 60, False
    return plot


def _late(rng: random.Random, road: Road, _: XY) -> Plot:
    """The row is written some minutes later, while driving on."""
    known = {"A": _roadside(rng), "next": (15.0, 2_500.0)}
    road.go((0.0, -100.0), 12.0)
    row_s = road.fuel(known["A"])
    road.go((0.0, 9_000.0), 13.0)
    return Plot(known, "A", row_s, True, late_s=rng.randint(120, 300))


KINDS: dict[str, Callable[[random.Random, Road, XY], Plot]] = {
    "town": _town,
    "motorway": _motorway,
    "ferry": _ferry,
    "twins": _twins,
    "across": _across,
    "jam": _jam,
    "light": _light,
    "light, row late": _hidden,
    "u-turn": _u_turn,
    "tunnel": _tunnel,
    "offsets": _offsets,
    "clone": _clone,
    "datum": _datum,
    "ignition": _ignition,
    "wander": _wander,
    "sparse": _sparse,
    "late": _late,
}


def _written(rng: random.Random, kind: str, number: int, plot: Plot, road: Road, origin: XY) -> Track:
    noise_m = plot.noise_m or rng.uniform(5, 50)
    step_s = plot.step_s or rng.choice((5, 10, 15, 20))
    said = _said(rng, road, noise_m, step_s, plot.wander_s)
    if plot.other is not None:
        said |= _said(rng, plot.other, noise_m, step_s, 0.0, first=step_s // 2)
    lines = ["at,lat,lon,datum"]
    for second in sorted(said, key=lambda s: rng.random() if plot.mixes_offsets else s):
        lat, lon = _degrees(origin, said[second])
        if plot.shift is not None:
            north, east = plot.shift(lat, lon)
            x, y = said[second]
            lat, lon = _degrees(origin, (x + east, y + north))
        lines.append(f"{_iso(rng, second, plot.mixes_offsets)},{lat:.7f},{lon:.7f},wgs84")
    km = rng.uniform(1_000, 200_000)
    row = f"{_iso(rng, plot.row_s + plot.late_s, plot.mixes_offsets)},{km:.0f},{rng.uniform(15, 60):.2f},yes"
    stations = {name: _degrees(origin, xy) for name, xy in plot.known.items()}
    odometer = f"at,odometer_km,litres,full\n{row}\n"
    return Track(kind, number, plot.truth, plot.can_be_placed, stations, odometer, "\n".join(lines) + "\n")


def _said(
    rng: random.Random, road: Road, noise_m: float, step_s: int, wander_s: float, first: int = 0
) -> dict[int, XY]:
    """What the receiver says, by second. wander_s: for how long its error stays about the same."""
    keeps = math.exp(-step_s / wander_s) if wander_s else 0.0
    x_off, y_off = rng.gauss(0, noise_m), rng.gauss(0, noise_m)
    found: dict[int, XY] = {}
    for second in range(first, len(road.true), step_s):
        fresh = math.sqrt(1 - keeps**2) * noise_m
        x_off, y_off = keeps * x_off + rng.gauss(0, fresh), keeps * y_off + rng.gauss(0, fresh)
        if road.is_seen[second]:
            found[second] = (road.true[second][0] + x_off, road.true[second][1] + y_off)
    return found


def _iso(rng: random.Random, second: int, mixed: bool) -> str:
    at = BEGIN + timedelta(seconds=second)
    hours = rng.choice((0, 8, 5.5, -3)) if mixed else 8
    return at.astimezone(timezone(timedelta(hours=hours))).isoformat()


def _degrees(origin: XY, spot: XY) -> tuple[float, float]:
    metre = 360 / 40_030_230
    return origin[0] + spot[1] * metre, origin[1] + spot[0] * metre / math.cos(math.radians(origin[0]))


def _gcj_shift(lat: float, lon: float) -> tuple[float, float]:
    """Metres by which a map of GCJ-02 shows a point too far north and east, from the public formula."""
    x, y, sin, pi = lon - 105, lat - 35, math.sin, math.pi
    root = math.sqrt(abs(x))
    same = 20 * sin(6 * x * pi) + 20 * sin(2 * x * pi)
    d_lat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    d_lat += (same + 20 * sin(y * pi) + 40 * sin(y / 3 * pi) + 160 * sin(y / 12 * pi) + 320 * sin(y * pi / 30)) * 2 / 3
    d_lon = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    d_lon += (same + 20 * sin(x * pi) + 40 * sin(x / 3 * pi) + 150 * sin(x / 12 * pi) + 300 * sin(x / 30 * pi)) * 2 / 3
    return d_lat, d_lon
