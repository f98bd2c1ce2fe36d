"""Whether a read's characters stand where their format puts them and look like themselves, by comparing with masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from models.geometry import Box, layout_of
from models.glyphs import load_glyphs
from models.grammar import PlateFormat
from models.rectify import Corners, Image, flatten

PX_PER_MM = 0.4
BORDER_PX = 16
GAP_PX = 3
"""Ground around a character that belongs to it: 7.5 of the 9 to 12 mm between two."""

BLUR_PX = 0.55
"""How far a plate's pixel spreads, as a share of its own size, when it is enlarged to the flat picture."""

BLURS = (1.0, 1.6, 2.4)
"""A plate out of focus or behind motion is softer than its size alone makes it: the best of these is taken."""

REACHES = ((8, 6), (4, 4), (4, 3))
"""How far around its place a character is looked for (x and y, pixels of the flat picture): first wherever corners that
are 5 % off may have put it, then around the line that all places found agree on."""

CELLS = (3, 2)
TELLING = 0.35
"""A cell of a character counts when it holds at least this share of the strokes of a middling one."""

Grey = NDArray[np.float32]
Values = NDArray[np.float64]


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
    size = (round(plate_format.width_mm * PX_PER_MM), round(plate_format.height_mm * PX_PER_MM))
    flat = flatten(image, corners, plate_format.rows, size, BORDER_PX)
    grey = np.asarray(cv2.cvtColor(flat, cv2.COLOR_BGR2GRAY), np.float32)
    points = np.asarray(corners, np.float32)
    width = float(np.linalg.norm(points[1] - points[0]) + np.linalg.norm(points[2] - points[3])) / 2
    blur = float(np.clip(BLUR_PX * size[0] / max(width, 1.0), 0.6, 2.5))
    shown = _Shown(grey, layout_of(plate_format).characters, text, 1.5 * blur)
    either = (replace(shown, grey=ink * grey, light=ink > 0.0) for ink in (1.0, -1.0))
    inked, found = max(((s, s.found()) for s in either), key=lambda pair: float(pair[1][:, 0].sum()))
    return replace(_settled(inked, found, blur), light=inked.light)


@dataclass(frozen=True)
class _Shown:
    """A flat plate, ink lighter than the ground, and the text that it is said to show."""

    grey: Grey
    boxes: Sequence[Box]
    text: str
    blur: float
    scale: float = 1.0
    light: bool = True

    def found(self, reach: tuple[int, int] = REACHES[0], shift: Values | None = None) -> Values:
        """Per place: best correlation, and how far from the place as drawn it was found (x, y)."""
        shifts = np.zeros((len(self.boxes), 2)) if shift is None else shift
        return np.array([self._seek(i, moved, reach) for i, moved in enumerate(shifts)])

    def mask(self, place: int) -> Grey:
        box = self.boxes[place]
        width, height = max(4, round(box.width * PX_PER_MM * self.scale)), round(box.height * PX_PER_MM)
        return _mask(self.text[place], width, height, round(self.blur, 1))

    def corner(self, place: int, shift: Values) -> tuple[int, int]:
        """Left and top of a place's mask in the flat picture."""
        tall, wide = self.mask(place).shape
        x, y = (BORDER_PX + at * PX_PER_MM for at in self.boxes[place].centre)
        left, top = round(x + float(shift[0]) - wide / 2), round(y + float(shift[1]) - tall / 2)
        return max(0, left), max(0, top)

    def _seek(self, place: int, shift: Values, reach: tuple[int, int]) -> tuple[float, float, float]:
        mask = self.mask(place)
        tall, wide = mask.shape
        left, top = (max(0, at - by) for at, by in zip(self.corner(place, shift), reach, strict=True))
        window = self.grey[top : top + tall + 2 * reach[1], left : left + wide + 2 * reach[0]]
        if window.shape[0] < tall or window.shape[1] < wide:
            return 0.0, float(shift[0]), float(shift[1])
        match = cv2.matchTemplate(window, mask, cv2.TM_CCOEFF_NORMED)
        row, column = np.unravel_index(int(match.argmax()), match.shape)
        x, y = (BORDER_PX + at * PX_PER_MM for at in self.boxes[place].centre)
        return float(match[row, column]), left + int(column) + wide / 2 - x, top + int(row) + tall / 2 - y


def _settled(shown: _Shown, found: Values, blur: float) -> Fit:
    """Look again around the line that all places agree on, then as soft as the plate is."""
    across = np.array([box.centre[0] * PX_PER_MM for box in shown.boxes])
    rows = np.array([float(box.y > shown.boxes[0].y) for box in shown.boxes])
    pitch = float(np.median([box.width for box in shown.boxes])) * PX_PER_MM
    stray = np.zeros(len(across))
    for reach in REACHES[1:]:
        shift, slope = _aligned(across, rows, found)
        shown = replace(shown, scale=1.0 + slope)
        found = shown.found(reach, shift)
        stray = np.abs(found[:, 1] - _aligned(across, rows, found)[0][:, 0]) / pitch
    softened = (replace(shown, blur=blur * softer) for softer in BLURS)
    shown = max(softened, key=lambda s: float(s.found((1, 1), found[:, 1:])[:, 0].sum()))
    likeness = shown.found((2, 2), found[:, 1:])[:, 0]
    return Fit(tuple(map(float, likeness)), tuple(map(float, stray)), _sharpness(shown, found[:, 1:]))


@cache
def _mask(character: str, width: int, height: int, blur: float) -> Grey:
    """The character light on dark with the ground that belongs to it, as blurred as a plate of that width is."""
    glyphs = load_glyphs()
    mask = glyphs.masks[glyphs.styles_of(character)[0]][character]
    small = cv2.resize(np.asarray(mask, np.float32), (width, height), interpolation=cv2.INTER_AREA)
    framed = cv2.copyMakeBorder(small, GAP_PX, GAP_PX, GAP_PX, GAP_PX, cv2.BORDER_CONSTANT, value=(0,))
    return np.asarray(cv2.GaussianBlur(framed, (0, 0), blur), np.float32)


def _aligned(across: Values, rows: Values, found: Values) -> tuple[Values, float]:
    """Where each place would be if all had moved along one line, a lower row by a step more; and the line's slope."""
    terms = np.stack([np.ones_like(across), across - across.mean(), rows], axis=1)[:, : 2 + int(rows.any())]
    lines = [_line(terms, found[:, axis], found[:, 0]) for axis in (1, 2)]
    return np.stack([terms @ line for line in lines], axis=1), float(lines[0][1])


def _line(terms: Values, moved: Values, likeness: Values) -> Values:
    """Weighted least squares in which places that are alike and agree count most."""
    trust = np.clip(likeness, 0.05, 1.0) ** 2
    line: Values = np.zeros(terms.shape[1])
    weights = trust
    for _ in range(3):
        scaled = terms * weights[:, None]
        line = np.asarray(np.linalg.solve(scaled.T @ terms + 1e-6 * np.eye(len(line)), scaled.T @ moved))
        weights = trust / (1.0 + ((moved - terms @ line) / 1.5) ** 2)
    return line


def _sharpness(shown: _Shown, shift: Values) -> tuple[float, ...]:
    """Per place the least of its cells' strokes, each against what its mask has, the plate's middling cell being 1."""
    strokes = _strokes(shown.grey)
    seen, drawn = [], []
    for place in range(len(shown.text)):
        mask = shown.mask(place)
        left, top = shown.corner(place, shift[place])
        seen.append(_cells(strokes[top : top + mask.shape[0], left : left + mask.shape[1]]))
        drawn.append(_cells(_strokes(mask)))
    had, should = np.stack(seen), np.stack(drawn)
    telling = should > TELLING * np.median(should)
    shares = np.where(telling, had / np.maximum(should, 1e-6), np.inf)
    return tuple(map(float, shares.min(axis=1) / max(float(np.median(shares[telling])), 1e-6)))


def _strokes(grey: Grey) -> Grey:
    across, down = (cv2.Sobel(grey, cv2.CV_32F, *step, ksize=3) for step in ((1, 0), (0, 1)))
    return np.asarray(cv2.magnitude(across, down), np.float32)


def _cells(strokes: Grey) -> Values:
    """Sums over the cells of one character."""
    rows = np.array_split(strokes, CELLS[0], axis=0)
    return np.array([float(cell.sum()) for row in rows for cell in np.array_split(row, CELLS[1], axis=1)])
