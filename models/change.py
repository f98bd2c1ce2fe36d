"""How much a lane's picture differs from the empty lane and from the picture before, on a small grey thumbnail."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from controller.records import Change, Region

Thumbnail = NDArray[np.float32]

WIDTH, HEIGHT = 64, 36
STRIDE = 4
"""Every fourth pixel of the green channel is enough for cells of 20 px: 0.1 ms a frame at 1280x720 instead of 0.5."""

DIFFERENCE = 14.0
"""Grey levels by which a cell must differ; the noise of a cell's mean is below 2 even at night."""

DARK = 8.0
"""Added before light is compared by ratio, so that black cells do not divide by nothing."""


TILES = (20, 12)
"""Columns and rows of tiles in which noise is looked for: a clock drawn into the picture covers a few of them."""

DECODER_GREY = (122.0, 136.0)
"""A decoder without a keyframe shows Y = U = V = 128: 128 or 130 in BGR."""

FLAT = 1.5
SMEARED_ROWS = 0.3
"""From this share of identical rows at the bottom on, a slice was lost and the decoder repeated its first row."""

STRUCTURE = 6.0
"""Grey levels by which a row's cells have to spread before rows that are alike mean anything."""


ROW_AGREES, MOST_BAND = 0.25, 1.9
"""A row's light changed as one when eight in ten of its cells agree so well; flicker makes no more than this of it."""


MOVED_CELLS, SAME_SCENE = 0.8, 0.1
"""A camera was moved when the same scene's edges lie this many cells elsewhere, with this share of phase agreement."""


class ThumbnailChangeMeter:
    """controller.ports.ChangeMeter on the processor: a 64x36 thumbnail of the region, light and dark discounted."""

    def __init__(self) -> None:
        self._empty: Thumbnail | None = None
        self._last: Thumbnail | None = None
        self._sample: NDArray[np.uint8] | None = None

    def measure(self, image: Any, region: Region) -> Change:
        """Changes of one BGR uint8 image (height, width, 3) inside region; a new size or region starts anew."""
        sample = _sample(image, region)
        now = _thumbnail(sample)
        if self._empty is None or self._last is None:
            self._empty, self._last = now.copy(), now
        noise = 1.0 if self._sample is None else _noise(sample, self._sample)
        same = noise == 0.0
        blank = _is_smeared(now) or _is_decoder_grey(now, image, region)
        presence, motion = _share(now, self._empty), _share(now, self._last)
        change = Change(presence, motion, same, noise, float(now.mean()), blank)
        self._last, self._sample = now, sample
        return change

    def shift(self) -> tuple[float, float] | None:
        """How far the last picture shows the empty lane moved, in shares of its width and height; None for no move."""
        if self._empty is None or self._last is None:
            return None
        window = cv2.createHanningWindow((WIDTH, HEIGHT), cv2.CV_32F)
        (right, down), response = cv2.phaseCorrelate(_edges(self._empty), _edges(self._last), window)
        moved = max(abs(right), abs(down)) >= MOVED_CELLS and response >= SAME_SCENE
        return (right / WIDTH, down / HEIGHT) if moved else None

    def learn(self, rate: float) -> None:
        if self._empty is None or self._last is None or rate <= 0.0:
            return
        self._empty += np.float32(min(rate, 1.0)) * (self._last - self._empty)


def _sample(image: Any, region: Region) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    top, bottom = int(region.top * height), max(int(region.bottom * height), int(region.top * height) + 1)
    left, right = int(region.left * width), max(int(region.right * width), int(region.left * width) + 1)
    stride = max(1, min(STRIDE, (right - left) // WIDTH, (bottom - top) // HEIGHT))
    return np.ascontiguousarray(image[top:bottom:stride, left:right:stride, 1])


def _thumbnail(sample: NDArray[np.uint8]) -> Thumbnail:
    return np.asarray(cv2.resize(sample, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _share(now: Thumbnail, before: Thumbnail) -> float:
    """Share of cells that differ once a change of the light over the whole picture, or along its rows, is taken out."""
    ratio = (now + DARK) / (before + DARK)
    expected = (before + DARK) * _gain(ratio) - DARK
    return float(np.mean(np.abs(now - np.minimum(expected, 255.0)) > DIFFERENCE))


def _gain(ratio: Thumbnail) -> Thumbnail:
    """The light's change: that of the whole picture, and of a row of its own where all of the row agrees.

    Lamps that flicker draw bands along the rows of a rolling shutter.
    """
    whole = float(np.clip(np.median(ratio), 0.4, 2.5))
    ordered = np.sort(ratio, axis=1)
    low, middle, high = (ordered[:, at : at + 1] for at in (WIDTH // 10, WIDTH // 2, WIDTH - 1 - WIDTH // 10))
    agrees = high - low < ROW_AGREES * middle
    return np.asarray(np.where(agrees, np.clip(middle, whole / MOST_BAND, whole * MOST_BAND), whole), np.float32)


def _noise(now: NDArray[np.uint8], before: NDArray[np.uint8]) -> float:
    """The share of tiles that differ at all."""
    if now.shape != before.shape:
        return 1.0
    differs = (now != before).astype(np.float32)
    tiles = cv2.resize(differs, TILES, interpolation=cv2.INTER_AREA)
    return int(np.count_nonzero(tiles)) / int(tiles.size)


def _is_smeared(now: Thumbnail) -> bool:
    alike = np.abs(np.diff(now, axis=0)).max(axis=1) < FLAT
    different = np.flatnonzero(~alike)
    repeated = len(alike) - (int(different[-1]) + 1 if different.size else 0)
    return repeated >= SMEARED_ROWS * HEIGHT and float(now[-1].std()) > STRUCTURE


def _is_decoder_grey(now: Thumbnail, image: Any, region: Region) -> bool:
    low, high = DECODER_GREY
    if not low <= float(now.mean()) <= high or float(now.std()) > FLAT:
        return False
    height, width = image.shape[:2]
    part = image[int(region.top * height) : int(region.bottom * height) : 16]
    colours = part[:, int(region.left * width) : int(region.right * width) : 16].reshape(-1, 3).mean(axis=0)
    return bool(colours.max() - colours.min() <= 3.0)


def _edges(thumbnail: Thumbnail) -> Thumbnail:
    """What of a scene is there by any light."""
    across, down = (cv2.Sobel(np.log(thumbnail + DARK), cv2.CV_32F, *step) for step in ((1, 0), (0, 1)))
    return np.asarray(cv2.magnitude(across, down), np.float32)
