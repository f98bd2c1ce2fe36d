"""Those who listen to visits: an empty one to inherit from, and one that passes everything on to several."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from controller.ports import VisitObserver
from controller.records import Frame, LampChange, Reading, VisitSummary, Vote
from wire.fuellings import Fuelling
from wire.questions import Decision, Question
from wire.reasons import Reason


class SilentObserver:
    """Hears everything and does nothing; see controller.ports.VisitObserver for what each call means."""

    def visit_opened(self, visit: str, first_seen_s: float, first_seen_at: datetime) -> None:
        pass

    def frame_read(self, visit: str | None, frame: Frame, reading: Reading) -> None:
        pass

    def voted(self, visit: str, vote: Vote, at_s: float) -> None:
        pass

    def asked(self, visit: str, question: Question, at_s: float) -> None:
        pass

    def answered(self, visit: str, answer: Decision | None, reason: Reason, detail: str, at_s: float) -> None:
        pass

    def lamp_changed(self, visit: str | None, change: LampChange, reason: Reason) -> None:
        pass

    def fuelling_started(self, visit: str | None, at_s: float) -> None:
        pass

    def fuelling_ended(self, visit: str | None, fuelling: Fuelling | None, at_s: float) -> None:
        pass

    def noted(self, visit: str | None, text: str, at_s: float) -> None:
        pass

    def visit_closed(self, summary: VisitSummary) -> None:
        pass


class Observers:
    """Passes every call on to all, in the order given."""

    def __init__(self, observers: Sequence[VisitObserver]) -> None:
        self._all = tuple(observers)

    def visit_opened(self, visit: str, first_seen_s: float, first_seen_at: datetime) -> None:
        for one in self._all:
            one.visit_opened(visit, first_seen_s, first_seen_at)

    def frame_read(self, visit: str | None, frame: Frame, reading: Reading) -> None:
        for one in self._all:
            one.frame_read(visit, frame, reading)

    def voted(self, visit: str, vote: Vote, at_s: float) -> None:
        for one in self._all:
            one.voted(visit, vote, at_s)

    def asked(self, visit: str, question: Question, at_s: float) -> None:
        for one in self._all:
            one.asked(visit, question, at_s)

    def answered(self, visit: str, answer: Decision | None, reason: Reason, detail: str, at_s: float) -> None:
        for one in self._all:
            one.answered(visit, answer, reason, detail, at_s)

    def lamp_changed(self, visit: str | None, change: LampChange, reason: Reason) -> None:
        for one in self._all:
            one.lamp_changed(visit, change, reason)

    def fuelling_started(self, visit: str | None, at_s: float) -> None:
        for one in self._all:
            one.fuelling_started(visit, at_s)

    def fuelling_ended(self, visit: str | None, fuelling: Fuelling | None, at_s: float) -> None:
        for one in self._all:
            one.fuelling_ended(visit, fuelling, at_s)

    def noted(self, visit: str | None, text: str, at_s: float) -> None:
        for one in self._all:
            one.noted(visit, text, at_s)

    def visit_closed(self, summary: VisitSummary) -> None:
        for one in self._all:
            one.visit_closed(summary)
