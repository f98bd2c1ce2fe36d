"""Turns tracks, stations and consumption into coordinates of a drawing; the templates make SVG of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from service.mileage.consumption import Stretch
from service.mileage.datum import EARTH_M, Spot
from service.mileage.history import Located
from service.mileage.tracks import Position
from service.mileage.vehicles import KnownStation
from service.store.clock import US_PER_S, from_us
from service.store.zones import HOME_ZONE

WIDTH, HEIGHT, MARGIN = 720.0, 420.0, 40.0
GAP_US = 1_800 * US_PER_S
"""Positions farther apart in time are not joined by a line, unless all of a thinned track are."""
NEAR_M = 30_000.0
"""Stations farther from track and fills than this are left out."""
PLOT_HEIGHT = 220.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A station or a fill on the map. kind: "own" or "other" of a station, the status of a fill."""

    x: float
    y: float
    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class MapDrawing:
    """lines: points of polylines, as SVG has them. scale: what a bar of so many units stands for."""

    lines: tuple[str, ...]
    stations: tuple[Mark, ...]
    fills: tuple[Mark, ...]
    scale_width: float
    scale_km: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One stretch between full fills."""

    x: float
    width: float
    y: float
    height: float
    since: date
    until: date
    per_100km_ml: int


@dataclass(frozen=True, slots=True)
class ConsumptionPlot:
    """bars by time; need_y: where the vehicle's stated need lies; ticks: height and litres of the lines behind."""

    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, int], ...]
    need_y: float | None


@dataclass(frozen=True, slots=True)
class _Frame:
    """Metres east and north of a corner, and how many of them make a unit of the drawing."""

    west: float
    north: float
    per_unit: float
    shrink: float

    def place(self, spot: Spot) -> tuple[float, float]:
        east, up = _metres(spot, self.shrink)
        return round(MARGIN + (east - self.west) / self.per_unit, 1), round(
            MARGIN + (self.north - up) / self.per_unit, 1
        )


def draw_map(
    track: Sequence[Position], fills: Sequence[Located], places: Mapping[str, KnownStation]
) -> MapDrawing | None:
    """The map of a track, of the stations near it, and of the fills whose place is known; None of nothing."""
    at = [places[name] for f in fills if (name := f.finding.station or "") in places]
    spots = [p.spot for p in track] + [place.spot for place in at if place.spot is not None]
    if not spots:
        return None
    frame = _frame(spots)
    stations = _near(places, spots, frame.shrink)
    marks = []
    for fill in fills:
        place = places.get(fill.finding.station or "")
        if place is not None and place.spot is not None:
            label = f"{fill.at:%Y-%m-%d %H:%M} {place.name}"
            marks.append(Mark(*frame.place(place.spot), fill.finding.status.value, label))
    scale_km = _scale_km(frame.per_unit)
    return MapDrawing(
        tuple(_lines(track, frame)),
        tuple(Mark(*frame.place(p.spot), "own" if p.is_own else "other", n) for n, p in stations if p.spot is not None),
        tuple(marks),
        round(scale_km * 1000 / frame.per_unit, 1),
        scale_km,
    )


def draw_plot(drives: Sequence[Stretch], need_ml: int | None) -> ConsumptionPlot | None:
    """Litres per 100 km of each stretch over its time; None without one."""
    if not drives:
        return None
    begin_us, end_us = drives[0].since_us, max(d.until_us for d in drives)
    top_ml = max([d.per_100km_ml for d in drives] + [need_ml or 0]) * 1.15
    step_l = _round_step(top_ml / 1000 / 4)
    across, up = (WIDTH - 2 * MARGIN) / max(1, end_us - begin_us), (PLOT_HEIGHT - MARGIN) / top_ml
    bars = []
    for drive in drives:
        x, width = MARGIN + (drive.since_us - begin_us) * across, (drive.until_us - drive.since_us) * across
        height = drive.per_100km_ml * up
        bars.append(
            Bar(
                x=round(x, 1),
                width=round(max(1.0, width - 1), 1),
                y=round(PLOT_HEIGHT - MARGIN / 2 - height, 1),
                height=round(height, 1),
                since=_day(drive.since_us),
                until=_day(drive.until_us),
                per_100km_ml=drive.per_100km_ml,
            )
        )
    base = PLOT_HEIGHT - MARGIN / 2
    ticks = tuple((round(base - n * step_l * 1000 * up, 1), n * step_l) for n in range(int(top_ml / 1000 / step_l) + 1))
    return ConsumptionPlot(tuple(bars), ticks, None if need_ml is None else round(base - need_ml * up, 1))


def _day(at_us: int) -> date:
    return from_us(at_us).astimezone(HOME_ZONE).date()


def _round_step(wanted: float) -> int:
    return next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if step >= wanted or step == 1000)


def _frame(spots: Sequence[Spot]) -> _Frame:
    shrink = math.cos(math.radians(sum(s.lat for s in spots) / len(spots)))
    east, north = zip(*(_metres(spot, shrink) for spot in spots), strict=True)
    across = max(max(east) - min(east), 2_000.0) / (WIDTH - 2 * MARGIN)
    up = max(max(north) - min(north), 1_200.0) / (HEIGHT - 2 * MARGIN)
    per_unit = max(across, up)
    spare_east = (WIDTH - 2 * MARGIN) * per_unit - (max(east) - min(east))
    spare_north = (HEIGHT - 2 * MARGIN) * per_unit - (max(north) - min(north))
    return _Frame(min(east) - spare_east / 2, max(north) + spare_north / 2, per_unit, shrink)


def _metres(spot: Spot, shrink: float) -> tuple[float, float]:
    return math.radians(spot.lon) * EARTH_M * shrink, math.radians(spot.lat) * EARTH_M


def _near(places: Mapping[str, KnownStation], spots: Sequence[Spot], shrink: float) -> list[tuple[str, KnownStation]]:
    """The stations within NEAR_M of the rectangle around spots."""
    east, north = zip(*(_metres(one, shrink) for one in spots), strict=True)
    west_m, east_m, south_m, north_m = min(east), max(east), min(north), max(north)
    found = []
    for name, place in places.items():
        x, y = _metres(place.spot, shrink) if place.spot is not None else (math.inf, math.inf)
        if west_m - NEAR_M <= x <= east_m + NEAR_M and south_m - NEAR_M <= y <= north_m + NEAR_M:
            found.append((name, place))
    return found


def _lines(track: Sequence[Position], frame: _Frame) -> list[str]:
    lines: list[list[str]] = []
    before_us = None
    apart_us = sorted(after.at_us - before.at_us for before, after in pairwise(track))
    gap_us = max(GAP_US, 4 * apart_us[len(apart_us) // 2]) if apart_us else GAP_US
    for position in track:
        if before_us is None or position.at_us - before_us > gap_us:
            lines.append([])
        x, y = frame.place(position.spot)
        lines[-1].append(f"{x},{y}")
        before_us = position.at_us
    return [" ".join(points) for points in lines if len(points) > 1]


def _scale_km(per_unit: float) -> float:
    """A round distance about a fifth as wide as the drawing."""
    wanted = per_unit * WIDTH / 5 / 1000
    return next((km for km in (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if km >= wanted), 2000.0)
