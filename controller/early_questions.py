"""Asks about a plate that the entry camera has read while the pump's own reads are still being voted on.

The answer waits here. It becomes the visit's only when the vote is certain of that very plate, and soon; in every other
case what it holds is given back and the lane asks as it always does. So a wrong expectation costs a hold of some
seconds and never a green.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container
from dataclasses import dataclass, replace

from controller.lane.questions import QuestionOutcome
from controller.lane.records import Answered, LaneState, SendQuestion, Subject
from controller.lane.view import off_its_seat
from controller.ports import Clock
from controller.records import Frame, Vote
from controller.settings_records import VoteSettings
from controller.worker import Worker
from wire.plates import masked
from wire.questions import Question
from wire.reasons import Verdict

log = logging.getLogger(__name__)

LIFE_S = 5.0
"""An answer that the vote has not caught up with by then is given back: the lane asks afresh."""


@dataclass(slots=True)
class EarlyQuestion:
    """One under way or answered. waits: the lane's own question that waits for it."""

    visit: str
    question: Question
    asked_s: float
    outcome: QuestionOutcome | None = None
    waits: SendQuestion | None = None
    is_unwanted: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an early question that the lane waits for. outcome: None when the lane has to ask itself."""

    command: SendQuestion
    outcome: QuestionOutcome | None


class EarlyQuestions:
    """Used by the lane's thread alone. At most one question a visit.

    expected: the plates that the entry camera has read. worker: a thread of its own, so that no other question waits.
    ask: the job of one question. release: gives an unused authorisation back.
    """

    def __init__(
        self,
        expected: Container[str],
        worker: Worker[QuestionOutcome],
        ask: Callable[[Question], QuestionOutcome],
        release: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self._expected = expected
        self._worker = worker
        self._ask = ask
        self._release = release
        self._clock = clock
        self._open: list[EarlyQuestion] = []
        self._last_visit = ""

    def look(
        self, state: LaneState, vote: Vote, frame: Frame, rules: VoteSettings, made: Callable[[str, Subject], Question]
    ) -> None:
        """Ask if an expected plate is read well here and nothing speaks against green but that the vote goes on."""
        visit, plate = state.visit, vote.candidate
        if visit is None or plate is None or visit.id == self._last_visit or not self._may_ask(state):
            return
        is_clear = not vote.certain and not vote.doubts and vote.weakest >= max(rules.weakest_character, rules.province)
        if not is_clear or plate not in self._expected or not self._worker.free:
            return
        subject = Subject(plate, False, frame.captured_at, vote.confidence, vote.weakest)
        question = made(f"{visit.id}.0", subject)
        self._last_visit = visit.id
        if self._worker.submit(lambda: self._ask(question)):
            self._open.append(EarlyQuestion(visit.id, question, self._clock.monotonic_s()))
            log.info("visit %s: asks early for the expected %s", visit.id, masked(plate))

    def take(self, command: SendQuestion) -> EarlyQuestion | None:
        """The early question that is the one the lane wants to ask now; all others of its visit are given up."""
        for early in list(self._open):
            if early.is_unwanted or early.visit != command.visit:
                continue
            if not self._matches(early, command):
                self._give_up(early)
                continue
            if early.outcome is None:
                early.waits = command
            else:
                self._open.remove(early)
            return early
        return None

    def poll(self) -> list[Settled]:
        """Take in what has been answered, and give up what nobody wanted in time."""
        settled = []
        for outcome in self._worker.results():
            early = next(one for one in self._open if one.outcome is None)
            early.outcome = outcome
            if early.waits is not None or early.is_unwanted:
                self._open.remove(early)
            if early.is_unwanted:
                self._give_back(outcome)
            elif early.waits is not None:
                settled.append(Settled(early.waits, answer_for(early, early.waits)))
        for early in [one for one in self._open if one.waits is None and self._age_s(one) > LIFE_S]:
            self._give_up(early)
        return settled

    def drop(self, visit: str | None = None, plate: str | None = None) -> list[SendQuestion]:
        """Give up the questions of a visit or about a plate, or all; the lane's own that waited and must be asked."""
        meant = [
            early
            for early in self._open
            if not early.is_unwanted and visit in (None, early.visit) and plate in (None, early.question.plate)
        ]
        waiting = [early.waits for early in meant if early.waits is not None]
        for early in meant:
            self._give_up(early)
        return waiting

    def _may_ask(self, state: LaneState) -> bool:
        visit = state.visit
        fresh = visit is not None and visit.subject is None and visit.asks == 0 and not visit.hidden
        return fresh and state.camera is None and state.flow is None and not state.fault and not off_its_seat(state)

    def _matches(self, early: EarlyQuestion, command: SendQuestion) -> bool:
        """Whether it is about the plate that the vote is certain of, and would be answered the same if asked now."""
        is_first = command.key == command.visit and not command.subject.typed
        if not is_first or early.question.plate != command.subject.plate or self._age_s(early) > LIFE_S:
            return False
        return early.outcome is None or answer_for(early, command) is not None

    def _age_s(self, early: EarlyQuestion) -> float:
        return self._clock.monotonic_s() - early.asked_s

    def _give_up(self, early: EarlyQuestion) -> None:
        early.is_unwanted, early.waits = True, None
        if early.outcome is not None:
            self._open.remove(early)
            self._give_back(early.outcome)

    def _give_back(self, outcome: QuestionOutcome) -> None:
        if outcome.answer is not None and outcome.answer.authorisation is not None:
            self._release(outcome.answer.authorisation)
            log.info("an early answer was not wanted and is given back")


def answer_for(early: EarlyQuestion, command: SendQuestion) -> QuestionOutcome | None:
    """The early answer as that of the lane's question; None for any that is not an allowance: the lane asks itself."""
    outcome = early.outcome
    event = None if outcome is None else outcome.event
    if outcome is None or not isinstance(event, Answered) or event.decision.decision is not Verdict.ALLOW:
        return None
    decision = replace(event.decision, visit=command.key)
    return replace(outcome, event=Answered(command.key, decision, event.expires_s), answer=decision)
