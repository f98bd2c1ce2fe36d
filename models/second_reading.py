"""A second reading of plates that came out unsure: the same plate cut a little differently, the reads averaged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from controller.records import CharacterRead, Corners
from models.rectify import rectify

Characters = tuple[CharacterRead, ...]
Picture = NDArray[np.uint8]
Quad = Corners | NDArray[np.float32]
ReadStrips = Callable[[Sequence[Picture]], list[Characters]]

UNSURE = 0.9
"""Weakest character below which a second reading is worth its time."""

FEWEST = 6
"""Characters from which on a read is worth it: plates have seven and eight, and lettering, grilles and halves of plates
were read in six further cuts each."""

SHIFTS = (-0.03, 0.03)
"""How far the left edge moves, as shares of the plate's width. A small plate's strokes fall between the strip's columns
in one cut and on them in another: a night picture of 川 read as 赣 in one cut and as 川 in four around it."""

TILTS = (-0.2, 0.2)
"""By how much of the plate's height its right end is cut lower than its left one: crops of tilted plates."""

SLANTS = (-0.06, 0.06)
"""By how much of the plate's width its top is cut further left than its bottom. Both were chosen on the calibration
part of the real crops, each shown in eleven views."""


def read_plate(read: ReadStrips, picture: Picture, corners: Quad, rows: int) -> Characters:
    """The characters of one plate in a BGR picture, read again where they are unsure."""
    (characters,) = read([rectify(picture, corners, rows)])
    return reread(read, picture, corners, rows, characters)


def reread(read: ReadStrips, picture: Picture, corners: Quad, rows: int, characters: Characters) -> Characters:
    """The first reading's characters, or, where they are unsure, what it and readings of other cuts say together."""
    if not is_unsure(characters):
        return characters
    strips = [rectify(picture, cut, rows) for cut in recuts(corners)]
    return averaged([characters, *read(strips)])


def recuts(corners: Quad) -> list[NDArray[np.float32]]:
    """The corners (4, 2) a little otherwise: the left edge moved, then tilted, then slanted, each both ways."""
    quad = np.array(corners, np.float32)
    along = np.stack([quad[1] - quad[0], quad[2] - quad[3]]).mean(0)
    down = np.stack([quad[3] - quad[0], quad[2] - quad[1]]).mean(0)
    shifted = [np.stack([along, 0 * along, 0 * along, along]) * shift for shift in SHIFTS]
    tilted = [np.stack([-down, down, down, -down]) * (tilt / 2) for tilt in TILTS]
    slanted = [np.stack([-along, -along, along, along]) * (slant / 2) for slant in SLANTS]
    return [np.asarray(quad + move, np.float32) for move in (*shifted, *tilted, *slanted)]


def is_unsure(characters: Characters) -> bool:
    """Whether a read has about as many characters as a plate and doubts one of them."""
    return len(characters) >= FEWEST and min(character.probability for character in characters) < UNSURE


def averaged(reads: Sequence[Characters]) -> Characters:
    """The text with most evidence, each character with its mean probability over all reads.

    A read that says another character in a place leaves to this one what it does not claim itself; a read of another
    length gives nothing. So agreement never makes a plate surer than its reads were,
    and disagreement makes it less sure.
    """
    evidence: dict[str, float] = defaultdict(float)
    for read in reads:
        if read:
            evidence[_text(read)] += min(character.probability for character in read)
    if not evidence:
        return ()
    text = max(evidence, key=lambda candidate: evidence[candidate])
    return tuple(
        CharacterRead(character, _support(character, place, len(text), reads)) for place, character in enumerate(text)
    )


def _support(character: str, place: int, length: int, reads: Sequence[Characters]) -> float:
    said = [read[place] for read in reads if len(read) == length]
    shares = [one.probability if one.character == character else 1.0 - one.probability for one in said]
    return sum(shares) / len(reads)


def _text(characters: Characters) -> str:
    return "".join(character.character for character in characters)
