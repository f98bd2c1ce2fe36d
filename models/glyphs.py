"""The letterforms of plates as masks, and their store."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.grammar import ALPHABET

GLYPH_WIDTH, GLYPH_HEIGHT = 32, 64
STORE = Path(__file__).with_name("glyphs.npz")
LEARNT = "learnt"

FONT_STYLES: dict[str, tuple[str, str]] = {
    "noto_bold": ("NotoSansCJK-Bold.ttc", "RobotoCondensed-Medium.ttf"),
    "noto_regular": ("NotoSansCJK-Regular.ttc", "LiberationSansNarrow-Bold.ttf"),
    "zenhei": ("wqy-zenhei.ttc", "DejaVuSansCondensed-Bold.ttf"),
    "open": ("NotoSansCJK-Bold.ttc", "OpenSans-CondBold.ttf"),
}
"""Style name: font of the Chinese characters, font of letters and digits (Debian fonts-noto-cjk, fonts-wqy-zenhei,
fonts-roboto, fonts-liberation, fonts-dejavu, fonts-open-sans)."""

Mask = NDArray[np.uint8]


@dataclass(frozen=True)
class GlyphSet:
    """Masks by style and character; `styles_of(character)` tells which styles have it, the learnt one first."""

    masks: dict[str, dict[str, Mask]]

    def styles_of(self, character: str) -> tuple[str, ...]:
        return tuple(style for style, masks in self.masks.items() if character in masks)


@cache
def load_glyphs(path: Path = STORE) -> GlyphSet:
    """The stored masks. Raises FileNotFoundError where the store is missing."""
    with np.load(path) as stored:
        names = sorted(stored.files, key=lambda name: name != LEARNT)
        masks = {
            name: {character: mask for character, mask in zip(ALPHABET, stored[name], strict=True) if mask.any()}
            for name in names
        }
    return GlyphSet(masks)


def save_glyphs(glyphs: GlyphSet, path: Path = STORE) -> None:
    """Write masks to the compressed store."""
    empty = np.zeros((GLYPH_HEIGHT, GLYPH_WIDTH), np.uint8)
    arrays = {
        style: np.stack([masks.get(character, empty) for character in ALPHABET])
        for style, masks in glyphs.masks.items()
    }
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type, unused-ignore]
