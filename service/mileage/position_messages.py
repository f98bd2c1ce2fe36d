"""Positions as phones and trackers send them over HTTP: OwnTracks, and the OsmAnd protocol of Traccar's clients."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from service.mileage.csv_lines import instant_us
from service.mileage.datum import Datum
from service.mileage.tracks import Position, coordinates_e7, datum_of
from service.store.clock import US_PER_S, to_us

LEAST_EXACT_M = 100.0
"""A position that is less exact by its sender's word places nothing and is left out."""
AHEAD = timedelta(minutes=5)
LEAST_EPOCH_S = 631_152_000
"""1990, as in imported files: an earlier time is of a device that does not know it."""
_MILLISECONDS_FROM = 10**11
"""Epoch times are seconds or milliseconds; as seconds this one is in the year 5138."""


def from_owntracks(message: Mapping[str, object], datum: Datum, now: datetime) -> Position | None:
    """The position of a message; None for what is none (a card, a waypoint), or is not exact. Raises ValueError."""
    if message.get("_type") != "location":
        return None
    return _position(message.get("tst"), message.get("lat"), message.get("lon"), message.get("acc"), datum, now)


def from_osmand(message: Mapping[str, object], datum: Datum, now: datetime) -> Position | None:
    """The position of flat parameters, or of the JSON with a location; None for one not valid or not exact.

    Its odometer is the app's own count, not the vehicle's, and is not taken. Raises ValueError.
    """
    location = message.get("location")
    if isinstance(location, Mapping):
        coords = location.get("coords")
        if not isinstance(coords, Mapping):
            raise ValueError("location.coords: expected an object")
        at, lat, lon, accuracy = location.get("timestamp"), *_three(coords, "latitude", "longitude", "accuracy")
        return _position(at, lat, lon, accuracy, datum, now)
    if str(message.get("valid", "true")).lower() in ("false", "0"):
        return None
    named = message.get("datum")
    lat, lon, accuracy = _three(message, "lat", "lon", "accuracy")
    if isinstance(location, str):
        lat, _, lon = location.partition(",")
    return _position(message.get("timestamp"), lat, lon, accuracy, datum_of(str(named)) if named else datum, now)


def _three(message: Mapping[str, object], *names: str) -> tuple[object, object, object]:
    first, second, third = (message.get(name) for name in names)
    return first, second, third


def _position(at: object, lat: object, lon: object, accuracy: object, datum: Datum, now: datetime) -> Position | None:
    at_us, place = _instant_us(at), coordinates_e7(_number("lat", lat), _number("lon", lon))
    if at_us > to_us(now + AHEAD):
        raise ValueError("the position's time is in the future: is the device's clock right?")
    if accuracy not in (None, "") and float(_number("accuracy", accuracy)) > LEAST_EXACT_M:
        return None
    return Position(at_us, *place, datum)


def _instant_us(value: object) -> int:
    """Epoch seconds or milliseconds, or ISO with an offset. Raises ValueError."""
    text = str(value).strip() if isinstance(value, int | float | str) and not isinstance(value, bool) else ""
    try:
        number = _plain(text)
    except ValueError:
        return instant_us(text)
    if not LEAST_EPOCH_S <= number < 10**14:
        raise ValueError(
            "the position's time is not a time: expected epoch seconds, milliseconds, or ISO with an offset"
        )
    seconds = number / 1000 if number >= _MILLISECONDS_FROM else number
    return round(seconds * 1000) * (US_PER_S // 1000)


def _plain(text: str) -> float:
    """A number in ASCII digits, without what Python alone takes for one. Raises ValueError."""
    if not text.isascii() or "_" in text:
        raise ValueError
    return float(text)


def _number(name: str, value: object) -> str:
    """A number as text that scaled() takes. Raises ValueError."""
    if isinstance(value, str):
        try:
            value = _plain(value.strip()[:30])
        except ValueError:
            raise ValueError(f"{name}: expected a number") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e9 < value < 1e9:
        raise ValueError(f"{name}: expected a number")
    return f"{value:.9f}"
