"""Which frames of a visit are kept: the first with a plate, the best of the visit's own, and the last."""

from __future__ import annotations

from dataclasses import dataclass, replace

from controller.records import Frame, Reading
from controller.traces.records import TracedPicture
from controller.watching.own_reads import own_reads


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """A frame and what the trace says about it."""

    frame: Frame
    fact: TracedPicture


@dataclass(frozen=True, slots=True)
class _Candidate:
    frame: Frame
    at_s: float
    reading: Reading
    score: float


class FramePicker:
    """Holds at most `count` frames of a visit (and one more while a new one is weighed)."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._first: _Candidate | None = None
        self._last: _Candidate | None = None
        self._best: list[_Candidate] = []
        self._plate: str | None = None

    def name(self, plate: str) -> None:
        """The visit's plate is known: from now on only frames that show it are better than others."""
        if plate != self._plate:
            self._plate = plate
            self._best = [replace(c, score=_score(c.reading, plate)) for c in self._best]
            self._best.sort(key=lambda c: -c.score)

    def add(self, frame: Frame, at_s: float, reading: Reading) -> None:
        """Weigh a frame that was read."""
        if self._count == 0:
            return
        score = _score(reading, self._plate)
        candidate = _Candidate(frame, at_s, reading, score)
        if self._first is None or (self._first.score == 0.0 and score > 0.0):
            self._first = candidate
        self._last = candidate
        self._best.append(candidate)
        self._best.sort(key=lambda c: -c.score)
        del self._best[max(1, self._count - 2) :]

    def take(self) -> dict[str, KeptFrame]:
        """The frames by file name, most telling first within the count; nothing is held afterwards."""
        roles = [(self._best[0], "best")] if self._best else []
        roles += [(c, role) for c, role in ((self._last, "last"), (self._first, "first")) if c is not None]
        roles += [(c, "best") for c in self._best[1:]]
        self._first = self._last = None
        self._best = []
        kept: dict[str, KeptFrame] = {}
        for candidate, role in roles:
            name = f"frame-{candidate.frame.number}.jpg"
            if name not in kept and len(kept) < self._count:
                fact = TracedPicture(name, candidate.frame.number, candidate.at_s, role)
                kept[name] = KeptFrame(candidate.frame, fact)
        return kept


def _score(reading: Reading, plate: str | None) -> float:
    return max((p.weakest * p.width_px * p.detection for p in own_reads(reading, plate)), default=0.0)
