"""Whether a read's characters stand where their format puts them and look like themselves, by comparing with masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from models.correlation import Correlator, Grey, Mask, Values, drawn
from models.geometry import Box, layout_of
from models.grammar import PlateFormat
from models.rectify import Corners, Image, flatten

PX_PER_MM = 0.4
"""Of plates of 440 mm and wider; narrower ones are flattened to the same width, so that characters are as large."""
BORDER_PX = 16
BLUR_PX = 0.55
"""How far a plate's pixel spreads, as a share of its own size, when it is enlarged to the flat picture."""

BLURS = (1.0, 1.6, 2.4)
"""A plate out of focus or behind motion is softer than its size alone makes it: the best of these is taken."""

REACHES = ((8, 6), (4, 4), (4, 3))
"""How far around its place a character is looked for (x and y, pixels of the flat picture): first wherever corners that
are 5 % off may have put it, then around the line that all places found agree on."""

NEAR = 2
"""The reach of the last look, around the line."""

CELLS = (3, 2)
TELLING = 0.35
"""A cell of a character counts when it holds at least this share of the strokes of a middling one."""


@dataclass(frozen=True)
class Fit:
    """How a read fits its plate's picture, place by place.

    likeness: correlation, -1 to 1, of the picture with the character that was read. strays: how far it stands from
    where the other places put it, as a share of a character's width. sharpness: strokes of its faintest sixth, as a
    share of what the character and the rest of the plate make expect: near 0 where something smooth lies over it.
    light: the characters are lighter than the ground.
    """

    likeness: tuple[float, ...]
    strays: tuple[float, ...]
    sharpness: tuple[float, ...]
    light: bool = True


def fit(image: Image, corners: Corners, text: str, plate_format: PlateFormat) -> Fit:
    """Compare a BGR picture's plate with a text that has this format. Raises ValueError for corners without area."""
    px_per_mm = _px_per_mm(plate_format)
    size = (round(plate_format.width_mm * px_per_mm), round(plate_format.height_mm * px_per_mm))
    flat = flatten(image, corners, plate_format.rows, size, BORDER_PX)
    grey = np.asarray(cv2.cvtColor(flat, cv2.COLOR_BGR2GRAY), np.float32)
    points = np.asarray(corners, np.float32)
    width = float(np.linalg.norm(points[1] - points[0]) + np.linalg.norm(points[2] - points[3])) / 2
    blur = float(np.clip(BLUR_PX * size[0] / max(width, 1.0), 0.6, 2.5))
    return _settled(_Shown(grey, plate_format, text), _line_of(plate_format), blur)


def _px_per_mm(plate_format: PlateFormat) -> float:
    return PX_PER_MM * max(1.0, 440 / plate_format.width_mm)


@cache
def _boxes_of(plate_format: PlateFormat) -> tuple[Box, ...]:
    """Where a format's characters stand on the flat plate, in pixels."""
    scale, boxes = _px_per_mm(plate_format), layout_of(plate_format).characters
    return tuple(Box(box.x * scale, box.y * scale, box.width * scale, box.height * scale) for box in boxes)


class _Shown:
    """A flat plate and the text that it is said to show."""

    def __init__(self, grey: Grey, plate_format: PlateFormat, text: str) -> None:
        self.grey = grey
        self._text = text
        self._boxes = _boxes_of(plate_format)
        self._plate = Correlator(grey, _middles_of(plate_format))
        self._scale(1.0)

    def _scale(self, scale: float) -> None:
        self.masks = tuple(
            Mask(character, max(4, round(box.width * scale)), round(box.height))
            for character, box in zip(self._text, self._boxes, strict=True)
        )

    def first(self, blur: float) -> tuple[Values, int]:
        """As found(), wherever corners that are off may have put each place; and the ink, 1 light or -1 dark."""
        return self._plate.first(self.masks, round(blur, 1), REACHES[0])

    def found(self, blur: float, reach: tuple[int, int], shift: Values, ink: int, scale: float) -> Values:
        """Per place: best correlation, and how far from the place as drawn (x, y). scale: of the characters' width."""
        self._scale(scale)
        return self._plate.best(self.masks, round(blur, 1), shift, reach, ink)

    def softest(self, blurs: Sequence[float], shift: Values, ink: int) -> tuple[float, Values]:
        """The blur that fits best one pixel around the shifted places; each place's best with it, two around them."""
        soft = tuple(round(blur, 1) for blur in blurs)
        closest, likeness = self._plate.near(self.masks, soft, shift, NEAR, ink)
        best = int(closest.sum(0).argmax())
        return soft[best], likeness[:, best]

    def corners(self, shift: Values) -> list[list[int]]:
        """Left and top of each mask."""
        corners: list[list[int]] = self._plate.corners(self.masks, shift).tolist()
        return corners


def _settled(shown: _Shown, line: _Line, blur: float) -> Fit:
    """Look, look again around the line that all places agree on, then as soft as the plate is."""
    found, ink = shown.first(1.5 * blur)
    moved, slope = line.through(found)
    for reach in REACHES[1:]:
        found = shown.found(1.5 * blur, reach, moved, ink, 1.0 + slope)
        moved, slope = line.through(found)
    strays = np.abs(found[:, 1] - moved[:, 0]) / line.pitch
    soft, likeness = shown.softest([blur * softer for softer in BLURS], found[:, 1:], ink)
    sharpness = _sharpness(shown, soft, found[:, 1:])
    return Fit(tuple(likeness.tolist()), tuple(strays.tolist()), tuple(sharpness.tolist()), ink > 0)


class _Line:
    """The line along which all places of a plate moved, a lower row by a step more. boxes: in pixels."""

    def __init__(self, boxes: Sequence[Box]) -> None:
        self.pitch = float(np.median([box.width for box in boxes]))
        """A middling character's width in pixels."""
        across = np.array([box.centre[0] for box in boxes])
        rows = np.array([float(box.y > boxes[0].y) for box in boxes])
        self._terms = np.stack([np.ones_like(across), across - across.mean(), rows], axis=1)[:, : 2 + int(rows.any())]
        count = self._terms.shape[1]
        self._products = (self._terms[:, :, None] * self._terms[:, None]).reshape(len(across), -1)
        self._still = 1e-6 * np.eye(count)

    def through(self, found: Values) -> tuple[Values, float]:
        """Where each place would be if all had moved along one line; and the line's slope.

        Weighted least squares in x and in y, in which places that are alike and agree count most.
        """
        moved = found[:, 1:]
        trust = np.maximum(np.minimum(found[:, :1], 1.0), 0.05) ** 2
        weights = np.repeat(trust, 2, axis=1)
        lines = np.empty((len(self._still), 2))
        for _ in range(3):
            squares = (weights.T @ self._products).reshape(2, *self._still.shape) + self._still
            aims = ((weights * moved).T @ self._terms)[:, :, None]
            for axis in (0, 1):
                lines[:, axis] = cv2.solve(squares[axis], aims[axis], flags=cv2.DECOMP_CHOLESKY)[1][:, 0]
            there = self._terms @ lines
            weights = trust / (1.0 + ((moved - there) / 1.5) ** 2)
        return np.asarray(there), float(lines[1, 0])


@cache
def _line_of(plate_format: PlateFormat) -> _Line:
    return _Line(_boxes_of(plate_format))


@cache
def _middles_of(plate_format: PlateFormat) -> Values:
    """Where the characters' middles are drawn, (places, 2), in pixels of the flat plate."""
    return np.array([box.centre for box in _boxes_of(plate_format)]) + BORDER_PX


def _sharpness(shown: _Shown, blur: float, shift: Values) -> Values:
    """Per place the least of its cells' strokes, each against what its mask has, the plate's middling cell being 1."""
    strokes = _strokes(shown.grey)
    had, should = [], []
    for mask, (left, top) in zip(shown.masks, shown.corners(shift), strict=True):
        wide, tall = mask.size
        had.append(_cells(strokes[top : top + tall, left : left + wide]))
        should.append(_drawn_cells(mask, blur))
    due = np.stack(should)
    telling = due > TELLING * _median(due.ravel())
    shares = np.where(telling, np.stack(had) / np.maximum(due, 1e-6), np.inf)
    return np.asarray(shares.min(axis=1) / max(_median(shares[telling]), 1e-6))


def _median(values: Values) -> float:
    """As NumPy's, which takes longer than all else here."""
    ordered = np.sort(values)
    return float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _strokes(grey: Grey) -> Grey:
    across, down = (cv2.Sobel(grey, cv2.CV_32F, *step, ksize=3) for step in ((1, 0), (0, 1)))
    return np.asarray(cv2.magnitude(across, down), np.float32)


@cache
def _drawn_cells(mask: Mask, blur: float) -> Values:
    """Strokes of a mask's cells."""
    return _cells(_strokes(drawn(mask, blur)))


def _cells(strokes: Grey) -> Values:
    """Sums over the cells of one character."""
    down, across = (_starts(length, cells) for length, cells in zip(strokes.shape, CELLS, strict=True))
    rows = np.add.reduceat(strokes, down, axis=0, dtype=np.float64)
    return np.asarray(np.add.reduceat(rows, across, axis=1)).ravel()


@cache
def _starts(length: int, cells: int) -> tuple[int, ...]:
    """Where each of so many cells begins, the first ones a pixel longer where they cannot all be alike."""
    size, longer = divmod(length, cells)
    return tuple(cell * size + min(cell, longer) for cell in range(cells))
