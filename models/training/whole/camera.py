"""A strip through a camera: coarse, soft, dim, tinted or without colours, noisy, compressed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.training.second.samples import blurred, recorded
from models.training.second.spoil import Floats, Rng

Image = NDArray[np.uint8]

NEGATIVE_SHARE = 0.12
"""How many strips are shown with light and dark exchanged: real plates are mostly light on dark."""

GREY_SHARE = 0.3
"""How many are shown without colours, as at night under infrared light."""


def taken(rng: Rng, strip: Image, strength: float) -> Image:
    """A BGR strip (48, 160, 3) as another camera might show it; strength 1 changes most."""
    seen = np.asarray(255 - strip if rng.random() < NEGATIVE_SHARE else strip, np.float32)
    seen = lit(rng, blurred(rng, seen, strength), strength)
    if rng.random() < GREY_SHARE:
        seen = np.repeat(seen @ np.asarray([[0.114], [0.587], [0.299]], np.float32), 3, axis=2)
    return recorded(rng, seen, strength)


def lit(rng: Rng, seen: Floats, strength: float) -> Floats:
    """Another exposure, contrast and tint; sometimes lighter towards one end."""
    if rng.random() < 0.3:
        curve = np.exp(rng.normal(0, 0.35 * strength))
        seen = np.asarray(255 * (np.clip(seen, 0, 255) / 255) ** curve, np.float32)
    contrast, pivot = np.exp(rng.normal(-0.2, 0.4 * strength)), rng.uniform(0, 200)
    seen = (seen - pivot) * np.float32(contrast) + np.float32(pivot * np.exp(rng.normal(-0.1, 0.3 * strength)))
    seen = seen * np.exp(rng.normal(0, 0.12 * strength, 3)).astype(np.float32)
    if rng.random() < 0.3:
        slope = np.linspace(rng.uniform(0.45, 1.0), rng.uniform(0.7, 1.4), seen.shape[1], dtype=np.float32)
        seen = seen * (slope if rng.random() < 0.5 else slope[::-1])[None, :, None]
    return np.asarray(seen, np.float32)
