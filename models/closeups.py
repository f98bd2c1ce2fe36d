"""Cutting a straightened close-up of a plate out of a picture, and the shape of plates."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.engines import FloatArray

Picture = NDArray[np.uint8]
Quad = NDArray[np.float32]

_NEXT = [1, 2, 3, 0]
"""The corner after each."""

_GREY_SPREAD = 5.0
"""Mean difference of a pixel's channels, in grey levels, under which a picture counts as grey."""


def fit(image: Picture, side_px: int, multiple: int) -> tuple[Picture, float, float]:
    """The picture with its longer side at side_px, padded with grey on the right and below to the multiple.

    Returns it with the scale in x and in y. Small pictures grow at most twofold.
    """
    height, width = image.shape[:2]
    scale = min(2.0, side_px / max(height, width))
    new_width, new_height = max(1, round(width * scale)), max(1, round(height * scale))
    small: Any = image
    while small.shape[0] >= 2 * new_height and small.shape[1] >= 2 * new_width:
        half = (small.shape[1] // 2, small.shape[0] // 2)
        small = cv2.resize(small, half, interpolation=cv2.INTER_AREA)
    # Less than half is left to go: averaging areas would take five times as long and finds no plate more.
    small = cv2.resize(small, (new_width, new_height), interpolation=cv2.INTER_LINEAR)
    right, below = -new_width % multiple, -new_height % multiple
    padded = cv2.copyMakeBorder(small, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(114, 114, 114))
    return np.asarray(padded, np.uint8), new_width / width, new_height / height


def is_plate_shaped(quad: Quad) -> bool:
    """Whether corners go clockwise around a convex shape, wider than high and of readable size."""
    edges = quad[_NEXT] - quad
    following = edges[_NEXT]
    turns = edges[:, 0] * following[:, 1] - edges[:, 1] * following[:, 0]
    sides = np.hypot(edges[:, 0], edges[:, 1])
    return bool(
        (turns > 0).all()
        and min(sides[0], sides[2]) > 12
        and min(sides[1], sides[3]) > 4
        and sides[0] + sides[2] > sides[1] + sides[3]
    )


def quad_size(quad: Quad) -> tuple[float, float]:
    """Mean width and mean height of a plate's corners, in pixels."""
    width = (np.linalg.norm(quad[1] - quad[0]) + np.linalg.norm(quad[2] - quad[3])) / 2
    height = (np.linalg.norm(quad[3] - quad[0]) + np.linalg.norm(quad[2] - quad[1])) / 2
    return float(width), float(height)


def is_coloured(picture: Picture) -> bool:
    """Whether a picture has colours at all; cameras at night often send grey."""
    blue, green, red = (picture[::4, ::4, channel] for channel in range(3))
    highest, lowest = np.maximum(np.maximum(blue, green), red), np.minimum(np.minimum(blue, green), red)
    return float((highest - lowest).mean()) > _GREY_SPREAD


def closeup_matrix(quad: Quad, size: tuple[int, int], margins: tuple[float, float]) -> FloatArray:
    """The affine map (2, 3) from picture to a close-up of size (width, height) that shows the quad and its margins.

    Affine, because a proposal's perspective is too uncertain to be straightened out.
    """
    width, height = size
    centre = quad.mean(0)
    # Opposite edges averaged: one corner that is off then stretches the cut by half as much.
    along = (quad[1] - quad[0] + quad[2] - quad[3]) / 2 * (1 + 2 * margins[0])
    down = (quad[3] - quad[0] + quad[2] - quad[1]) / 2 * (1 + 2 * margins[1])
    source = np.stack([centre - along / 2 - down / 2, centre + along / 2 - down / 2, centre - along / 2 + down / 2])
    # Corners lie on the edges of pixels, OpenCV counts from their middles: half a pixel between them.
    target = np.array([[0, 0], [width, 0], [0, height]], np.float32) - 0.5
    return np.asarray(cv2.getAffineTransform(source.astype(np.float32), target), np.float32)


def cut(image: Picture, matrix: FloatArray, size: tuple[int, int]) -> Picture:
    """The close-up itself; a strongly reduced one is smoothed first so that it does not alias."""
    shrink = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if shrink < 0.5:
        factor = 2.0 * shrink  # to twice the size that is wanted: the last step is then bilinear at one half at most
        low, high = _reach(image, matrix, size)
        part = np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]])
        if part.size:
            small = cv2.resize(part, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
            ratio = np.array([small.shape[1] / part.shape[1], small.shape[0] / part.shape[0]])
            linear = matrix[:, :2] / ratio
            # The map of the whole picture, told for the reduced part: back to where the part began, in its own pixels,
            # and both halves of a pixel undone, or the close-up would creep with the reduction.
            shift = matrix[:, 2] + matrix[:, :2] @ (low - 0.5) + linear @ np.array([0.5, 0.5])
            image, matrix = np.asarray(small, np.uint8), np.asarray(np.column_stack([linear, shift]), np.float32)
    return np.asarray(
        cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def _reach(image: Picture, matrix: FloatArray, size: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The box of the picture that a close-up looks at, cut to the picture, with a little room."""
    width, height = size
    outline = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = map_points(cv2.invertAffineTransform(matrix), outline)
    limit = np.array(image.shape[1::-1])
    low = np.clip(np.floor(seen.min(0)) - 4, 0, limit).astype(np.int64)
    high = np.clip(np.ceil(seen.max(0)) + 4, 0, limit).astype(np.int64)
    return low, high


def map_points(matrix: FloatArray, points: NDArray[Any]) -> Quad:
    """Points (N, 2) through an affine map (2, 3)."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float32)
