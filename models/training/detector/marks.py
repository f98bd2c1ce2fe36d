"""Marks burnt into training pictures: thin boxes and captions around plates and around nothing, clocks, names."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from models.training.data.scenes import Picture, Quad

Rng = np.random.Generator

SHARE = 0.3
"""Of the training pictures, those that carry marks."""

_LINES = ((255, 0, 0), (0, 0, 255), (0, 255, 0), (0, 255, 255), (255, 255, 255), (255, 0, 255), (0, 0, 0))


def burn(rng: Rng, image: Picture, plates: Sequence[Quad], lettering: Sequence[Picture]) -> None:
    """Draw marks in place: boxes around some plates and around nothing, captions on them, lettering in a corner."""
    height, width = image.shape[:2]
    colour = _LINES[int(rng.integers(len(_LINES)))]
    with_caption = rng.random() < 0.7
    for quad in plates:
        if rng.random() < 0.7:
            _mark(rng, image, quad.min(0), quad.max(0), colour, lettering if with_caption else ())
    for _ in range(int(rng.integers(0, 3))):
        size = np.array([rng.uniform(10, 110), 0.0])
        size[1] = size[0] * rng.uniform(0.25, 0.9)
        low = rng.uniform(0, 1, 2) * (width, height) - size / 2
        if not any(bool((quad.max(0) > low - 4).all() and (quad.min(0) < low + size + 4).all()) for quad in plates):
            _mark(
                rng,
                image,
                low.astype(np.float32),
                (low + size).astype(np.float32),
                colour,
                lettering if with_caption else (),
            )
    if rng.random() < 0.3:
        _write(rng, image, (rng.uniform(0, 0.6) * width, float(rng.choice((2, height - 12)))), 9.0, lettering)


def _mark(
    rng: Rng, image: Picture, low: Quad, high: Quad, colour: tuple[int, int, int], lettering: Sequence[Picture]
) -> None:
    room = rng.uniform(-0.02, 0.2) * (high[1] - low[1])
    start = (round(float(low[0] - room)), round(float(low[1] - room)))
    end = (round(float(high[0] + room)), round(float(high[1] + room)))
    shade = rng.uniform(0.2, 0.9)  # a line of a large picture is less than a pixel wide in the network's
    overlay = image.copy() if shade < 0.8 else image
    cv2.rectangle(overlay, start, end, colour, 1 if rng.random() < 0.85 else 2)
    if overlay is not image:
        image[:] = cv2.addWeighted(overlay, shade, image, 1 - shade, 0)
    if lettering and rng.random() < 0.85:
        size = float(rng.uniform(5, 13))
        _write(rng, image, (start[0], start[1] - size - rng.uniform(0, 3)), size, lettering)


def _write(rng: Rng, image: Picture, at: tuple[float, float], size_px: float, lettering: Sequence[Picture]) -> None:
    """Lettering so high at a place, on a board or straight on the picture."""
    mask = lettering[int(rng.integers(len(lettering)))]
    scale = size_px / mask.shape[0]
    small = cv2.resize(
        mask, (max(4, round(mask.shape[1] * scale)), max(4, round(size_px))), interpolation=cv2.INTER_AREA
    )
    x, y = max(0, round(at[0])), max(0, round(at[1]))
    view = image[y : y + small.shape[0], x : x + small.shape[1]]
    weight = small[: view.shape[0], : view.shape[1], None].astype(np.float32) / 255.0
    dark = rng.random() < 0.6
    if dark:
        view[:] = 245
    ink = np.array((10, 10, 10) if dark else _LINES[int(rng.integers(6))], np.float32)
    view[:] = (view + weight * (ink - view)).astype(np.uint8)
