"""The certain plate of an open visit: where it stands, whether it drives off, and which other plates appear since."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from controller.watching.tracks import Sighting, Track, unlike

AT_REST, REST_S = 0.15, 0.4
"""A plate that moves by less than this many of its widths (0.44 m mostly) in that time stands."""

STIRRED = 0.3
"""A plate that was this many widths from its place when last seen was driving."""

AWAY = 1.5
"""A vehicle that moves on to reach the hose stays nearer to where it stood; beyond it another one can stand."""

MISSED = 2
"""Looks in a row without the plate: one may be blurred."""

MOST_RECENT = 24


@dataclass(slots=True)
class OwnPlate:
    """text: what was certain; origin: where it stood then; place: where it stood last; rivals: other plates since."""

    text: str
    origin: Sighting
    place: Sighting
    recent: list[Sighting]
    missed: int = 0
    rivals: list[Track] = field(default_factory=list)

    @classmethod
    def standing(cls, text: str, at: Sighting) -> OwnPlate:
        return cls(text, at, at, [at])

    @property
    def last(self) -> Sighting:
        return self.recent[-1]

    def saw(self, sighting: Sighting) -> None:
        """It was read once more; its place is where it rests."""
        earlier = next((s for s in reversed(self.recent) if sighting.at_s - s.at_s >= REST_S), None)
        if earlier is not None and shift(earlier, sighting) < AT_REST:
            self.place = sighting
        self.recent = [*self.recent, sighting][-MOST_RECENT:]
        self.missed = 0

    @property
    def away(self) -> bool:
        """Whether it is so far from where it became certain that another vehicle can stand there."""
        return shift(self.origin, self.last) >= AWAY

    @property
    def driving(self) -> bool:
        """Whether it was last seen that far from any place where it stood."""
        return shift(self.place, self.last) >= AWAY

    @property
    def drove_off(self) -> bool:
        """Whether it was moving when last seen, and is in view no more."""
        return self.missed >= MISSED and shift(self.place, self.last) >= STIRRED

    @property
    def contradictions(self) -> int:
        """Frames that showed another plate and not this one."""
        return len({s.at_s for track in self.rivals for s in track.sightings})

    def replaced_by(self, rival: Track, reads: int) -> bool:
        """Whether a vehicle stands there whose plate, certain or not, cannot be a misread of this one."""
        return rival.steady(reads) and all(unlike(s.plate.text, self.text) for s in rival.sightings[-reads:])


def shift(one: Sighting, other: Sighting) -> float:
    """How far apart two sightings are, in widths of the wider plate."""
    return math.dist(one.plate.centre, other.plate.centre) / max(one.plate.width_px, other.plate.width_px, 1.0)
