"""What the watcher remembers of the vehicle in view, and what the lane tells it."""

from __future__ import annotations

from dataclasses import dataclass, field

from controller.records import Vote
from controller.watching.own_plate import OwnPlate
from controller.watching.tracks import Track
from wire.reasons import Reason


@dataclass(frozen=True, slots=True)
class Needs:
    """What the lane tells the watcher. stuck: the read time-out is over. fuelling: a nozzle is in its tank."""

    stuck: bool = False
    fuelling: bool = False
    can_read: bool = True


@dataclass(slots=True)
class OpenVisit:
    """What is known of the vehicle in view. own: its plate once that is certain; stood: when it was first at rest;
    main: the plate that the vote was last about."""

    id: str
    first_seen_s: float
    tracks: list[Track] = field(default_factory=list)
    own: OwnPlate | None = None
    confirmed_s: float = 0.0
    hidden: bool = False
    vote: Vote = field(default_factory=lambda: Vote(None, Reason.NO_PLATE, detail="no plate was seen"))
    settled: Track | None = None
    main: Track | None = None
    by_picture: bool = False
    stood_s: float | None = None
    stirred_s: float = 0.0

    @property
    def plate(self) -> str | None:
        """The certain text."""
        return None if self.own is None else self.own.text
