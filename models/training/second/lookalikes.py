"""Which covered characters could as well be others: what is left of them is left of another letterform too."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from models.glyphs import load_glyphs
from models.grammar import ALPHABET, PlateFormat

Floats = NDArray[np.float32]
Boxes = NDArray[np.float32]

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
        others = _forms(plate_format.places[place] if place < len(plate_format.places) else "")
        own = _form(character)
        if own is None or not len(others):
            continue
        apart = np.maximum(own - _thick(others), 0) + np.maximum(others - _thick(own[None]), 0)
        whole = apart.sum((1, 2))
        left = (apart * (1.0 - hidden)).sum((1, 2))
        other = np.abs(others - own).sum((1, 2)) > TOUCHED
        found[place] = bool((other & (left < ALIKE * own.sum()) & (left < LOST * whole)).any())
    return found


def _thick(forms: Floats) -> Floats:
    """Letterforms (N, 18, 12) whose strokes reach a cell further to every side."""
    return np.stack([cv2.dilate(form, np.ones((3, 3), np.uint8)) for form in forms])


def _covered(cover: Floats, box: NDArray[np.float32]) -> Floats:
    """The cover over one box, at the letterforms' size; what lies outside the strip counts as seen."""
    height, width = cover.shape
    columns = np.clip(np.linspace(box[0], box[2], CELLS[0]), 0, width - 1).astype(np.float32)
    rows = np.clip(np.linspace(box[1], box[3], CELLS[1]), 0, height - 1).astype(np.float32)
    return np.asarray(cv2.remap(cover, *np.meshgrid(columns, rows), cv2.INTER_LINEAR), np.float32)


@cache
def _form(character: str) -> Floats | None:
    """A letterform's strokes, (18, 12), 0 to 1; None where there is none."""
    glyphs = load_glyphs()
    styles = glyphs.styles_of(character)
    if not styles:
        return None
    small = cv2.resize(glyphs.masks[styles[0]][character], CELLS, interpolation=cv2.INTER_AREA)
    return np.asarray(small / max(float(small.max()), 1.0), np.float32)


@cache
def _forms(characters: str) -> Floats:
    """The letterforms that may stand in a place, (letterforms, 18, 12)."""
    found = [form for form in map(_form, (c for c in ALPHABET if c in characters)) if form is not None]
    return np.stack(found) if found else np.zeros((0, CELLS[1], CELLS[0]), np.float32)
