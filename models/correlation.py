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

SPARE_PX = 4
"""How much further characters are correlated than is asked for, so that one pass serves the looks that follow."""

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


class _Maps(NamedTuple):
    """What masks and blur were correlated, the left and top of each place's first position, (places, rows, columns)."""

    asked: tuple[tuple[Mask, ...], float]
    first: Whole
    maps: Grey

    def hold(self, start: Whole, reach: tuple[int, int]) -> bool:
        """Whether a look of that reach which starts there finds everything."""
        room = (self.maps.shape[2] - 2 * reach[0] - 1, self.maps.shape[1] - 2 * reach[1] - 1)
        off = start - self.first
        return bool((off >= 0).all() and (off <= room).all())


class Correlator:
    """Finds characters in one flat grey picture. Shifts are (places, 2): x and y in pixels from as drawn."""

    def __init__(self, grey: Grey, middles: Values) -> None:
        """middles: where the characters' middles are drawn, (places, 2) x and y in pixels."""
        self._grey = grey - np.float32(128.0)  # nearer to zero, so that sums of squares keep their last digits
        self._middles = middles
        self._kept: _Maps | None = None
        self._measured: tuple[Sequence[Mask], Whole] = ((), np.zeros((0, 2), np.int64))

    def corners(self, masks: Sequence[Mask], shifts: Values) -> Whole:
        """Left and top of each mask in the picture, (places, 2)."""
        corners: Whole = np.maximum(np.rint(self._middles + shifts - self._sizes(masks) / 2), 0).astype(np.int64)
        return corners

    def _sizes(self, masks: Sequence[Mask]) -> Whole:
        """Width and height of each mask with its ground, (places, 2), kept until other masks are asked for."""
        if self._measured[0] is not masks:
            self._measured = (masks, np.array([mask.size for mask in masks]))
        return self._measured[1]

    def first(self, masks: Sequence[Mask], blur: float, reach: tuple[int, int]) -> tuple[Values, int]:
        """As best() around the places as drawn, for the ink that is more alike: 1 light on dark, -1 dark on light."""
        seen, start = self._seen(masks, blur, np.zeros_like(self._middles), reach)
        light, dark = (np.maximum(_alike_in(seen, ink).max(1), -1.0).sum(dtype=np.float64) for ink in (1, -1))
        ink = 1 if light >= dark else -1
        return self._placed(masks, seen, start, reach, ink), ink

    def best(self, masks: Sequence[Mask], blur: float, shifts: Values, reach: tuple[int, int], ink: int) -> Values:
        """Per place the best correlation within reach (x and y) of the shifted place, and its shift: (places, 3)."""
        seen, start = self._seen(masks, blur, shifts, reach)
        return self._placed(masks, seen, start, reach, ink)

    def near(
        self, masks: Sequence[Mask], blurs: tuple[float, ...], shifts: Values, reach: int, ink: int
    ) -> tuple[Values, Values]:
        """The best correlations within one pixel of the shifted places, and within reach, both (places, blurs)."""
        corners = self.corners(masks, shifts)
        alike = np.empty((len(masks), 2 * reach + 1, 2 * reach + 1, len(blurs)), np.float32)
        for size in dict.fromkeys(mask.size for mask in masks):
            places = [place for place, mask in enumerate(masks) if mask.size == size]
            units = np.stack([_units(masks[place], blurs) for place in places])
            alike[places] = self._alike(size, corners[places], units, reach, ink)
        inner = alike[:, reach - 1 : reach + 2, reach - 1 : reach + 2]
        return np.maximum(inner.max((1, 2)), -1.0), np.maximum(alike.max((1, 2)), -1.0)

    def _seen(self, masks: Sequence[Mask], blur: float, shifts: Values, reach: tuple[int, int]) -> tuple[Grey, Whole]:
        """The correlations within reach, (places, positions), and the left and top of each place's first position."""
        start = self.corners(masks, shifts) - reach
        asked = (tuple(masks), blur)
        if self._kept is None or self._kept.asked != asked or not self._kept.hold(start, reach):
            first = start - SPARE_PX
            self._kept = _Maps(asked, first, self._correlated(masks, blur, first, reach))
        across, down = (start - self._kept.first).T
        columns = across[:, None, None] + np.arange(2 * reach[0] + 1)
        rows = down[:, None, None] + np.arange(2 * reach[1] + 1)[:, None]
        places = np.arange(len(masks))[:, None, None]
        return self._kept.maps[places, rows, columns].reshape(len(masks), -1), start

    def _placed(self, masks: Sequence[Mask], seen: Grey, start: Whole, reach: tuple[int, int], ink: int) -> Values:
        """The best of each place with its shift."""
        alike = _alike_in(seen, ink)
        at = alike.argmax(1)
        likeness = np.maximum(alike[np.arange(len(at)), at], -1.0)
        down, across = np.divmod(at, 2 * reach[0] + 1)
        found = start + np.stack([across, down], axis=1) + self._sizes(masks) / 2 - self._middles
        return np.column_stack([likeness, found])

    def _correlated(self, masks: Sequence[Mask], blur: float, first: Whole, reach: tuple[int, int]) -> Grey:
        """Each mask's correlation with every position from `first` (left and top) on, (places, rows, columns)."""
        columns, rows = (2 * (by + SPARE_PX) + 1 for by in reach)
        maps = np.full((len(masks), rows, columns), UNSEEN, np.float32)
        for place, (mask, (x, y)) in enumerate(zip(masks, first.tolist(), strict=True)):
            wide, tall = mask.size
            left, top = max(0, x), max(0, y)
            window = self._grey[top : max(0, y + rows - 1 + tall), left : max(0, x + columns - 1 + wide)]
            if window.shape[0] >= tall and window.shape[1] >= wide:
                match = cv2.matchTemplate(window, drawn(mask, blur), cv2.TM_CCOEFF_NORMED)
                maps[place, top - y :, left - x :][: match.shape[0], : match.shape[1]] = match
        return maps

    def _alike(self, size: tuple[int, int], corners: Whole, units: Grey, reach: int, ink: int) -> Grey:
        """Correlation of the pieces of one size around corners (places, 2) with units, (places, rows, columns, blurs).

        units: of each place, (places, blurs and one that is the same everywhere, pixels). UNSEEN beyond the picture.
        """
        windows = self._windows(size)
        around = np.arange(-reach, reach + 1)
        columns, rows = corners[:, :1] + around, corners[:, 1:] + around
        last = np.array(windows.shape[1::-1]) - 1
        whole = bool((corners >= reach).all() and (corners + reach <= last).all())
        y, x = (rows, columns) if whole else (rows.clip(0, last[1]), columns.clip(0, last[0]))
        # all places at once: copying one place's pieces after the other takes longer
        pixels = windows[y[:, :, None], x[:, None]].reshape(len(corners), len(around) ** 2, -1)
        told = units @ pixels.transpose(0, 2, 1)
        total = told[:, -1]
        spread = np.sqrt(np.maximum(np.einsum("ijk,ijk->ij", pixels, pixels) - total * total, 1.0))
        alike = (told[:, :-1] / (ink * spread[:, None])).reshape(len(corners), -1, len(around), len(around))
        if not whole:
            inside = (y == rows)[:, :, None] & (x == columns)[:, None]
            alike = np.where(inside[:, None], alike, np.float32(UNSEEN))
        return np.asarray(alike.transpose(0, 2, 3, 1))

    def _windows(self, size: tuple[int, int]) -> Grey:
        """Every piece of the picture of a mask's size, by its top and left: a view (rows, columns, tall, wide)."""
        height, width = self._grey.shape
        wide, tall = size
        return np.ndarray(
            (height - tall + 1, width - wide + 1, tall, wide), np.float32, self._grey, 0, 2 * self._grey.strides
        )


def _alike_in(seen: Grey, ink: int) -> Grey:
    """Correlations with characters in that ink."""
    return seen if ink > 0 else np.where(seen == UNSEEN, np.float32(UNSEEN), -seen)


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
    """Rows of length one: the masks of these blurs without their mean, and at last what is the same everywhere."""
    masks = np.stack([drawn(mask, blur).ravel() for blur in blurs])
    free = masks - masks.mean(1, keepdims=True)
    rows = np.vstack([free, np.ones(free.shape[1])])
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6), np.float32)
