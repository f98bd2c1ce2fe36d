"""Which covered characters could as well be others: what is left of them is left of another letterform too."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from models.glyphs import load_glyphs
from models.grammar import ALPHABET, PlateFormat
from models.training.second.spoil import Boxes, Floats

CELLS = (12, 18)
"""Width and height at which letterforms are compared: what a small plate shows of them."""

TOUCHED = 0.03
"""Share of a character's box from which on something lies over it."""

ALIKE = 0.12
"""What is left to tell two letterforms apart, as a share of their strokes, below which they are taken for each other: a
stroke of one counts where the other has none within a cell."""

LOST = 0.5
"""Of what tells two letterforms apart, the share that has to be left: 0 and D are alike and yet read."""


def mistakable(text: str, plate_format: PlateFormat, cover: Floats, boxes: Boxes) -> NDArray[np.bool_]:
    """Of each character, whether under this cover (strip's height, width; 0 to 1) it could be another of its place.

    boxes: left, top, right, bottom of each character, (characters, 4).
    """
    found = np.zeros(len(text), np.bool_)
    for place, (character, box) in enumerate(zip(text, boxes, strict=True)):
        hidden = _covered(cover, box)
        if hidden.mean() < TOUCHED:
            continue
        others, thick_others = _forms(plate_format.places[place] if place < len(plate_format.places) else "")
        own, thick_own = _forms(character)
        if not (len(own) and len(others)):
            continue
        apart = np.maximum(own - thick_others, 0) + np.maximum(others - thick_own, 0)
        whole = apart.sum((1, 2))
        left = (apart * (1.0 - hidden)).sum((1, 2))
        other = np.abs(others - own).sum((1, 2)) > TOUCHED
        found[place] = bool((other & (left < ALIKE * own.sum()) & (left < LOST * whole)).any())
    return found


def _covered(cover: Floats, box: NDArray[np.float32]) -> Floats:
    """The cover over one box, at the letterforms' size; what lies outside the strip counts as seen."""
    height, width = cover.shape
    columns = np.clip(np.linspace(box[0], box[2], CELLS[0]), 0, width - 1).astype(np.float32)
    rows = np.clip(np.linspace(box[1], box[3], CELLS[1]), 0, height - 1).astype(np.float32)
    return np.asarray(cv2.remap(cover, *np.meshgrid(columns, rows), cv2.INTER_LINEAR), np.float32)


@cache
def _forms(characters: str) -> tuple[Floats, Floats]:
    """The letterforms that may stand in a place, (letterforms, 18, 12), and the same a cell thicker to every side."""
    glyphs = load_glyphs()
    drawn = [glyphs.masks[styles[0]][c] for c in ALPHABET if c in characters and (styles := glyphs.styles_of(c))]
    small = [cv2.resize(mask, CELLS, interpolation=cv2.INTER_AREA) for mask in drawn]
    forms = [np.asarray(mask / max(float(mask.max()), 1.0), np.float32) for mask in small]
    if not forms:
        none = np.zeros((0, CELLS[1], CELLS[0]), np.float32)
        return none, none
    return np.stack(forms), np.stack([cv2.dilate(form, np.ones((3, 3), np.uint8)) for form in forms])
