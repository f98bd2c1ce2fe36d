"""A labelling tool's outline around a drawn plate: a coloured line at its edge, often with dots on the corners."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Quad = NDArray[np.float32]

SHARE = 0.08
"""Of the drawn plates, those that carry an outline."""

_LINES = ((255, 30, 0), (0, 0, 255), (0, 255, 0), (0, 255, 255), (255, 255, 0), (255, 0, 255))


def outlined(rng: np.random.Generator, image: Image, corners: Quad) -> Image:
    """The picture (BGR) with an outline, upright or along the plate's edges, that touches the plate or almost so."""
    height = float(np.linalg.norm(corners[3] - corners[0]))
    middle = corners.mean(0)
    quad = corners + np.sign(corners - middle) * rng.uniform(-0.03, 0.1, (1, 2)) * height
    quad = quad + rng.normal(0, 0.04 * height, (4, 2))
    line = max(1, round(rng.uniform(0.03, 0.14) * height))
    points = np.round(quad).astype(np.int32)
    colour = _LINES[int(rng.integers(len(_LINES)))]
    marked = image.copy()
    cv2.polylines(marked, [points], True, colour, line, cv2.LINE_AA)
    if rng.random() < 0.6:
        for x, y in points.tolist():
            dot = tuple(float(tone) for tone in rng.integers(0, 256, 3))
            cv2.circle(marked, (x, y), round(rng.uniform(0.06, 0.18) * height), dot, -1, cv2.LINE_AA)
    return marked
