"""Cameras on loopback whose pictures carry the moment they were made."""

from __future__ import annotations

from typing import Any

import numpy as np

WIDTH_PX, HEIGHT_PX, BARS = 320, 240, 32
STAMPED_PX, STRIPE_PX = 160, 10
"""Rows with the bars; below them lie stripes, for one row drawn down to the bottom is what a broken decoder shows."""


def stamped_picture(monotonic_s: float) -> Any:
    """Milliseconds as 32 bars, black for 0 and white for 1, highest bit left, stripes below; BGR (240, 320, 3)."""
    stamp_ms = int(monotonic_s * 1000) & 0xFFFFFFFF
    bits = np.array([stamp_ms >> (BARS - 1 - i) & 1 for i in range(BARS)], dtype=np.uint8)
    row = np.repeat(bits * 192 + 32, WIDTH_PX // BARS)
    picture = np.repeat(row[None, :], HEIGHT_PX, 0)
    stripes = np.arange(STAMPED_PX, HEIGHT_PX) // STRIPE_PX % 2
    picture[STAMPED_PX:] = np.where(stripes, 0x60, 0xA0)[:, None]
    return np.repeat(picture[:, :, None], 3, 2)


def made_s(image: Any) -> float:
    """The moment that a stamped picture carries, in seconds."""
    bar = WIDTH_PX // BARS
    bits = image[HEIGHT_PX // 2, bar // 2 :: bar, 0] > 128
    return int("".join("1" if bit else "0" for bit in bits[:BARS]), 2) / 1000
