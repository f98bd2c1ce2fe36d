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


class ThumbnailMeter:
    """controller.ports.ChangeMeter on the processor: a 64x36 thumbnail of the region, light and dark discounted."""

    def __init__(self) -> None:
        self._empty: Thumbnail | None = None
        self._last: Thumbnail | None = None
        self._sample: NDArray[np.uint8] | None = None

    def measure(self, image: Any, region: Region) -> Change:
        """Changes of one BGR uint8 image (height, width, 3) inside region; a new size or region starts anew."""
        sample = _sample(image, region)
        same = self._sample is not None and np.array_equal(self._sample, sample)
        now = _thumbnail(sample)
        if self._empty is None or self._last is None:
            self._empty, self._last = now.copy(), now
        change = Change(_share(now, self._empty), _share(now, self._last), same)
        self._last, self._sample = now, sample
        return change

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
    """Share of cells that differ once a change of the light over the whole picture is taken out."""
    gain = float(np.clip(np.median((now + DARK) / (before + DARK)), 0.4, 2.5))
    expected = (before + DARK) * gain - DARK
    return float(np.mean(np.abs(now - np.minimum(expected, 255.0)) > DIFFERENCE))
