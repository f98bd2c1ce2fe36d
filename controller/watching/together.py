"""Frames that are read as one: the last ones of a standing vehicle whose single pictures do not tell its plate."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from controller.ports import ReadsTogether
from controller.records import NOISE, Frame, PlateRead, Reading
from controller.watching.open_visit import OpenVisit
from controller.watching.tracks import near

FRAMES = 6
"""So many are read as one: noise falls to two fifths, and a standing vehicle shows them within a second."""

EVERY_S = 0.5
"""Not oftener, because it costs about as much as reading the plate once more."""

OLDEST_S = 3.0
"""Older frames are not read with a new one: within so short a time no other vehicle stands at the same place."""


@dataclass(frozen=True)
class View:
    """A plate in a frame. image, shown: what is kept of the frame, and the plate where it lies in that."""

    captured_s: float
    plate: PlateRead
    image: Any = field(repr=False, compare=False)
    shown: PlateRead


class FramesTogether:
    """The last frames of an undecided visit, as long as all of them show one text at one place."""

    def __init__(self) -> None:
        self._views: deque[View] = deque(maxlen=FRAMES - 1)
        self._visit = ""
        self._taken_s = -EVERY_S

    def saw(self, reader: ReadsTogether, frame: Frame, visit: OpenVisit | None) -> None:
        """A frame was read; forgets earlier ones where they are no more of the same. reader: cuts out what stays."""
        main = None if visit is None or visit.own is not None else visit.main
        if (
            visit is None
            or main is None
            or main.last.at_s != frame.captured_s
            or not set(main.last.plate.doubts) <= NOISE
        ):
            self._views.clear()
            return
        plate = main.last.plate
        if visit.id != self._visit or (self._views and not is_same(self._views[-1].plate, plate)):
            self._views.clear()
        self._visit = visit.id
        self._views.append(View(frame.captured_s, plate, *reader.cut_out(frame.image, plate)))

    def take(self, now_s: float, visit: OpenVisit | None) -> tuple[View, ...]:
        """The frames of this visit that the next one is to be read with; empty while there are too few recent ones, or
        some were just taken."""
        self._forget(now_s, visit)
        if len(self._views) < FRAMES - 1 or now_s - self._taken_s < EVERY_S:
            return ()
        self._taken_s = now_s
        return tuple(self._views)

    def _forget(self, now_s: float, visit: OpenVisit | None) -> None:
        if visit is None or visit.id != self._visit:
            self._views.clear()
        while self._views and not 0 <= now_s - self._views[0].captured_s <= OLDEST_S:
            self._views.popleft()


def read_with(reader: ReadsTogether, views: Sequence[View], frame: Frame, reading: Reading) -> Reading:
    """The reading with its plate read from all these frames as one, where it is the same plate and they tell it for
    certain: what they leave in doubt counts for no more than one picture."""
    last = views[-1].plate
    plate = next((p for p in reading.plates if is_same(last, p) and set(p.doubts) <= NOISE), None)
    if plate is None:
        return reading
    together = reader.read_together([*((view.image, view.shown) for view in views), (frame.image, plate)])
    if together is None or not together.certain:
        return reading
    return replace(reading, plates=tuple(together if p is plate else p for p in reading.plates))


def is_same(one: PlateRead, other: PlateRead) -> bool:
    """Whether two reads say the same text at the same place."""
    return one.text == other.text and one.rows == other.rows and near(one, other)
