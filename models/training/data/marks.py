"""Paints over what a labelling tool drew into a street frame: a thin box, dots at its corners, a caption on top."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Box = tuple[float, float, float, float]

LINE_PX = 7
"""What a drawn line and its halo of compression cover."""

DOT_PX = 7
CAPTION_PX = (-3, -27, 163, 0)
"""Where the caption stands from a box's top left corner: left, top, right, bottom. It has one size on all boxes."""

_INPAINT_RADIUS_PX = 3


def painted_over(image: Picture, boxes: Iterable[Box]) -> Picture:
    """The picture without the marks at these boxes (left, top, right, bottom in pixels).

    A caption becomes a mirror of what is above it, so that no smear betrays a plate; lines are filled from both sides.
    """
    clean = image.copy()
    every = [(round(x0), round(y0), round(x1), round(y1)) for x0, y0, x1, y1 in boxes]
    for left, top, _, _ in every:
        _mirror(clean, left, top)
    for box in every:
        _fill_lines(clean, box)
    return clean


def _mirror(image: Picture, left: int, top: int) -> None:
    height, width = image.shape[:2]
    x0, x1 = max(0, left + CAPTION_PX[0]), min(width, left + CAPTION_PX[2])
    y0, y1 = max(0, top + CAPTION_PX[1]), min(height, top + CAPTION_PX[3])
    if x1 > x0 and y1 > y0 > 0:
        image[y0:y1, x0:x1] = image[np.abs(2 * y0 - 1 - np.arange(y0, y1)), x0:x1]


def _fill_lines(image: Picture, box: tuple[int, int, int, int]) -> None:
    x0, y0, x1, y1 = box
    pad = LINE_PX + DOT_PX
    left, top = max(0, x0 - pad), max(0, y0 - pad)
    part = np.ascontiguousarray(image[top : y1 + pad, left : x1 + pad])
    if not part.size:
        return
    mask = np.zeros(part.shape[:2], np.uint8)
    corners = [(x - left, y - top) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
    cv2.rectangle(mask, corners[0], corners[2], 255, LINE_PX)
    for corner in corners:
        cv2.circle(mask, corner, DOT_PX, 255, -1)
    image[top : y1 + pad, left : x1 + pad] = cv2.inpaint(part, mask, _INPAINT_RADIUS_PX, cv2.INPAINT_TELEA)
