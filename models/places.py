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

NEAR = (2, 2)
"""The reach of the last look, around the line."""

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
    light, dark = shown.either()
    if float(light[:, 0].sum()) >= float(dark[:, 0].sum()):
        return _settled(shown, light, blur)
    return replace(_settled(replace(shown, grey=-grey), dark, blur), light=False)


@dataclass(frozen=True)
class _Shown:
    """A flat plate, ink lighter than the ground, and the text that it is said to show."""

    grey: Grey
    boxes: Sequence[Box]
    text: str
    blur: float
    scale: float = 1.0

    def found(self, reach: tuple[int, int], shift: Values) -> Values:
        """Per place: best correlation, and how far from the place as drawn it was found (x, y)."""
        return np.array([self._peak(*self._match(i, moved, reach), i, moved) for i, moved in enumerate(shift)])

    def either(self) -> tuple[Values, Values]:
        """found() in the widest reach with light ink, and with dark: turning the ink only turns the correlation."""
        shift = np.zeros(2)
        matches = [self._match(place, shift, REACHES[0]) for place in range(len(self.boxes))]
        light = [self._peak(match, at, place, shift) for place, (match, at) in enumerate(matches)]
        dark = [self._peak(-match, at, place, shift) for place, (match, at) in enumerate(matches)]
        return np.array(light), np.array(dark)

    def near(self, shift: Values) -> tuple[float, Values]:
        """The sum of the best correlations within one pixel of the shifted places, and each within two."""
        closest, likeness = 0.0, np.zeros(len(shift))
        for place, moved in enumerate(shift):
            match, first = self._match(place, moved, NEAR)
            x, y = (max(0, at - 1) - start for at, start in zip(self.corner(place, moved), first, strict=True))
            inner = match[y : y + 3, x : x + 3]
            closest += float(inner.max()) if inner.size else 0.0
            likeness[place] = match.max() if match.size else 0.0
        return closest, likeness

    def key(self, place: int) -> tuple[str, int, int, float]:
        """What a place's mask depends on: character, width, height, blur."""
        box = self.boxes[place]
        width, height = max(4, round(box.width * PX_PER_MM * self.scale)), round(box.height * PX_PER_MM)
        return self.text[place], width, height, round(self.blur, 1)

    def mask(self, place: int) -> Grey:
        return _mask(*self.key(place))

    def corner(self, place: int, shift: Values) -> tuple[int, int]:
        """Left and top of a place's mask in the flat picture."""
        tall, wide = self.mask(place).shape
        x, y = (BORDER_PX + at * PX_PER_MM for at in self.boxes[place].centre)
        left, top = round(x + float(shift[0]) - wide / 2), round(y + float(shift[1]) - tall / 2)
        return max(0, left), max(0, top)

    def _match(self, place: int, shift: Values, reach: tuple[int, int]) -> tuple[Grey, tuple[int, int]]:
        """The mask's correlation with every position within reach, and the first position's left and top."""
        mask = self.mask(place)
        tall, wide = mask.shape
        left, top = (max(0, at - by) for at, by in zip(self.corner(place, shift), reach, strict=True))
        window = self.grey[top : top + tall + 2 * reach[1], left : left + wide + 2 * reach[0]]
        if window.shape[0] < tall or window.shape[1] < wide:
            return np.zeros((0, 0), np.float32), (left, top)
        return np.asarray(cv2.matchTemplate(window, mask, cv2.TM_CCOEFF_NORMED), np.float32), (left, top)

    def _peak(self, match: Grey, at: tuple[int, int], place: int, shift: Values) -> tuple[float, float, float]:
        """The best correlation, and how far from the place as drawn it lies (x, y)."""
        if not match.size:
            return 0.0, float(shift[0]), float(shift[1])
        row, column = divmod(int(match.argmax()), match.shape[1])
        tall, wide = self.mask(place).shape
        x, y = (BORDER_PX + drawn * PX_PER_MM for drawn in self.boxes[place].centre)
        return float(match[row, column]), at[0] + column + wide / 2 - x, at[1] + row + tall / 2 - y


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
    softened = [(one, *one.near(found[:, 1:])) for one in (replace(shown, blur=blur * softer) for softer in BLURS)]
    shown, _, likeness = max(softened, key=lambda one: one[1])
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
    lines = _lines(terms, found[:, 1:], found[:, 0])
    return np.asarray(terms @ lines), float(lines[1, 0])


def _lines(terms: Values, moved: Values, likeness: Values) -> Values:
    """Weighted least squares in x and in y (terms, 2) in which places that are alike and agree count most."""
    trust = (np.clip(likeness, 0.05, 1.0) ** 2)[:, None]
    lines: Values = np.zeros((terms.shape[1], 2))
    weights = np.repeat(trust, 2, axis=1)
    still = 1e-6 * np.eye(terms.shape[1])
    for _ in range(3):
        scaled = terms.T[None] * weights.T[:, None]
        lines = np.asarray(np.linalg.solve(scaled @ terms + still, scaled @ moved.T[:, :, None])[:, :, 0].T)
        weights = trust / (1.0 + ((moved - terms @ lines) / 1.5) ** 2)
    return lines


def _sharpness(shown: _Shown, shift: Values) -> tuple[float, ...]:
    """Per place the least of its cells' strokes, each against what its mask has, the plate's middling cell being 1."""
    strokes = _strokes(shown.grey)
    seen, drawn = [], []
    for place in range(len(shown.text)):
        tall, wide = shown.mask(place).shape
        left, top = shown.corner(place, shift[place])
        seen.append(_cells(strokes[top : top + tall, left : left + wide]))
        drawn.append(_drawn_cells(*shown.key(place)))
    had, should = np.stack(seen), np.stack(drawn)
    telling = should > TELLING * np.median(should)
    shares = np.where(telling, had / np.maximum(should, 1e-6), np.inf)
    return tuple(map(float, shares.min(axis=1) / max(float(np.median(shares[telling])), 1e-6)))


def _strokes(grey: Grey) -> Grey:
    across, down = (cv2.Sobel(grey, cv2.CV_32F, *step, ksize=3) for step in ((1, 0), (0, 1)))
    return np.asarray(cv2.magnitude(across, down), np.float32)


@cache
def _drawn_cells(character: str, width: int, height: int, blur: float) -> Values:
    """Strokes of a mask's cells."""
    return _cells(_strokes(_mask(character, width, height, blur)))


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
