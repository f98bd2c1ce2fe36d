"""What speaks against a read that is sure of itself: names of doubts, any of which keeps a plate from being certain."""

from __future__ import annotations

import enum
from collections.abc import Collection

import numpy as np

from controller.records import PlateRead
from models.grammar import formats_of
from models.places import Fit, fit
from models.rectify import Image


class Doubt(enum.StrEnum):
    """Why a read is not certain.

    EDGE: the plate touches the edge of what was searched. COVERED: something lies over a character, or it looks like
    another one. SPACING: characters do not stand where the format has them. COLOUR: the text belongs to plates of
    another colour, or its characters are lighter than the ground where they should be darker, or darker. UNKNOWN_KIND:
    the text is not that of a known plate. VETOED: the second recogniser sees another text. HIDDEN: it sees a character
    that cannot be told, covered, cut off or drowned in light. UNSURE: one picture alone does not tell every character.
    """

    EDGE = "edge"
    COVERED = "covered"
    SPACING = "spacing"
    COLOUR = "colour"
    UNKNOWN_KIND = "unknown_kind"
    VETOED = "vetoed"
    HIDDEN = "hidden"
    UNSURE = "unsure"


EDGE_SHARE, EDGE_PX = 0.03, 2.0
"""Nearer to the edge than this share of the plate's width, or these pixels, a plate may go on beyond it."""

CERTAIN = 0.97
"""A single picture is certain from this weakest character on; a visit's vote sets its own bounds."""

SURE, SURE_OF_STROKES = 0.998, 0.999
"""A character less sure than this has to fit better: what the recogniser hesitates at is where covered ones are."""

LEAST_LIKENESS, LEAST_LIKENESS_UNSURE = 0.36, 0.55
MOST_STRAY, MOST_STRAY_UNSURE = 0.28, 0.14
LEAST_SHARPNESS, LEAST_SHARPNESS_UNSURE = 0.12, 0.45
"""Chosen on 137 wrong and 657 right reads of real scenes with characters covered, cut off and under drops."""

SEVERAL = 3
"""From this many unlike characters on the row as a whole is out of place."""


Box = tuple[int, int, int, int]
"""Left, top, right and bottom pixel of a part of a picture, the last two just outside."""


def doubts_of(image: Image, plate: PlateRead, searched: Box | None) -> tuple[str, ...]:
    """The doubts of a read in this BGR picture. searched: None for a picture that is nothing but the plate."""
    found: set[Doubt] = set()
    if searched is not None and touches_edge(plate, searched):
        found.add(Doubt.EDGE)
    fitting = formats_of(plate.text)
    if plate.valid:
        known = next(known for known in fitting if known.kind == plate.kind)
        fits = fit(image, plate.corners, plate.text, known)
        found |= fit_doubts(fits, plate)
        if fits.light is not known.light_on_dark:
            found.add(Doubt.COLOUR)
    else:
        found.add(Doubt.COLOUR if any(f.rows == plate.rows for f in fitting) else Doubt.UNKNOWN_KIND)
    if plate.weakest < CERTAIN:
        found.add(Doubt.UNSURE)
    return in_order(found)


def in_order(found: Collection[str]) -> tuple[str, ...]:
    """Names of doubts in the order in which they are told."""
    return tuple(str(doubt) for doubt in Doubt if doubt in found)


def touches_edge(plate: PlateRead, searched: Box) -> bool:
    """Whether a corner is so near to the edge of what was searched that the plate may go on beyond it."""
    left, top, right, bottom = searched
    margin = max(EDGE_PX, EDGE_SHARE * plate.width_px)
    nearest = min(min(x - left, y - top, right - 1 - x, bottom - 1 - y) for x, y in plate.corners)
    return nearest < margin


def fit_doubts(fits: Fit, plate: PlateRead) -> set[Doubt]:
    """What the picture of a plate says against its text."""
    probability = np.array([character.probability for character in plate.characters])
    unsure = probability < SURE
    likeness, strays, sharpness = (np.array(values) for values in (fits.likeness, fits.strays, fits.sharpness))
    unlike = likeness < np.where(unsure, LEAST_LIKENESS_UNSURE, LEAST_LIKENESS)
    faint = sharpness < np.where(probability < SURE_OF_STROKES, LEAST_SHARPNESS_UNSURE, LEAST_SHARPNESS)
    stray = strays > np.where(unsure, MOST_STRAY_UNSURE, MOST_STRAY)
    found: set[Doubt] = set()
    if (unlike | faint).any():
        found.add(Doubt.COVERED)
    if stray.any() or int(unlike.sum()) >= SEVERAL:
        found.add(Doubt.SPACING)
    return found
