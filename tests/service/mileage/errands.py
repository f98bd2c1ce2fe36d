"""Makes up vehicles that only their odometer speaks for, and knows where they fuelled; uses nothing of the program.

A vehicle fuels at a station of ours, drives on with or without errands, fuels once or several times elsewhere, and in
most kinds comes to a station of ours again. Stations of others are known, or nobody knows them. Readings are off by up
to a kilometre. What a road adds to the straight line is drawn for each way.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

BEGIN = datetime(2026, 4, 1, tzinfo=UTC)
XY = tuple[float, float]
LONGEST_ROAD = 1.42
"""Streets along two axes make a way at most the square root of two longer than the straight line."""
READINGS_KM = 2.0
"""Two readings that are each off by a kilometre."""


@dataclass
class Row:
    """A refuelling away from our stations. truth: the known station; within_reach, by_road: the known ones that fit.

    within_reach: by the straight line from the last known place and to the next, whatever errands were driven.
    by_road: where no errand was driven at all.
    """

    at: datetime
    truth: str | None
    within_reach: set[str]
    by_road: set[str]


@dataclass
class Journey:
    """What is told of one vehicle, beside the truth: stations in degrees, our own fuellings, a file of the odometer."""

    kind: str
    number: int
    ours: dict[str, tuple[float, float]]
    others: dict[str, tuple[float, float]]
    fuellings: list[tuple[datetime, str]]
    odometer: str
    positions: str
    rows: list[Row]


@dataclass
class _Drive:
    """One vehicle under way: kilometres on a plane, and what a driver writes down."""

    rng: random.Random
    at: XY
    now: datetime = BEGIN
    km: float = 0.0
    ours: dict[str, XY] = field(default_factory=dict)
    known: dict[str, XY] = field(default_factory=dict)
    fuellings: list[tuple[datetime, float, str]] = field(default_factory=list)
    fills: list[tuple[datetime, float, str | None]] = field(default_factory=list)
    lines: list[tuple[datetime, float, str]] = field(default_factory=list)
    placed: list[tuple[datetime, float, str]] = field(default_factory=list)
    seen: list[tuple[datetime, XY]] = field(default_factory=list)

    def go(self, to: XY, road: float = 0.0) -> None:
        straight = math.dist(self.at, to)
        way = straight * (road or self.rng.uniform(1.02, LONGEST_ROAD))
        self.km += way
        self.now += timedelta(hours=way / self.rng.uniform(25, 95))
        self.at = to

    def errands(self, count: int, around_km: float) -> None:
        for _ in range(count):
            self.go(
                (self.at[0] + self.rng.uniform(-1, 1) * around_km, self.at[1] + self.rng.uniform(-1, 1) * around_km)
            )
            self.now += timedelta(minutes=self.rng.uniform(1, 240))

    def read(self) -> float:
        return self.km + self.rng.uniform(-1, 1)

    def fuel_at_ours(self, name: str) -> None:
        self.go(self.ours[name])
        self.now += timedelta(minutes=10)
        self.fuellings.append((self.now, self.km, name))
        self.lines.append((self.now - timedelta(seconds=20), self.read(), ","))
        self.now += timedelta(minutes=5)

    def fuel_at(self, name: str | None, spot: XY) -> None:
        self.go(spot)
        self.now += timedelta(minutes=6)
        self.fills.append((self.now, self.km, name))
        self.lines.append((self.now, self.read(), f",{self.rng.uniform(15, 60):.2f},{self.rng.choice(('yes', ''))}"))
        self.now += timedelta(minutes=4)

    def seen_to_fuel_at(self, name: str, spot: XY) -> None:
        """With positions while it stands there, and for a while before and after; it is known from then on."""
        way = [(self.now + timedelta(seconds=10 * n), (spot[0], spot[1] - max(0, 30 - n) * 0.1)) for n in range(80)]
        way += [(self.now + timedelta(seconds=800 + 10 * n), (spot[0], spot[1] + 0.1 * n)) for n in range(30)]
        self.seen += [(at, (x + self.rng.gauss(0, 0.006), y + self.rng.gauss(0, 0.006))) for at, (x, y) in way]
        self.at, self.now = spot, self.now + timedelta(seconds=700)
        self.lines.append((self.now, self.read(), ",31,"))
        self.placed.append((self.now, self.km, name))
        self.now += timedelta(hours=1)

    def plain_row(self) -> None:
        self.now += timedelta(minutes=1)
        self.lines.append((self.now, self.read(), ",,"))


def make(number: int, seed: int = 5) -> Journey:
    """The journey of that number, the same each time; kinds take turns."""
    rng = random.Random(f"{seed}-{number}")
    name, kind = list(KINDS.items())[number % len(KINDS)]
    side_km, known = rng.choice(((25, 12), (60, 20), (120, 25), (120, 8), (250, 6)))
    drive = _Drive(rng, (0.0, 0.0))
    drive.ours = {"own": (0.0, 0.0), "end": _somewhere(rng, side_km)}
    drive.known = {f"k{n}": _somewhere(rng, side_km) for n in range(known)}
    drive.km = rng.uniform(5_000, 300_000)
    kind(drive, side_km)
    return _written(drive, name, number)


def _somewhere(rng: random.Random, side_km: float) -> XY:
    return rng.uniform(-0.5, 0.5) * side_km, rng.uniform(-0.5, 0.5) * side_km


def _pick(drive: _Drive) -> tuple[str, XY]:
    return drive.rng.choice(list(drive.known.items()))


def _direct(drive: _Drive, _: float) -> None:
    drive.fuel_at_ours("own")
    drive.fuel_at(*_pick(drive))
    drive.fuel_at_ours("end")


def _on_the_way(drive: _Drive, _: float) -> None:
    """A long way with the known station about on it, little beside."""
    drive.fuel_at_ours("own")
    turn, length = drive.rng.uniform(0, math.tau), drive.rng.uniform(60, 300)
    share, aside = drive.rng.uniform(0.2, 0.8), drive.rng.uniform(-8, 8)
    drive.ours["end"] = (length * math.cos(turn), length * math.sin(turn))
    along = share * length
    spot = (along * math.cos(turn) - aside * math.sin(turn), along * math.sin(turn) + aside * math.cos(turn))
    drive.known["right"] = spot
    drive.go(spot, drive.rng.uniform(1.02, 1.2))
    drive.fuel_at("right", spot)
    drive.go(drive.ours["end"], drive.rng.uniform(1.02, 1.2))
    drive.fuel_at_ours("end")


def _errands(drive: _Drive, side_km: float) -> None:
    drive.fuel_at_ours("own")
    drive.errands(drive.rng.randint(1, 7), side_km / 3)
    drive.fuel_at(*_pick(drive))
    drive.errands(drive.rng.randint(0, 4), side_km / 3)
    drive.fuel_at_ours("end")


def _home_again(drive: _Drive, side_km: float) -> None:
    """Ends where it began."""
    drive.fuel_at_ours("own")
    drive.errands(drive.rng.randint(0, 4), side_km / 4)
    drive.fuel_at(*_pick(drive))
    drive.errands(drive.rng.randint(0, 2), side_km / 4)
    drive.fuel_at_ours("own")


def _open_end(drive: _Drive, side_km: float) -> None:
    """Nothing is known after it."""
    drive.fuel_at_ours("own")
    drive.errands(drive.rng.randint(0, 4), side_km / 4)
    drive.fuel_at(*_pick(drive))


def _several(drive: _Drive, side_km: float) -> None:
    """Fuels two to four times between two stations of ours, here and there where nobody knows."""
    drive.fuel_at_ours("own")
    for _ in range(drive.rng.randint(2, 4)):
        drive.errands(drive.rng.randint(0, 2), side_km / 4)
        if drive.rng.random() < 0.25:
            drive.fuel_at(None, _somewhere(drive.rng, side_km))
        else:
            drive.fuel_at(*_pick(drive))
    drive.fuel_at_ours("end")


def _twins(drive: _Drive, _: float) -> None:
    drive.fuel_at_ours("own")
    name, (x, y) = _pick(drive)
    turn = drive.rng.uniform(0, math.tau)
    drive.known["twin"] = (x + 0.08 * math.cos(turn), y + 0.08 * math.sin(turn))
    drive.fuel_at(name, (x, y))
    drive.fuel_at_ours("end")


def _placed_start(drive: _Drive, side_km: float) -> None:
    """Begins and ends at stations of others where positions saw it; as a habit it fuels at the first one again."""
    habit = _pick(drive)
    drive.seen_to_fuel_at(*habit)
    drive.errands(drive.rng.choice((0, 0, 2)), side_km / 4)
    drive.fuel_at(*(habit if drive.rng.random() < 0.2 else _pick(drive)))
    drive.errands(drive.rng.choice((0, 0, 2)), side_km / 4)
    last = habit if drive.rng.random() < 0.3 else _pick(drive)
    drive.go(last[1])
    drive.seen_to_fuel_at(*last)


def _no_home(drive: _Drive, side_km: float) -> None:
    """Nothing is known before the first, and the second begins at one that only distance could name."""
    drive.at = _somewhere(drive.rng, side_km)
    drive.fuel_at(*_pick(drive))
    drive.errands(drive.rng.randint(0, 2), side_km / 4)
    drive.fuel_at(*_pick(drive))
    if drive.rng.random() < 0.5:
        drive.fuel_at_ours("end")


def _stale(drive: _Drive, side_km: float) -> None:
    """The last known place is weeks old; readings without fuel lie between."""
    drive.fuel_at_ours("own")
    for _ in range(drive.rng.randint(5, 40)):
        drive.errands(2, side_km / 2)
        drive.now += timedelta(hours=drive.rng.uniform(1, 30))
        drive.plain_row()
    drive.fuel_at(*_pick(drive))
    drive.fuel_at_ours("end")


def _dashboard(drive: _Drive, side_km: float) -> None:
    """A new dashboard, another unit, or a wrong digit, at the row or before it."""
    drive.fuel_at_ours("own")
    drive.errands(drive.rng.randint(0, 3), side_km / 4)
    true_km = drive.km
    fault = drive.rng.randrange(5)
    if fault == 0:
        drive.km = drive.rng.uniform(0, 50)
    elif fault == 1:
        drive.km = true_km + drive.rng.choice((-100, -40, -15, 15, 40, 100))
    elif fault == 2:
        drive.lines = [(at, km * 0.621371, rest) for at, km, rest in drive.lines]
    drive.fuel_at(*_pick(drive))
    if fault == 3:
        at, km, rest = drive.lines.pop()
        drive.lines.append((at, km * 0.621371, rest))
    elif fault == 4:
        at, km, rest = drive.lines.pop()
        drive.lines.append((at, km + drive.rng.choice((-90, -30, 30, 90)), rest))
    drive.errands(drive.rng.randint(0, 2), side_km / 4)
    drive.fuel_at_ours("end")
    if fault == 2:
        at, km, rest = drive.lines[-1]
        drive.lines[-1] = (at, km * 0.621371, rest)


def _late(drive: _Drive, side_km: float) -> None:
    """The odometer at our station is written down some minutes before or after, under way."""
    drive.fuel_at_ours("own")
    drive.errands(drive.rng.randint(0, 2), side_km / 4)
    drive.fuel_at(*_pick(drive))
    drive.fuel_at_ours("end")
    for index in (0, -1):
        at, km, rest = drive.lines[index]
        minutes = drive.rng.uniform(1, 9) * (1 if index == 0 else -1)
        drive.lines[index] = (at + timedelta(minutes=minutes), km + minutes * drive.rng.uniform(0, 1.4), rest)


def _unknown(drive: _Drive, side_km: float) -> None:
    """Fuels at a station that nobody knows."""
    drive.fuel_at_ours("own")
    drive.errands(drive.rng.randint(0, 5), side_km / 3)
    drive.fuel_at(None, _somewhere(drive.rng, side_km))
    drive.errands(drive.rng.randint(0, 3), side_km / 3)
    drive.fuel_at_ours("end")


KINDS: dict[str, Callable[[_Drive, float], None]] = {
    "direct": _direct,
    "on the way": _on_the_way,
    "errands": _errands,
    "home again": _home_again,
    "open end": _open_end,
    "several": _several,
    "twins": _twins,
    "placed start": _placed_start,
    "no home": _no_home,
    "stale": _stale,
    "dashboard": _dashboard,
    "late": _late,
    "unknown": _unknown,
}


def _written(drive: _Drive, kind: str, number: int) -> Journey:
    lat, lon = drive.rng.uniform(24, 38), drive.rng.uniform(104, 117)

    def degrees(spot: XY) -> tuple[float, float]:
        return lat + spot[1] / 111.195, lon + spot[0] / 111.195 / math.cos(math.radians(lat))

    lines = [f"{at.isoformat()},{max(km, 0):.1f}{rest}" for at, km, rest in sorted(drive.lines)]
    seen = [f"{at.isoformat()},{degrees(spot)[0]:.7f},{degrees(spot)[1]:.7f},wgs84" for at, spot in drive.seen]
    rows = [_row(drive, *fill) for fill in drive.fills]
    fuellings = [(at, name) for at, _, name in drive.fuellings]
    ours, others = ({n: degrees(s) for n, s in found.items()} for found in (drive.ours, drive.known))
    odometer = "\n".join(["at,odometer_km,litres,full", *lines])
    positions = "\n".join(["at,lat,lon,datum", *seen]) if seen else ""
    return Journey(kind, number, ours, others, fuellings, odometer, positions, rows)


def _row(drive: _Drive, at: datetime, km: float, truth: str | None) -> Row:
    """What fits by the true kilometres; none where no place is known before it."""
    known = {**drive.known, **drive.ours}
    places = sorted(drive.fuellings + drive.placed)
    before = [(km - then, known[name]) for when, then, name in places if when < at][-1:]
    after = [(then - km, known[name]) for when, then, name in places if when > at][:1]

    def fits(spot: XY, longest: float) -> bool:
        legs = [(driven, math.dist(spot, place)) for driven, place in before + after]
        return all(far - READINGS_KM <= driven <= longest * far + READINGS_KM for driven, far in legs)

    by_road = {name for name, spot in known.items() if before and fits(spot, LONGEST_ROAD)}
    return Row(at, truth, {name for name, spot in known.items() if before and fits(spot, math.inf)}, by_road)
