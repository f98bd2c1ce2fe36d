"""One plate followed from frame to frame: its sightings, its reads, and whether it stands still."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from difflib import SequenceMatcher

from controller.records import PlateRead

MOST_READS = 40
"""Reads kept per plate: enough for any vote, bounded for a vehicle that stands all day."""

TRACK_FORGOTTEN_S = 2.0
STEADY_SHARE = 0.08
STEADY_PER_S = 0.6
"""A standing plate's centre moves by less than this many plate widths, found corners being unsteady, and a second."""

SURE_CHARACTER = 0.9

UNLIKE_CHARACTERS, LEAST_LENGTH = 4, 5
"""Misreads of one plate differ in fewer characters than this; shorter texts are parts of plates and say nothing."""

READ_AT_ALL = 0.5
"""Two texts whose weakest characters are surer than this and that are unlike are two plates, wherever they stand."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One read of one plate."""

    at_s: float
    captured_at: datetime
    plate: PlateRead


@dataclass(slots=True)
class Track:
    """The reads of what is taken for one plate, oldest first."""

    sightings: list[Sighting] = field(default_factory=list)

    @property
    def last(self) -> Sighting:
        return self.sightings[-1]

    def add(self, sighting: Sighting) -> None:
        self.sightings.append(sighting)
        del self.sightings[:-MOST_READS]

    def steady(self, reads: int) -> bool:
        """Whether the last reads show a plate that stands."""
        last = self.sightings[-reads:]
        if len(last) < reads:
            return False
        moved = math.dist(last[0].plate.centre, last[-1].plate.centre) / max(last[-1].plate.width_px, 1.0)
        return moved < max(STEADY_SHARE, STEADY_PER_S * (last[-1].at_s - last[0].at_s))


def same_place(one: Sighting, other: Sighting) -> bool:
    """Whether two sightings are of one plate that has not moved."""
    return near(one.plate, other.plate)


def near(one: PlateRead, other: PlateRead) -> bool:
    """Whether the plates of two reads lie over each other."""
    return math.dist(one.centre, other.centre) < 0.5 * one.width_px


def alike(one: str, other: str, most: int = 1) -> bool:
    """Whether two texts are as long and differ in at most that many characters."""
    return len(one) == len(other) and sum(a != b for a, b in zip(one, other, strict=True)) <= most


def unlike(one: str, other: str) -> bool:
    """Whether two texts are too different for misreads of one plate, characters lost or added included."""
    if min(len(one), len(other)) < LEAST_LENGTH:
        return False
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) <= max(len(one), len(other)) - UNLIKE_CHARACTERS


def confirms(read: PlateRead, plate: str) -> bool:
    """Whether a read shows that plate: the same text, or one or two characters off where it is unsure itself."""
    if len(read.characters) != len(plate):
        return False
    wrong = [s for s, character in zip(read.characters, plate, strict=True) if s.character != character]
    return len(wrong) <= 2 and all(s.probability < SURE_CHARACTER for s in wrong)


def shift_between(last: Sighting, new: Sighting) -> float:
    """0 for the same plate at the same place, 1 and more for another plate."""
    if alike(last.plate.text, new.plate.text) and last.plate.valid:
        return 0.1
    if _two_plates(last.plate, new.plate):
        return 1.0
    width = max(last.plate.width_px, new.plate.width_px, 1.0)
    ratio = min(last.plate.width_px, new.plate.width_px) / width
    late = new.at_s - last.at_s > TRACK_FORGOTTEN_S
    return 1.0 if ratio < 0.6 or late else 0.2 + math.dist(last.plate.centre, new.plate.centre) / (1.5 * width)


def _two_plates(one: PlateRead, other: PlateRead) -> bool:
    """Whether both reads are good enough to tell that they are of two plates."""
    read = all(plate.valid and plate.weakest > READ_AT_ALL for plate in (one, other))
    return read and unlike(one.text, other.text)
