"""Hides characters of a strip: covers, poles, drops, glare, cuts; and tells how much of each can still be seen."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Rng = np.random.Generator
Boxes = NDArray[np.float32]
"""Left, top, right, bottom of each character in the strip's pixels, (characters, 4)."""

FAINT = 0.2
"""Contrast that is left, as a share of what there was, under which a character counts as gone."""

SHALLOW_SHARE = 0.7
"""How many ledges hide at most two fifths: under those most characters look like one, but not each like itself."""


def spoil(rng: Rng, strip: Floats, boxes: Boxes) -> tuple[Floats, Floats, Floats]:
    """A grey strip (height, width) with something over it, the share of each character still seen, and the cover."""
    way = WAYS[int(np.searchsorted(ODDS, rng.random(), side="right"))]
    spoilt, cover = way(rng, strip, boxes)
    return spoilt, seen_shares(strip, spoilt, cover, boxes), cover


def seen_shares(before: Floats, after: Floats, cover: Floats, boxes: Boxes) -> Floats:
    """Of each character (characters,): what is not covered, or, where that is less, how like it still looks."""
    height, width = before.shape
    edges = np.clip(np.round(boxes), 0, [width, height, width, height]).astype(int)
    whole = np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1.0)
    area = np.maximum((edges[:, 2] - edges[:, 0]) * (edges[:, 3] - edges[:, 1]), 1)
    a, b = cv2.GaussianBlur(before, (0, 0), 1.0), cv2.GaussianBlur(after, (0, 0), 1.0)
    mean_a, mean_b, mean_aa, mean_bb, mean_ab, covered = (
        _sums(values, edges) / area for values in (a, b, a * a, b * b, a * b, cover)
    )
    deviation_a = np.sqrt(np.maximum(mean_aa - mean_a**2, 0.0))
    deviation_b = np.sqrt(np.maximum(mean_bb - mean_b**2, 0.0))
    like = (mean_ab - mean_a * mean_b) / np.maximum(deviation_a * deviation_b, 1e-3)
    like[deviation_b < FAINT * deviation_a] = 0.0
    like[deviation_a < 1.0] = 1.0
    shares = np.minimum(np.minimum(area / whole, 1.0 - covered), like)
    shares[np.minimum(edges[:, 2] - edges[:, 0], edges[:, 3] - edges[:, 1]) < 3] = 0.0
    return np.asarray(np.clip(shares, 0.0, 1.0), np.float32)


def _sums(values: Floats, edges: NDArray[np.int_]) -> NDArray[np.float64]:
    """The sum of the values in each rectangle (left, top, right, bottom)."""
    table = np.asarray(cv2.integral(values, sdepth=cv2.CV_64F), np.float64)
    left, top, right, bottom = edges.T
    sums: NDArray[np.float64] = table[bottom, right] - table[top, right] - table[bottom, left] + table[top, left]
    return sums


def _texture(rng: Rng, strip: Floats) -> Floats:
    """What a cover looks like: one tone, a slope, cloth or mud, or another piece of the strip."""
    height, width = strip.shape
    choice = rng.random()
    if choice < 0.2:
        return np.asarray(np.roll(strip, int(rng.integers(8, width)), 1)[:: int(rng.choice([-1, 1]))], np.float32)
    tone = rng.uniform(5, 250) if choice < 0.8 else float(np.median(strip)) + rng.normal(0, 12)
    filled = np.full((height, width), tone, np.float32)
    if rng.random() < 0.4:
        filled += np.linspace(rng.uniform(-50, 50), rng.uniform(-50, 50), width, dtype=np.float32)[None, :]
    if rng.random() < 0.6:
        rough = rng.standard_normal((height, width), np.float32)
        rough = cv2.GaussianBlur(rough, (0, 0), rng.uniform(0.5, 4.0))
        filled += rough * np.float32(rng.uniform(4, 30) / max(float(rough.std()), 1e-3))
    return filled


def _laid(rng: Rng, strip: Floats, mask: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """The strip under a cover of this shape (255 where it lies)."""
    alpha = np.asarray(mask / 255, np.float32)
    if rng.random() < 0.7:
        alpha = np.asarray(cv2.GaussianBlur(alpha, (0, 0), rng.uniform(0.3, 1.6)), np.float32)
    alpha = np.asarray(alpha * (1.0 if rng.random() < 0.85 else rng.uniform(0.7, 1.0)), np.float32)
    return np.asarray(strip + alpha * (_texture(rng, strip) - strip), np.float32), alpha


def _end(rng: Rng, strip: Floats, boxes: Boxes) -> tuple[Floats, Floats]:
    """A sleeve, a post or another vehicle over one end, the first character's most of all."""
    height, width = strip.shape
    mask = np.zeros((height, width), np.uint8)
    lean = rng.normal(0, 3) if rng.random() < 0.6 else rng.normal(0, 8)
    if rng.random() < 0.65:
        box = boxes[0] if rng.random() < 0.75 else boxes[min(1, len(boxes) - 1)]
        x = box[0] + rng.uniform(0.1, 1.2) * (box[2] - box[0])
        points = [[-99, -1], [x + lean, -1], [x - lean, height], [-99, height]]
    else:
        box = boxes[-1] if rng.random() < 0.7 else boxes[max(len(boxes) - 2, 0)]
        x = box[2] - rng.uniform(0.1, 1.2) * (box[2] - box[0])
        points = [[x + lean, -1], [width + 99, -1], [width + 99, height], [x - lean, height]]
    cv2.fillPoly(mask, [np.asarray(points).round().astype(np.int32)], 255)
    return _laid(rng, strip, mask)


def _pole(rng: Rng, strip: Floats, boxes: Boxes) -> tuple[Floats, Floats]:
    """A pole, a nozzle's hose or a chain across, over the first character in half of the cases."""
    height, width = strip.shape
    box = boxes[0] if rng.random() < 0.5 else boxes[int(rng.integers(len(boxes)))]
    x, lean = rng.uniform(box[0] - 2, box[2] + 2), rng.normal(0, 6 if rng.random() < 0.8 else 30)
    wide = rng.uniform(2, 9) if rng.random() < 0.55 else rng.uniform(4, 26)
    mask = np.zeros((height, width), np.uint8)
    quad = [[x + lean - wide / 2, -1], [x + lean + wide / 2, -1], [x - lean + wide / 2, height]]
    quad.append([x - lean - wide / 2, height])
    cv2.fillPoly(mask, [np.asarray(quad).round().astype(np.int32)], 255)
    return _laid(rng, strip, mask)


def _ledge(rng: Rng, strip: Floats, boxes: Boxes) -> tuple[Floats, Floats]:
    """A bumper, a tow bar or a frame over the upper or the lower part, all along or for some characters."""
    height, width = strip.shape
    top, bottom = float(np.median(boxes[:, 1])), float(np.median(boxes[:, 3]))
    deep = (rng.uniform(0.0, 0.4) if rng.random() < SHALLOW_SHARE else rng.uniform(0.1, 0.9)) * (bottom - top)
    x0, x1 = (0, width) if rng.random() < 0.6 else sorted(rng.uniform(-30, width + 30, 2))
    mask = np.zeros((height, width), np.uint8)
    low, high = (-1, top + deep) if rng.random() < 0.5 else (bottom - deep, height)
    tilt = rng.normal(0, 2)
    quad = [[x0, low - tilt], [x1, low + tilt], [x1, high + tilt], [x0, high - tilt]]
    cv2.fillPoly(mask, [np.asarray(quad).round().astype(np.int32)], 255)
    return _laid(rng, strip, mask)


def _blobs(rng: Rng, strip: Floats, boxes: Boxes) -> tuple[Floats, Floats]:
    """Leaves, mud, stickers, fingers on a few characters."""
    height, width = strip.shape
    mask = np.zeros((height, width), np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        box = boxes[0] if rng.random() < 0.35 else boxes[int(rng.integers(len(boxes)))]
        middle = (int(rng.uniform(box[0], box[2])), int(rng.uniform(box[1], box[3])))
        size = (int(rng.uniform(3, 16)), int(rng.uniform(3, 18)))
        if rng.random() < 0.3:
            corner = (middle[0] - size[0], middle[1] - size[1])
            cv2.rectangle(mask, corner, (middle[0] + size[0], middle[1] + size[1]), 255, -1)
        else:
            cv2.ellipse(mask, middle, size, float(rng.uniform(0, 180)), 0, 360, 255, -1)
    return _laid(rng, strip, mask)


def _drops(rng: Rng, strip: Floats, boxes: Boxes) -> tuple[Floats, Floats]:
    """Rain on the lens: round pieces in which everything is blurred and a little lighter, or moved."""
    height, width = strip.shape
    mask = np.zeros((height, width), np.uint8)
    for _ in range(int(rng.integers(2, 14))):
        cv2.circle(mask, (int(rng.uniform(0, width)), int(rng.uniform(0, height))), int(rng.uniform(3, 15)), 255, -1)
    alpha = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), rng.uniform(0.6, 1.6))
    blurred = cv2.GaussianBlur(strip, (0, 0), rng.uniform(2.5, 10)) * np.float32(rng.uniform(0.9, 1.25)) + 12
    if rng.random() < 0.25:
        blurred = np.roll(blurred[::-1], int(rng.integers(-9, 9)), 1)
    return np.asarray(strip + alpha * (blurred - strip), np.float32), np.zeros_like(strip)


def _glare(rng: Rng, strip: Floats, boxes: Boxes) -> tuple[Floats, Floats]:
    """Light so strong that strokes drown in it."""
    height, width = strip.shape
    box = boxes[int(rng.integers(len(boxes)))]
    cx, cy = rng.uniform(box[0] - 10, box[2] + 10), rng.uniform(-0.3 * height, 1.3 * height)
    x = (np.arange(width, dtype=np.float32)[None, :] - cx) / rng.uniform(10, 60)
    y = (np.arange(height, dtype=np.float32)[:, None] - cy) / rng.uniform(8, 40)
    lit = strip + np.exp(-(x * x + y * y)) * rng.uniform(120, 520)
    return np.asarray(np.clip(lit, 0, 255), np.float32), np.zeros_like(strip)


def _cut(rng: Rng, strip: Floats, boxes: Boxes) -> tuple[Floats, Floats]:
    """The picture's edge runs through the plate, its last pixels repeated outwards, or black beyond."""
    height, width = strip.shape
    cover = np.zeros((height, width), np.float32)
    cut = strip.copy()
    fill = rng.random() < 0.8
    if rng.random() < 0.55:
        box = boxes[0] if rng.random() < 0.7 else boxes[min(1, len(boxes) - 1)]
        x = int(np.clip(box[0] + rng.uniform(0.1, 1.2) * (box[2] - box[0]), 1, width - 2))
        cut[:, :x] = cut[:, x : x + 1] if fill else rng.uniform(0, 60)
        cover[:, :x] = 1
    else:
        box = boxes[-1] if rng.random() < 0.7 else boxes[max(len(boxes) - 2, 0)]
        x = int(np.clip(box[2] - rng.uniform(0.1, 1.2) * (box[2] - box[0]), 1, width - 2))
        cut[:, x:] = cut[:, x - 1 : x] if fill else rng.uniform(0, 60)
        cover[:, x:] = 1
    return cut, cover


def _smear(rng: Rng, strip: Floats, boxes: Boxes) -> tuple[Floats, Floats]:
    """One or two characters worn, painted over or out of focus."""
    height, width = strip.shape
    alpha = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(1, 3))):
        left, _, right, _ = boxes[0] if rng.random() < 0.4 else boxes[int(rng.integers(len(boxes)))]
        x0, x1 = int(max(left - rng.uniform(0, 4), 0)), int(max(right + rng.uniform(0, 4), 1))
        alpha[:, x0:x1] = 1
    alpha = cv2.GaussianBlur(alpha, (0, 0), rng.uniform(0.5, 2.0))
    soft = cv2.GaussianBlur(strip, (0, 0), rng.uniform(1.5, 9.0))
    return np.asarray(strip + alpha * (soft - strip), np.float32), np.zeros_like(strip)


Way = Callable[[Rng, Floats, Boxes], tuple[Floats, Floats]]
WAYS: tuple[Way, ...] = (_end, _pole, _ledge, _blobs, _drops, _glare, _cut, _smear)
ODDS = np.cumsum([0.21, 0.26, 0.1, 0.12, 0.1, 0.06, 0.1, 0.05]) + 1e-9
