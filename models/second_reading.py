"""A second reading of plates that came out unsure: the same plate cut a little differently, the reads averaged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from controller.records import Corners, SignRead
from models.rectify import rectify

Signs = tuple[SignRead, ...]
Picture = NDArray[np.uint8]
Quad = Corners | NDArray[np.float32]
ReadStrips = Callable[[Sequence[Picture]], list[Signs]]

UNSURE = 0.9
"""Weakest sign below which a second reading is worth its time."""

SHIFTS = (-0.03, 0.03)
"""How far the left edge moves, as shares of the plate's width. A small plate's strokes fall between the strip's columns
in one cut and on them in another: a night picture of 川 read as 赣 in one cut and as 川 in four around it."""


def read_plate(read: ReadStrips, picture: Picture, corners: Quad, rows: int) -> Signs:
    """The signs of one plate in a BGR picture, read again where they are unsure."""
    (signs,) = read([rectify(picture, corners, rows)])
    return surely(read, picture, corners, rows, signs)


def surely(read: ReadStrips, picture: Picture, corners: Quad, rows: int, signs: Signs) -> Signs:
    """The first reading's signs, or, where they are unsure, what it and readings of other cuts say together."""
    if not is_unsure(signs):
        return signs
    strips = [rectify(picture, cut, rows) for cut in recuts(corners)]
    return averaged([signs, *read(strips)])


def recuts(corners: Quad) -> list[NDArray[np.float32]]:
    """The corners (4, 2) with the left edge moved along the plate, once for each of SHIFTS; the right one stays."""
    quad = np.array(corners, np.float32)
    moved = []
    for shift in SHIFTS:
        cut = quad.copy()
        cut[0] += shift * (quad[1] - quad[0])
        cut[3] += shift * (quad[2] - quad[3])
        moved.append(cut)
    return moved


def is_unsure(signs: Signs) -> bool:
    """Whether a read has signs and doubts one of them."""
    return bool(signs) and min(sign.probability for sign in signs) < UNSURE


def averaged(reads: Sequence[Signs]) -> Signs:
    """The text with most evidence, each sign with its mean probability over all reads.

    A read that says another sign in a place leaves to this one what it does not claim itself; a read of another length
    gives nothing. So agreement never makes a plate surer than its reads were, and disagreement makes it less sure.
    """
    evidence: dict[str, float] = defaultdict(float)
    for read in reads:
        if read:
            evidence[_text(read)] += min(sign.probability for sign in read)
    if not evidence:
        return ()
    text = max(evidence, key=lambda candidate: evidence[candidate])
    return tuple(SignRead(sign, _support(sign, place, len(text), reads)) for place, sign in enumerate(text))


def _support(sign: str, place: int, length: int, reads: Sequence[Signs]) -> float:
    total = 0.0
    for read in reads:
        if len(read) == length:
            said = read[place]
            total += said.probability if said.sign == sign else 1.0 - said.probability
    return total / len(reads)


def _text(signs: Signs) -> str:
    return "".join(sign.sign for sign in signs)
