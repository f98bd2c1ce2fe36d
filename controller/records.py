"""The facts that travel through a lane: frames, reads, votes, questions, lamps and fuellings."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from wire.reasons import Reason, Verdict

Point = tuple[float, float]
"""x to the right and y down, in pixels of the frame."""

Corners = tuple[Point, Point, Point, Point]
"""Four plate corners, clockwise from the plate's own top left."""


class Colour(enum.StrEnum):
    """Ground colour of a plate (GA 36)."""

    BLUE = "blue"
    YELLOW = "yellow"
    GREEN = "green"
    WHITE = "white"
    BLACK = "black"


class LampColour(enum.StrEnum):
    """What the lamp at the pump shows; OFF only while no vehicle stands there."""

    OFF = "off"
    RED = "red"
    GREEN = "green"


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of the lane.

    image: uint8 array (height, width, 3) in BGR order; the core passes it on and never looks inside.
    captured_s: the clock's monotonic seconds at capture; ages are judged by it.
    captured_at: the same moment as an aware UTC datetime; the books are kept by it.
    """

    number: int
    image: Any = field(repr=False, compare=False)
    captured_s: float
    captured_at: datetime

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels; (0, 0) for an image that is not an array."""
        shape = getattr(self.image, "shape", None)
        return (int(shape[1]), int(shape[0])) if shape else (0, 0)


@dataclass(frozen=True, slots=True)
class CharacterRead:
    """One character of a plate and the calibrated probability, 0 to 1, that it is right."""

    character: str
    probability: float


NOISE = frozenset({"covered", "spacing", "unsure"})
"""Doubts that may come of noise and few pixels. With any other one a character may be hidden: nothing is averaged."""


HARDLY_READ = 0.3
"""Weakest character below which a text is chance: headlights and grilles come out as some plate now and then."""


@dataclass(frozen=True, slots=True)
class PlateRead:
    """One plate found in one frame.

    kind: a format name of models.grammar, or "unknown" when the text fits none.
    detection: the detector's confidence, 0 to 1.
    doubts: names of what keeps the read from being certain; models.doubts has them.
    width_px: the plate's mean width in the frame.
    frames: of how many frames of the standing plate the read is made.
    """

    characters: tuple[CharacterRead, ...]
    corners: Corners
    colour: Colour
    kind: str
    rows: int
    detection: float
    doubts: tuple[str, ...] = ()
    frames: int = 1

    @property
    def text(self) -> str:
        return "".join(s.character for s in self.characters)

    @property
    def confidence(self) -> float:
        """Probability that every character is right, the characters taken as independent; 0 for no character."""
        return math.prod(s.probability for s in self.characters) if self.characters else 0.0

    @property
    def weakest(self) -> float:
        """Probability of the least certain character; 0 for no character."""
        return min((s.probability for s in self.characters), default=0.0)

    @property
    def readable(self) -> bool:
        """Whether the text is more than a guess."""
        return self.weakest >= HARDLY_READ

    @property
    def valid(self) -> bool:
        return self.kind != "unknown"

    @property
    def certain(self) -> bool:
        """Whether this picture alone tells the plate."""
        return self.valid and not self.doubts

    @property
    def centre(self) -> Point:
        return sum(x for x, _ in self.corners) / 4, sum(y for _, y in self.corners) / 4

    @property
    def width_px(self) -> float:
        top_left, top_right, bottom_right, bottom_left = self.corners
        return (math.dist(top_left, top_right) + math.dist(bottom_left, bottom_right)) / 2


@dataclass(frozen=True, slots=True)
class Reading:
    """All plates of one frame and the milliseconds that each stage took ("detect", "rectify", "recognise")."""

    plates: tuple[PlateRead, ...]
    ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Region:
    """The part of the frame that belongs to this lane, as shares (0 to 1) of its width and height."""

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0

    def holds(self, x: float, y: float, width: int, height: int) -> bool:
        """Whether pixel (x, y) of a frame of that size lies inside."""
        return self.left * width <= x <= self.right * width and self.top * height <= y <= self.bottom * height


@dataclass(frozen=True, slots=True)
class DispenserReading:
    """What the dispenser's wires say now.

    pulses: pulses counted since the dispenser object was made; never goes back.
    close_pulses: how many of them came closer to the one before than the fastest flow allows: the pulser bounces.
    """

    nozzle_lifted: bool
    pulses: int
    close_pulses: int = 0


@dataclass(frozen=True, slots=True)
class LampChange:
    """The lamp took this colour at that moment of the clock's monotonic seconds."""

    at_s: float
    colour: LampColour


@dataclass(frozen=True, slots=True)
class Change:
    """How the lane's picture differs, as shares (0 to 1) of its area.

    presence: differs from the learnt empty lane, a change of the light alone discounted.
    motion: differs from the picture measured before.
    same: not one sampled pixel differs from the picture before; a live sensor's noise makes that impossible.
    noise: share of tiles in which any pixel differs from the picture before.
    light: mean grey level, 0 to 255.
    blank: what a decoder shows for want of a picture: neutral grey, or one row drawn down to the bottom.
    """

    presence: float
    motion: float
    same: bool = False
    noise: float = 1.0
    light: float = 100.0
    blank: bool = False


@dataclass(frozen=True, slots=True)
class Vote:
    """What the reads of one visit say together.

    plate: the text all is certain of, else None; then reason is UNSURE (plates were seen), UNKNOWN_KIND or NO_PLATE.
    candidate: the text with the most evidence, certain or not.
    confidence, weakest: combined probabilities, 0 to 1, of the whole candidate and of its least certain character.
    reads: reads that agree with the candidate. detail: one sentence for traces and logs, without the plate.
    doubts: what most of the reads that agree are doubted for, while that keeps the candidate from being certain.
    characters: the combined probability of each character of the candidate.
    """

    plate: str | None
    reason: Reason
    candidate: str | None = None
    confidence: float = 0.0
    weakest: float = 0.0
    reads: int = 0
    detail: str = ""
    doubts: tuple[str, ...] = ()
    characters: tuple[float, ...] = ()

    @property
    def certain(self) -> bool:
        return self.plate is not None


@dataclass(frozen=True, slots=True)
class VisitSummary:
    """One vehicle's visit, told when it is over. Times ending in _s are the clock's monotonic seconds.

    decision, reason: the last word of the visit; plate is None when nothing certain was read or typed.
    first_seen_s: the vehicle came into view. read_s: the vote became certain. decided_s: green or red was final.
    lamp: every lamp change from first_seen_s to gone_s, the first one being what showed when the visit began.
    """

    visit: str
    plate: str | None
    typed: bool
    decision: Verdict
    reason: Reason
    first_seen_at: datetime
    first_seen_s: float
    read_s: float | None
    decided_s: float | None
    gone_s: float
    lamp: tuple[LampChange, ...]
    vote: Vote | None = None
    authorisation: str | None = None
    limit_fen: int | None = None
