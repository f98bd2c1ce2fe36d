"""Things laid over a plate in a real picture: bumpers, chains, poles, mud; and shadows, which hide nothing."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Quad = NDArray[np.float32]
Floats = NDArray[np.float32]
Rng = np.random.Generator
Shape = Callable[[Rng], list[Floats]]
"""Outlines in shares of the plate: (0, 0) its top left, (1, 1) its bottom right."""

PITCH = 1 / 7.5
"""Width of one character with its gap, as a share of a plate's."""

ELSEWHERE_SHARE = 0.25
"""How many things have a surface taken from elsewhere in the picture."""

COLOURS = (3.0, 18.0, 60.0)
"""How far a thing's tone is from grey, in levels: as bodies of vehicles are, as wood and rust, as tape and stickers."""

SHEER_SHARE, SHEER = 0.12, (0.75, 1.0)
"""How many things let some of the character through, and how much of it they hide."""


def covered(rng: Rng, image: Image, quad: Quad) -> tuple[Image, Image]:
    """The picture with something over the plate that has these corners, and where it lies, 0 to 255 (height, width)."""
    shape = SHAPES[int(np.searchsorted(ODDS, rng.random(), side="right"))]
    mask = _outlined(image, quad, shape(rng))
    soft = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.3, 1.4)) if rng.random() < 0.8 else mask
    sheer = rng.uniform(*SHEER) if rng.random() < SHEER_SHARE else 1.0
    share = (soft.astype(np.float32) / 255 * np.float32(sheer))[..., None]
    filled = _texture(rng, image, quad)
    return np.clip(image + share * (filled - image), 0, 255).astype(np.uint8), mask


def shaded(rng: Rng, image: Image, quad: Quad) -> Image:
    """The picture with a shadow whose edge runs across the plate: all of it can still be seen."""
    if rng.random() < 0.5:
        edge, lean = rng.uniform(-0.2, 1.2), rng.normal(0, 0.3)
        outline = [[edge + lean, -9], [edge - lean, 9], [-9, 9], [-9, -9]]
    else:
        edge, lean = rng.uniform(-0.2, 1.2), rng.normal(0, 0.2)
        outline = [[-9, edge - 9 * lean], [9, edge + 9 * lean], [9, -9], [-9, -9]]
    mask = cv2.GaussianBlur(_outlined(image, quad, [np.asarray(outline, np.float32)]), (0, 0), rng.uniform(0.5, 3))
    dark = 1 - (mask.astype(np.float32) / 255)[..., None] * np.float32(rng.uniform(0.3, 0.75))
    return np.asarray(image * dark, np.uint8)


def _outlined(image: Image, quad: Quad, outlines: list[Floats]) -> Image:
    unit = np.asarray([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    matrix = cv2.getPerspectiveTransform(unit, np.asarray(quad, np.float32))
    mask = np.zeros(image.shape[:2], np.uint8)
    for outline in outlines:
        # Far outside a tilted plate its perspective may turn over: an affine map does not.
        placed = cv2.perspectiveTransform(np.asarray(outline, np.float32)[None], _affine(matrix))[0]
        cv2.fillPoly(mask, [np.clip(placed, -9999, 9999).round().astype(np.int32)], (255,), cv2.LINE_AA)
    return np.asarray(mask, np.uint8)


def _affine(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    middle = np.asarray([[[0.5, 0.5], [1, 0.5], [0.5, 1]]], np.float32)
    placed = cv2.perspectiveTransform(middle, matrix)[0]
    flat = cv2.getAffineTransform(middle[0], placed.astype(np.float32))
    return np.vstack([flat, [0, 0, 1]])


def _texture(rng: Rng, image: Image, quad: Quad) -> Floats:
    """What a vehicle shows elsewhere in the picture, or one tone, a slope of tones, a tube or a rough thing; as bright
    as what is around the plate, in a quarter of the cases."""
    height, width = image.shape[:2]
    if rng.random() < ELSEWHERE_SHARE:
        return _elsewhere(rng, image, quad)
    choice = rng.random()
    if choice < 0.3:
        away = (quad - quad.mean(0)) * rng.uniform(1.2, 1.8) + quad.mean(0)
        x, y = np.clip(away[int(rng.integers(4))], 0, [width - 1, height - 1]).astype(int)
        tone = image[y, x].astype(np.float32)
    elif choice < 0.4:
        tone = ground_of(image, quad) + rng.normal(0, 10 if rng.random() < 0.5 else 3)
    else:
        tone = rng.uniform(0, 1) ** 1.3 * 245 + rng.normal(0, rng.choice(COLOURS), 3)
    filled = np.tile(np.asarray(tone, np.float32), (height, width, 1))
    if rng.random() < 0.4:
        rows = (np.arange(height, dtype=np.float32) - quad[:, 1].mean()) / max(float(np.ptp(quad[:, 1])), 1.0)
        filled += (rows * np.float32(rng.normal(0, 40)))[:, None, None]
    if rng.random() < 0.25:
        filled += _tube(rng, height, quad)[:, None, None]
    rough = rng.standard_normal((height, width), np.float32)
    rough = cv2.GaussianBlur(rough, (0, 0), rng.uniform(0.5, 3.0))
    rough *= np.float32(rng.uniform(0.5, 18) / max(float(rough.std()), 1e-3))
    return np.asarray(filled + rough[..., None], np.float32)


def ground_of(image: Image, quad: Quad) -> Floats:
    """The plate's own ground (3,): what most of it shows."""
    plate = cv2.fillConvexPoly(np.zeros(image.shape[:2], np.uint8), quad.round().astype(np.int32), (255,))
    shown = image[plate > 0]
    return np.asarray(np.median(shown, 0) if len(shown) else (0, 0, 0), np.float32)


def _elsewhere(rng: Rng, image: Image, quad: Quad) -> Floats:
    """The picture moved by more than the plate's height, a little lighter or darker: a real bumper's surface."""
    tall = max(float(np.ptp(quad[:, 1])), 2.0)
    down = rng.uniform(1.3, 4.0) * tall * (1 if rng.random() < 0.5 else -1)
    moved = np.asarray([[1, 0, rng.normal(0, 2 * tall)], [0, 1, down]], np.float32)
    shifted = cv2.warpAffine(image, moved, image.shape[1::-1], borderMode=cv2.BORDER_REFLECT)
    return np.asarray(shifted.astype(np.float32) * np.float32(rng.uniform(0.7, 1.2)), np.float32)


def _tube(rng: Rng, height: int, quad: Quad) -> Floats:
    """Lights and shades of something round that lies along the row, one for each line of the picture."""
    tall = max(float(np.ptp(quad[:, 1])), 2.0)
    rows = np.arange(height, dtype=np.float32) / np.float32(tall * rng.uniform(0.1, 0.9))
    return np.asarray(np.sin(rows + rng.uniform(0, 6)) * rng.uniform(5, 45), np.float32)


def _bowed(rng: Rng, edge: float, beyond: float, lean: float) -> Floats:
    """As a rectangle from one side to the other, its inner edge at `edge` a little bent, as a bumper's is."""
    x = np.linspace(-0.6, 1.6, 15)
    y = edge + lean * (x - 0.5) + rng.normal(0, 0.05) * (4 * (x - 0.5) ** 2 - 1)
    outline = [*np.stack([x, y], 1), [1.6, beyond], [-0.6, beyond]]
    return np.asarray(outline, np.float32)


def _rectangle(left: float, top: float, right: float, bottom: float, lean: float = 0.0) -> Floats:
    """lean: how much lower its right edge lies than its left one, in plates' heights."""
    return np.asarray(
        [[left, top - lean / 2], [right, top + lean / 2], [right, bottom + lean / 2], [left, bottom - lean / 2]],
        np.float32,
    )


def _edge(rng: Rng) -> list[Floats]:
    """A bumper, a tow bar or a frame over the upper or the lower edge, mostly over the whole row."""
    deep = rng.uniform(0.02, 0.5) if rng.random() < 0.8 else rng.uniform(0.15, 0.35)
    left, right = (-0.5, 1.5) if rng.random() < 0.8 else sorted(rng.uniform(-0.5, 1.5, 2))
    beyond = rng.uniform(0.15, 1.5)
    lean = rng.normal(0, 0.03) if rng.random() < 0.8 else rng.normal(0, 0.15)
    if rng.random() < 0.35:
        return [_bowed(rng, deep, -beyond, lean) if rng.random() < 0.5 else _bowed(rng, 1 - deep, 1 + beyond, lean)]
    if rng.random() < 0.5:
        return [_rectangle(left, -beyond, right, deep, lean)]
    return [_rectangle(left, 1 - deep, right, 1 + beyond, lean)]


def _line(rng: Rng) -> list[Floats]:
    """A chain, a cable, a strap or a pole in front of the plate, upright or slanted."""
    wide = (rng.uniform(0.08, 0.4) if rng.random() < 0.7 else rng.uniform(0.4, 1.2)) * PITCH
    at, lean = rng.uniform(-0.02, 1.02), rng.normal(0, 0.06 if rng.random() < 0.6 else 0.4)
    up, down = rng.uniform(0.1, 3.0, 2)
    low, high = at - lean * (0.5 + up), at + lean * (0.5 + down)
    if rng.random() < 0.3:
        return [_hanging(rng, at, wide)]
    return [np.asarray([[low, -up], [low + wide, -up], [high + wide, 1 + down], [high, 1 + down]], np.float32)]


def _hanging(rng: Rng, at: float, wide: float) -> Floats:
    """A cable in a bow from above the plate to below it."""
    y = np.linspace(-3, 4, 22)
    x = at + rng.normal(0, 0.08) * (y - 0.5) + rng.normal(0, 0.04) * (y - 0.5) ** 2
    return np.concatenate([np.stack([x, y], 1), np.stack([x + wide, y], 1)[::-1]]).astype(np.float32)


def _along(rng: Rng) -> list[Floats]:
    """A cord or a bar along the row, thinner than a character is high."""
    at, thick = rng.uniform(0.05, 0.95), rng.uniform(0.04, 0.25)
    return [_rectangle(-0.4, at - thick / 2, 1.4, at + thick / 2, rng.normal(0, 0.15))]


def _patch(rng: Rng) -> list[Floats]:
    """A tape, a leaf or a hand over part of a character."""
    x, wide = rng.uniform(0.02, 0.95), rng.uniform(0.3, 1.3) * PITCH
    tall, choice = rng.uniform(0.25, 0.7), rng.random()
    y = rng.uniform(0.1, 0.7) if choice < 0.4 else (0.0 if choice < 0.7 else 1 - tall)
    over = rng.uniform(0, 0.4)
    low, high = (y - over, y + tall) if y <= 0 else (y, y + tall + (over if choice >= 0.7 else 0))
    return [_rectangle(x, low, x + wide, high, rng.normal(0, 0.1))]


def _slip(rng: Rng) -> list[Floats]:
    """A strip of tape, a sticker or a post over one side, the upper or the lower part of one character.

    What remains of it is a whole other character: the right half of an 8 is a 3, the left of a D an L.
    """
    x, lean = rng.uniform(0.0, 1.0), rng.normal(0, 0.01)
    if rng.random() < 0.7:
        wide = rng.uniform(0.2, 0.85) * PITCH
        low, high = (rng.uniform(-0.4, 0.15), rng.uniform(0.85, 1.4)) if rng.random() < 0.8 else (-1.5, 2.5)
    else:
        wide, deep = rng.uniform(0.5, 1.2) * PITCH, rng.uniform(0.15, 0.6)
        low, high = (-0.1, 0.17 + 0.66 * deep) if rng.random() < 0.5 else (0.83 - 0.66 * deep, 1.1)
    return [
        np.asarray([[x + lean, low], [x + wide + lean, low], [x + wide - lean, high], [x - lean, high]], np.float32)
    ]


def _mud(rng: Rng) -> list[Floats]:
    """Mud, snow or leaves: up to four ragged patches."""
    patches = []
    for _ in range(int(rng.integers(1, 5))):
        turn = np.linspace(0, 2 * np.pi, 11, endpoint=False)
        reach = rng.uniform(0.4, 1.0, 11) * rng.uniform(0.1, 0.45)
        x = rng.uniform(0, 1) + reach * np.cos(turn) / 3.1
        patches.append(np.stack([x, rng.uniform(0, 1) + reach * np.sin(turn)], 1).astype(np.float32))
    return patches


def _end(rng: Rng) -> list[Floats]:
    """A post or a vehicle over one end."""
    deep, lean = rng.uniform(0.02, 1.3) * PITCH, rng.normal(0, 0.03)
    if rng.random() < 0.5:
        return [np.asarray([[-0.6, -2], [deep + lean, -2], [deep - lean, 3], [-0.6, 3]], np.float32)]
    return [np.asarray([[1 - deep + lean, -2], [1.6, -2], [1.6, 3], [1 - deep - lean, 3]], np.float32)]


SHAPES: tuple[Shape, ...] = (_edge, _line, _along, _patch, _mud, _end, _slip)
ODDS = np.cumsum([0.37, 0.16, 0.05, 0.1, 0.07, 0.07, 0.18]) + 1e-9
