"""Positions and their datum: WGS-84 as satellites give it, GCJ-02 as maps and phones in China give it.

The shift is the published reconstruction of GCJ-02 (googollee/eviltransform on GitHub, functions transform, delta and
outOfChina): the Krassowsky 1940 ellipsoid and a sum of sines. The way back is found by iteration on it, since the
shift itself is known only forwards. Outside the rectangle of outOfChina both datums are the same.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

_A_M = 6_378_245.0
_EE = 0.00669342162296594323
EARTH_M = 6_371_008.8
"""Mean radius of the earth, IUGG."""
_STEPS = 12
_CLOSE_DEG = 1.5e-5
"""The step after this one leaves less than a hundredth of it, 1 cm: the shift changes by 3 m on a kilometre."""
E7 = 10_000_000
"""Degrees are kept as integers of this many to the degree: 11 mm."""


class Datum(enum.StrEnum):
    WGS84 = "wgs84"
    GCJ02 = "gcj02"


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on the earth in WGS-84 degrees."""

    lat: float
    lon: float


def to_wgs84(lat: float, lon: float, datum: Datum) -> Spot:
    """The point that coordinates of a datum mean."""
    if datum is Datum.WGS84 or _outside(lat, lon):
        return Spot(lat, lon)
    guess_lat, guess_lon = lat, lon
    for _ in range(_STEPS):
        shifted_lat, shifted_lon = to_gcj02(Spot(guess_lat, guess_lon))
        off_lat, off_lon = shifted_lat - lat, shifted_lon - lon
        guess_lat, guess_lon = guess_lat - off_lat, guess_lon - off_lon
        if max(abs(off_lat), abs(off_lon)) < _CLOSE_DEG:
            break
    return Spot(guess_lat, guess_lon)


def to_gcj02(point: Spot) -> tuple[float, float]:
    """Latitude and longitude as a map of GCJ-02 shows a point."""
    if _outside(point.lat, point.lon):
        return point.lat, point.lon
    x, y = point.lon - 105.0, point.lat - 35.0
    root, sin, pi_x, pi_y = math.sqrt(abs(x)), math.sin, math.pi * x, math.pi * y
    twice = sin(2.0 * pi_x)
    both = 20.0 * (_of_triple(twice) + twice)
    waves_y = 20.0 * sin(pi_y) + 40.0 * sin(pi_y / 3.0) + 160.0 * sin(pi_y / 12.0) + 320.0 * sin(pi_y / 30.0)
    waves_x = 20.0 * sin(pi_x) + 40.0 * sin(pi_x / 3.0) + 150.0 * sin(pi_x / 12.0) + 300.0 * sin(pi_x / 30.0)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + (both + waves_y) * 2 / 3
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + (both + waves_x) * 2 / 3
    lat_rad = math.radians(point.lat)
    w = 1 - _EE * math.sin(lat_rad) ** 2
    lat_m_per_rad = _A_M * (1 - _EE) / (w * math.sqrt(w))
    lon_m_per_rad = _A_M / math.sqrt(w) * math.cos(lat_rad)
    return point.lat + math.degrees(north / lat_m_per_rad), point.lon + math.degrees(east / lon_m_per_rad)


def distance_m(a: Spot, b: Spot) -> float:
    """The great-circle distance."""
    lat_a, lat_b = math.radians(a.lat), math.radians(b.lat)
    half = math.sin((lat_b - lat_a) / 2) ** 2
    half += math.cos(lat_a) * math.cos(lat_b) * math.sin(math.radians(b.lon - a.lon) / 2) ** 2
    return 2 * EARTH_M * math.asin(min(1.0, math.sqrt(half)))


def _of_triple(sine: float) -> float:
    """The sine of three times the angle."""
    return sine * (3.0 - 4.0 * sine * sine)


def _outside(lat: float, lon: float) -> bool:
    return not (72.004 <= lon <= 137.8347 and 0.8293 <= lat <= 55.8271)
