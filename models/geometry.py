"""Where each character stands on a plate, in millimetres from the plate's top left corner (GA 36)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from models.grammar import PlateFormat, PlateKind


@dataclass(frozen=True)
class Box:
    """A rectangle in mm: left, top, width, height."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> tuple[float, float]:
        """Centre (x, y) in mm."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True)
class Layout:
    """Character boxes of a format from left to right, upper row first, and the dot (centre x, y) where there is one."""

    characters: tuple[Box, ...]
    dot: tuple[float, float] | None


_MARGIN = 15.5
_TOP = 25.0


def _row(widths: list[float], gaps: list[float], left: float, top: float, height: float) -> tuple[Box, ...]:
    boxes, x = [], left
    for width, gap in zip(widths, [*gaps, 0.0], strict=True):
        boxes.append(Box(x, top, width, height))
        x += width + gap
    return tuple(boxes)


def _ordinary(dot_after: int) -> Layout:
    """Seven characters of 45x90 mm, 12 mm apart, 34 mm around the dot of 10 mm."""
    gaps = [12.0] * 6
    gaps[dot_after - 1] = 34.0
    boxes = _row([45.0] * 7, gaps, _MARGIN, _TOP, 90.0)
    before = boxes[dot_after - 1]
    return Layout(boxes, (before.x + before.width + 17.0, 70.0))


def _eight(width_mm: float, dot_after: int) -> Layout:
    """New energy: the province 45 mm wide, the others 43 mm, 9 mm apart, 49 mm after the office letter."""
    if width_mm >= 480:
        gaps = [9.0] * 7
        gaps[dot_after - 1] = 49.0
        return Layout(_row([45.0] + [43.0] * 7, gaps, _MARGIN, _TOP, 90.0), None)
    gaps = [8.0] * 7
    gaps[dot_after - 1] = 30.0
    boxes = _row([41.0] * 8, gaps, 17.0, _TOP, 90.0)
    return Layout(boxes, (boxes[dot_after].x - 15.0, 70.0))


def _two_row(upper: int, lower: int) -> Layout:
    """Upper characters 80x60 mm around the middle, lower ones 65x110 mm, 15 mm apart, on a plate of 440x220 mm."""
    if upper == 2:
        top = _row([80.0, 80.0], [60.0], 110.0, 15.0, 60.0)
        dot: tuple[float, float] | None = (220.0, 45.0)
    else:
        top = _row([65.0] * upper, [20.0] * (upper - 1), 220.0 - (65.0 * upper + 20.0 * (upper - 1)) / 2, 15.0, 60.0)
        dot = None
    width = 65.0 * lower + 15.0 * (lower - 1)
    return Layout(top + _row([65.0] * lower, [15.0] * (lower - 1), 220.0 - width / 2, 90.0, 110.0), dot)


def _agricultural() -> Layout:
    """300x165 mm, white on green; the province and two digits above, all as on the one picture that is at hand."""
    upper = _row([42.0, 32.0, 32.0], [56.0, 12.0], 61.0, 14.0, 39.0)
    return Layout(upper + _row([45.0] * 5, [10.6] * 4, 16.0, 67.0, 86.0), None)


def _old_armed_police() -> Layout:
    """WJ, two small digits below an emblem, five digits: as on the one picture that is at hand."""
    small = _row([24.0] * 2, [5.0], 101.0, 62.0, 50.0)
    return Layout(
        _row([38.0] * 2, [5.0], 13.0, _TOP, 90.0) + small + _row([42.0] * 5, [10.5] * 4, 167.0, _TOP, 90.0), None
    )


def _paper(count: int) -> Layout:
    """A temporary plate, 220x140 mm of paper: one row above the line that says until when it holds."""
    width = 21.0 if count == 8 else 24.0
    gaps = [3.5] * (count - 1)
    gaps[1] = 12.0
    left = (220.0 - width * count - sum(gaps)) / 2
    boxes = _row([width] * count, gaps, left, 36.0, 50.0)
    return Layout(boxes, (boxes[2].x - 6.0, 61.0))


def _motorcycle() -> Layout:
    """220x140 mm in two rows: those of 440x220 mm, scaled, as no measures of the small plate are at hand."""
    whole = _two_row(2, 5)
    boxes = [Box(b.x / 2, b.y * 140 / 220, b.width / 2, b.height * 140 / 220) for b in whole.characters]
    return Layout(tuple(boxes), (110.0, 45.0 * 140 / 220))


_OWN_LAYOUTS: dict[PlateKind, Callable[[PlateFormat], Layout]] = {
    PlateKind.AGRICULTURAL: lambda known: _agricultural(),
    PlateKind.OLD_ARMED_POLICE: lambda known: _old_armed_police(),
    PlateKind.TEMPORARY: lambda known: _paper(len(known.places)),
    PlateKind.LIGHT_MOTORCYCLE: lambda known: _motorcycle(),
}
"""Kinds whose plates are not divided as others of their rows and length."""


@cache
def layout_of(plate_format: PlateFormat) -> Layout:
    """The places of a format's characters; rarer kinds follow the ordinary plate as far as pictures of them show."""
    own = _OWN_LAYOUTS.get(plate_format.kind)
    if own is not None:
        return own(plate_format)
    if plate_format.upper_characters:
        return _two_row(plate_format.upper_characters, len(plate_format.places) - plate_format.upper_characters)
    if len(plate_format.places) == 8:
        return _eight(plate_format.width_mm, 3 if plate_format.kind == PlateKind.ARMED_POLICE else 2)
    if plate_format.kind == PlateKind.EMBASSY:
        return _ordinary(4 if plate_format.places[0] == "使" else 3)
    return _ordinary(2)
