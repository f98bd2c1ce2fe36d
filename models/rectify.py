"""Four plate corners in a picture become one upright strip for the recogniser, two-row plates laid side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Matrix = NDArray[np.float64]
Corners = Sequence[Sequence[float]] | NDArray[np.float32]

STRIP_WIDTH, STRIP_HEIGHT = 128, 32
_WORKING_HEIGHT_PX = 48.0


@dataclass(frozen=True)
class Band:
    """A rectangle of the flat plate (shares of its width and height) and the strip columns [start, stop) it fills."""

    left: float
    top: float
    right: float
    bottom: float
    start: int
    stop: int


ONE_ROW = (Band(0.0, 0.0, 1.0, 1.0, 0, STRIP_WIDTH),)
TWO_ROW = (
    Band(70 / 440, 6 / 220, 370 / 440, 84 / 220, 0, 40),
    Band(0.0, 82 / 220, 1.0, 210 / 220, 40, STRIP_WIDTH),
)
"""GA 36, plates of 440x220 mm: upper characters at 15 to 75 mm between 110 and 330 mm, lower ones at 90 to 200 mm; some
margin for corners that are slightly off. Upper ones come out 11 columns wide, lower ones 13, as on one-row plates."""


def bands_of(rows: int) -> tuple[Band, ...]:
    """The bands of a plate of 1 or 2 rows. Raises ValueError for any other number."""
    if rows not in (1, 2):
        raise ValueError(f"a plate has 1 or 2 rows, not {rows}")
    return ONE_ROW if rows == 1 else TWO_ROW


def rectify(image: Image, corners: Corners, rows: int) -> Image:
    """Cut one plate out: BGR uint8 strip (32, 128, 3).

    image: BGR uint8 (height, width, 3). corners: (4, 2) pixels, clockwise from the plate's top left; they may lie
    outside the image (edge pixels are repeated). rows: 1 or 2. Raises ValueError for corners that span no area.
    """
    return cut_bands(image, corners, rows, bands_of(rows), STRIP_HEIGHT)


def cut_bands(image: Image, corners: Corners, rows: int, bands: tuple[Band, ...], height: int) -> Image:
    """As rectify(), with bands and a height of the caller's own: (height, columns of the bands, 3)."""
    return warp_bands(*_shrunk(image, _checked(corners), rows), bands, height)


def flatten(image: Image, corners: Corners, rows: int, size: tuple[int, int], border: int) -> Image:
    """The plate as if seen from straight ahead, of size (width, height) pixels, with a border of its surroundings.

    Arguments and errors as for rectify().
    """
    points = _checked(corners)
    small, points = _shrunk(image, points, rows)
    width, height = size
    flat = np.asarray([[0, 0], [width, 0], [width, height], [0, height]], np.float32) + border - 0.5
    matrix = cv2.getPerspectiveTransform(points, flat.astype(np.float32))
    whole = (width + 2 * border, height + 2 * border)
    return np.asarray(cv2.warpPerspective(small, matrix, whole, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _checked(corners: Corners) -> NDArray[np.float32]:
    points = np.asarray(corners, np.float32).reshape(4, 2)
    if not np.isfinite(points).all() or abs(cv2.contourArea(points)) < 1.0:
        raise ValueError("the corners span no area")
    return points


def warp_bands(
    image: Image, corners: NDArray[np.float32], bands: tuple[Band, ...], height: int = STRIP_HEIGHT
) -> Image:
    """Map each band of the plate with these corners onto its columns of a fresh strip, `height` pixels high."""
    strip = np.empty((height, bands[-1].stop, 3), np.uint8)
    for band in bands:
        matrix = band_matrix(corners, band, height)
        size = (band.stop - band.start, height)
        strip[:, band.start : band.stop] = cv2.warpPerspective(
            image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    return strip


def band_matrix(corners: NDArray[np.float32], band: Band, height: int = STRIP_HEIGHT) -> Matrix:
    """The homography (3, 3) from image pixels to pixels of the band's own piece of strip."""
    unit = np.asarray([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    to_plate = cv2.getPerspectiveTransform(corners, unit)
    scale_x = (band.stop - band.start) / (band.right - band.left)
    scale_y = height / (band.bottom - band.top)
    place = np.asarray(
        [[scale_x, 0, -band.left * scale_x - 0.5], [0, scale_y, -band.top * scale_y - 0.5], [0, 0, 1]], np.float64
    )
    return np.asarray(place @ to_plate, np.float64)


def _shrunk(image: Image, corners: NDArray[np.float32], rows: int) -> tuple[Image, NDArray[np.float32]]:
    """The plate's surroundings, made smaller by area averaging where it is much larger than the strip."""
    height, width = image.shape[:2]
    right, left = np.linalg.norm(corners[[1, 3]] - corners[[2, 0]], axis=1).tolist()
    factor = _WORKING_HEIGHT_PX * rows / max(right, left, 1.0)
    if factor > 0.7:
        return image, corners
    low = np.clip(np.floor(corners.min(0)) - 4, 0, [width - 1, height - 1]).astype(int)
    high = np.clip(np.ceil(corners.max(0)) + 4, low + 1, [width, height]).astype(int)
    cut = image[low[1] : high[1], low[0] : high[0]]
    size = (max(round(cut.shape[1] * factor), 1), max(round(cut.shape[0] * factor), 1))
    scale = np.asarray([size[0] / cut.shape[1], size[1] / cut.shape[0]], np.float32)
    small = np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.uint8)
    moved = (corners + 0.5 - low.astype(np.float32)) * scale - 0.5
    return small, moved.astype(np.float32)
