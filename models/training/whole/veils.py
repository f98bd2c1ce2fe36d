"""What blurs or dulls a plate in a real picture without a clear outline: drops on the lens, dust, light."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from models.training.whole.covers import PITCH, Floats, Image, Quad, Rng, ground_of

Veil = Callable[[Rng, Image, Quad], Image]


def veiled(rng: Rng, image: Image, quad: Quad) -> Image:
    """The picture as it is seen through drops, dust or light somewhere on the plate that has these corners."""
    return VEILS[int(np.searchsorted(ODDS, rng.random(), side="right"))](rng, image, quad)


def _on_plate(rng: Rng, quad: Quad) -> tuple[float, float, float]:
    """A place on the plate, or just beside it, in pixels, and the plate's width."""
    across, down = rng.uniform(-0.03, 1.03), rng.uniform(-0.1, 1.1)
    x, y = quad[0] + across * (quad[1] - quad[0]) + down * (quad[3] - quad[0])
    return float(x), float(y), float(np.linalg.norm(quad[1] - quad[0]))


def _drops(rng: Rng, image: Image, quad: Quad) -> Image:
    """Rain on the lens: each drop shows what is behind it blurred and lighter, or turned over and smaller."""
    seen = image.astype(np.float32)
    for _ in range(int(rng.integers(1, 8))):
        x, y, width = _on_plate(rng, quad)
        seen = _through_drop(rng, seen, (x, y), rng.uniform(0.25, 1.1) * PITCH * width)
    return np.clip(seen, 0, 255).astype(np.uint8)


def _through_drop(rng: Rng, seen: Floats, middle: tuple[float, float], reach: float) -> Floats:
    height, width = seen.shape[:2]
    left, top = (
        int(np.clip(value - 2 * reach, 0, most - 1)) for value, most in zip(middle, (width, height), strict=True)
    )
    right, bottom = (int(min(value + 2 * reach + 2, most)) for value, most in zip(middle, (width, height), strict=True))
    if right - left < 3 or bottom - top < 3:
        return seen
    part = seen[top:bottom, left:right]
    y, x = np.mgrid[top:bottom, left:right].astype(np.float32)
    away = np.hypot((x - middle[0]) / (reach * rng.uniform(0.8, 1.25)), (y - middle[1]) / reach)
    share = np.clip((1 - away) * rng.uniform(2, 8), 0, 1)[..., None]
    turn = np.float32(rng.choice([1.0, 1.0, 0.5, -1.0, -2.0]))
    centre_x, centre_y = np.float32(middle[0]), np.float32(middle[1])
    moved_x = centre_x - np.float32(left) + (x - centre_x) * turn
    moved_y = centre_y - np.float32(top) + (y - centre_y) * turn
    shown = part if turn == 1.0 else cv2.remap(part, moved_x, moved_y, cv2.INTER_LINEAR, None, cv2.BORDER_REFLECT)
    soft = cv2.GaussianBlur(shown, (0, 0), max(0.5, reach * (rng.uniform(0.2, 0.8) if turn == 1.0 else 0.1)))
    through = soft * np.float32(rng.uniform(0.85, 1.2)) + np.float32(rng.uniform(-5, 20))
    changed = seen.copy()
    changed[top:bottom, left:right] = part + share * (through - part)
    return changed


def _spot(rng: Rng, image: Image, quad: Quad, strength: float) -> Floats:
    """How much of the picture (height, width, 1) a soft spot hides, from nothing to a little more than all."""
    x, y, width = _on_plate(rng, quad)
    reach = rng.uniform(0.4, 1.6, 2) * PITCH * width
    down, across = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
    away = ((across - x) / reach[0]) ** 2 + ((down - y) / reach[1]) ** 2
    return np.asarray((strength * np.exp(-away))[..., None], np.float32)


def _dust(rng: Rng, image: Image, quad: Quad) -> Image:
    """Dust or dried mud with soft edges, in its own tone or in that of the plate's ground."""
    own = rng.uniform(30, 230) + rng.normal(0, 15, 3)
    tone = np.asarray(ground_of(image, quad) + rng.normal(0, 6) if rng.random() < 0.5 else own, np.float32)
    share = np.clip(_spot(rng, image, quad, rng.uniform(0.6, 1.4)), 0, 1)
    return np.clip(image + share * (tone - image), 0, 255).astype(np.uint8)


def _light(rng: Rng, image: Image, quad: Quad) -> Image:
    """A lamp's reflection in which strokes drown."""
    lit = image + 255 * _spot(rng, image, quad, rng.uniform(0.4, 2.0))
    return np.asarray(np.clip(lit, 0, 255), np.uint8)


VEILS: tuple[Veil, ...] = (_drops, _dust, _light)
ODDS = np.cumsum([0.5, 0.3, 0.2]) + 1e-9
