"""Correlates the masks of a text's characters with a flat plate, all of them at once, each around its place."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from models.glyphs import load_glyphs

GAP_PX = 3
"""Ground around a character that belongs to it: 7.5 of the 9 to 12 mm between two."""

ROOM = (12, 10)
"""How far around its place (x and y, pixels) a character is correlated at once, so that one pass serves all looks that
follow; twice as far once one of them goes beyond."""

UNSEEN = -2.0
"""Stands where no correlation was taken: lower than any."""

Grey = NDArray[np.float32]
Values = NDArray[np.float64]
Whole = NDArray[np.int64]


class Mask(NamedTuple):
    """A character's drawing: its box in pixels, around which GAP_PX of ground belongs to it."""

    character: str
    width: int
    height: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height with the ground."""
        return self.width + 2 * GAP_PX, self.height + 2 * GAP_PX


class Correlator:
    """Finds characters in one flat grey picture. Shifts are (places, 2): x and y in pixels from as drawn."""

    def __init__(self, grey: Grey, middles: Values) -> None:
        """middles: where the characters' middles are drawn, (places, 2) x and y in pixels."""
        self._grey = grey - np.float32(128.0)  # nearer to zero, so that sums of squares keep their last digits
        self._middles = middles
        self._room = ROOM
        self._kept: tuple[object, Grey, Whole] | None = None

    def corners(self, masks: Sequence[Mask], shifts: Values) -> Whole:
        """Left and top of each mask in the picture, (places, 2)."""
        sizes = np.array([mask.size for mask in masks])
        corners: Whole = np.maximum(np.rint(self._middles + shifts - sizes / 2), 0).astype(np.int64)
        return corners

    def first(self, masks: Sequence[Mask], blur: float, reach: tuple[int, int]) -> tuple[Values, int]:
        """As best() around the places as drawn, for the ink that is more alike: 1 light on dark, -1 dark on light."""
        seen, start = self._seen(masks, blur, np.zeros_like(self._middles), reach)
        light, dark = (self._placed(masks, seen, start, reach, ink) for ink in (1, -1))
        return (light, 1) if float(light[:, 0].sum()) >= float(dark[:, 0].sum()) else (dark, -1)

    def best(self, masks: Sequence[Mask], blur: float, shifts: Values, reach: tuple[int, int], ink: int) -> Values:
        """Per place the best correlation within reach (x and y) of the shifted place, and its shift: (places, 3)."""
        seen, start = self._seen(masks, blur, shifts, reach)
        return self._placed(masks, seen, start, reach, ink)

    def near(
        self, masks: Sequence[Mask], blurs: tuple[float, ...], shifts: Values, reach: int, ink: int
    ) -> tuple[Values, Values]:
        """The best correlations within one pixel of the shifted places, and within reach, both (places, blurs)."""
        corners = self.corners(masks, shifts)
        alike = np.full((len(masks), 2 * reach + 1, 2 * reach + 1, len(blurs)), UNSEEN)
        for place, (mask, (left, top)) in enumerate(zip(masks, corners.tolist(), strict=True)):
            seen = self._windows(mask)[max(0, top - reach) : top + reach + 1, max(0, left - reach) : left + reach + 1]
            if seen.size:
                y, x = max(0, reach - top), max(0, reach - left)
                alike[place, y : y + seen.shape[0], x : x + seen.shape[1]] = ink * _likeness(seen, _units(mask, blurs))
        inner = alike[:, reach - 1 : reach + 2, reach - 1 : reach + 2]
        return np.maximum(inner.max((1, 2)), -1.0), np.maximum(alike.max((1, 2)), -1.0)

    def _seen(self, masks: Sequence[Mask], blur: float, shifts: Values, reach: tuple[int, int]) -> tuple[Grey, Whole]:
        """The correlations within reach, (places, positions), and the left and top of each place's first position."""
        start = self.corners(masks, shifts) - reach
        self._widen(masks, start, reach)
        maps, first = self._maps(masks, blur)
        columns = _inside(start[:, :1] - first[:, :1] + np.arange(2 * reach[0] + 1), maps.shape[2])
        rows = _inside(start[:, 1:] - first[:, 1:] + np.arange(2 * reach[1] + 1), maps.shape[1])
        places = np.arange(len(masks))[:, None, None]
        return maps[places, rows[:, :, None], columns[:, None, :]].reshape(len(masks), -1), start

    def _placed(self, masks: Sequence[Mask], seen: Grey, start: Whole, reach: tuple[int, int], ink: int) -> Values:
        """The best of each place with its shift."""
        alike = seen if ink > 0 else np.where(seen == UNSEEN, UNSEEN, -seen)
        at = alike.argmax(1)
        likeness = np.maximum(alike[np.arange(len(at)), at], -1.0)
        down, across = np.divmod(at, 2 * reach[0] + 1)
        found = start + np.stack([across, down], axis=1) + np.array([mask.size for mask in masks]) / 2 - self._middles
        return np.column_stack([likeness, found])

    def _widen(self, masks: Sequence[Mask], start: Whole, reach: tuple[int, int]) -> None:
        """Make room enough for looks that begin there."""
        off = np.abs(start + reach - self.corners(masks, np.zeros_like(self._middles))).max(0) + reach
        while (off > self._room).any():
            self._room = (2 * self._room[0], 2 * self._room[1])
            self._kept = None

    def _maps(self, masks: Sequence[Mask], blur: float) -> tuple[Grey, Whole]:
        """Each mask's correlation with every position in its room, framed by UNSEEN; and the frame's left and top."""
        asked = (tuple(masks), blur)
        if self._kept is None or self._kept[0] != asked:
            self._kept = (asked, *self._correlated(masks, blur))
        return self._kept[1:]

    def _correlated(self, masks: Sequence[Mask], blur: float) -> tuple[Grey, Whole]:
        height, width = self._grey.shape
        across, down = self._room
        maps = np.full((len(masks), 2 * down + 3, 2 * across + 3), UNSEEN, np.float32)
        corners = self.corners(masks, np.zeros((len(masks), 2)))
        for place, (mask, (x, y)) in enumerate(zip(masks, corners.tolist(), strict=True)):
            wide, tall = mask.size
            left, top = max(0, x - across), max(0, y - down)
            right, bottom = min(width, x + across + wide), min(height, y + down + tall)
            if right - left < wide or bottom - top < tall:
                continue
            match = cv2.matchTemplate(self._grey[top:bottom, left:right], drawn(mask, blur), cv2.TM_CCOEFF_NORMED)
            row, column = top - y + down + 1, left - x + across + 1
            maps[place, row : row + match.shape[0], column : column + match.shape[1]] = match
        return maps, corners - (across + 1, down + 1)

    def _windows(self, mask: Mask) -> Grey:
        """Every piece of the picture of a mask's size, by its top and left: a view (rows, columns, tall, wide)."""
        height, width = self._grey.shape
        wide, tall = mask.size
        return np.ndarray(
            (height - tall + 1, width - wide + 1, tall, wide), np.float32, self._grey, 0, 2 * self._grey.strides
        )


def _inside(index: Whole, size: int) -> Whole:
    return np.clip(index, 0, size - 1)


def _likeness(pieces: Grey, units: Grey) -> Grey:
    """Correlation of each piece (rows, columns, tall, wide) with each of the units, (rows, columns, units)."""
    rows, columns, tall, wide = pieces.shape
    pixels = np.ascontiguousarray(pieces).reshape(rows * columns, tall * wide)
    told = pixels @ units
    total = told[:, -1]
    spread = np.sqrt(np.maximum(np.einsum("ij,ij->i", pixels, pixels) - total * total, 1.0))
    return np.asarray((told[:, :-1] / spread[:, None]).reshape(rows, columns, -1), np.float32)


@cache
def drawn(mask: Mask, blur: float) -> Grey:
    """The character light on dark with the ground that belongs to it, as blurred as a plate of that width is."""
    glyphs = load_glyphs()
    shape = glyphs.masks[glyphs.styles_of(mask.character)[0]][mask.character]
    small = cv2.resize(np.asarray(shape, np.float32), (mask.width, mask.height), interpolation=cv2.INTER_AREA)
    framed = cv2.copyMakeBorder(small, GAP_PX, GAP_PX, GAP_PX, GAP_PX, cv2.BORDER_CONSTANT, value=(0,))
    return np.asarray(cv2.GaussianBlur(framed, (0, 0), blur), np.float32)


@cache
def _units(mask: Mask, blurs: tuple[float, ...]) -> Grey:
    """Columns of length one: the masks of these blurs without their mean, and at last what is the same everywhere."""
    masks = np.stack([drawn(mask, blur).ravel() for blur in blurs], axis=1)
    free = masks - masks.mean(0)
    columns = np.column_stack([free, np.ones(len(free))])
    return np.asarray(columns / np.maximum(np.linalg.norm(columns, axis=0), 1e-6), np.float32)
