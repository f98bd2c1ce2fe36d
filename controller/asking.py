"""How the lane's questions get to the service: made, sent, or answered by one that was asked early."""

from __future__ import annotations

import logging
from datetime import datetime

from controller.early_questions import answer_for
from controller.lane import questions
from controller.lane.questions import QuestionOutcome
from controller.lane.records import AskFailed, LaneState, SendQuestion, SendRenewal, Subject
from controller.parts import Parts
from controller.records import Frame, Vote
from controller.settings_records import Settings
from wire.plates import masked
from wire.questions import Question
from wire.reasons import Reason

log = logging.getLogger(__name__)

BUSY = "too many questions are under way"


class Asking:
    """Belongs to the lane's thread. jumped_s: when the wall clock jumped last, in monotonic seconds."""

    def __init__(self, parts: Parts, settings: Settings) -> None:
        self._parts = parts
        self._settings = settings
        self._last_key = ""
        self.jumped_s: float | None = None

    def ask(self, command: SendQuestion) -> QuestionOutcome | None:
        """Send a question; its outcome where it is known at once, else it comes with the network's results."""
        early = None if self._parts.early is None else self._parts.early.take(command)
        if early is None:
            return self._send(command)
        self._parts.observer.asked(command.visit, early.question, self._parts.clock.monotonic_s())
        return answer_for(early, command)

    def renew(self, command: SendRenewal) -> bool:
        """Ask for more time; False where too many questions are under way."""
        parts, deadline_s, authorisation = self._parts, self._settings.service.deadline_s, command.authorisation
        return parts.network.submit(lambda: questions.renew(parts.service, authorisation, deadline_s, parts.clock))

    def look(self, state: LaneState, vote: Vote, frame: Frame) -> None:
        """A read changed the vote: a plate that is expected may be asked about early."""
        if self._parts.early is not None:
            self._parts.early.look(state, vote, frame, self._settings.vote, self._question)

    def settled(self, state: LaneState) -> list[QuestionOutcome]:
        """Outcomes of early questions for which the lane's own waits; what was not an allowance is asked anew."""
        answered = [] if self._parts.early is None else self._parts.early.poll()
        found = [one.outcome or self._send_if_wanted(one.command, state) for one in answered]
        return [outcome for outcome in found if outcome is not None]

    def drop_early(self, state: LaneState, visit: str | None = None, plate: str | None = None) -> list[QuestionOutcome]:
        """Give up early questions: of a visit, about a plate, or all. What the lane waits for is asked anew."""
        dropped = [] if self._parts.early is None else self._parts.early.drop(visit, plate)
        found = [self._send_if_wanted(command, state) for command in dropped]
        return [outcome for outcome in found if outcome is not None]

    def _send_if_wanted(self, command: SendQuestion, state: LaneState) -> QuestionOutcome | None:
        is_wanted = state.visit is not None and state.visit.question == command.key
        return self._send(command) if is_wanted else None

    def _send(self, command: SendQuestion) -> QuestionOutcome | None:
        parts, deadline_s = self._parts, self._settings.service.deadline_s
        question = self._question(command.key, command.subject)
        parts.observer.asked(command.visit, question, parts.clock.monotonic_s())
        level = logging.DEBUG if command.key == self._last_key else logging.INFO
        self._last_key = command.key
        log.log(level, "visit %s: asks for %s", command.visit, masked(question.plate))
        if parts.network.submit(lambda: questions.ask(parts.service, question, deadline_s, parts.clock)):
            return None
        return QuestionOutcome(AskFailed(command.key, Reason.SERVICE_SILENT), None, Reason.SERVICE_SILENT, BUSY)

    def _question(self, key: str, subject: Subject) -> Question:
        lane, error_s = self._settings.lane, questions.bounded_error_s(self._parts.clock_error())
        age_s = None if error_s is None else self._age_s(subject.captured_at)
        return questions.question_of(key, subject, (lane.station, lane.name), error_s, age_s)

    def _age_s(self, captured_at: datetime) -> float | None:
        """How old a picture is; None where the wall clock jumped since."""
        now_s = self._parts.clock.monotonic_s()
        age_s = (self._parts.clock.now() - captured_at).total_seconds()
        jumped = self.jumped_s is not None and now_s - self.jumped_s <= age_s
        return None if age_s < 0 or jumped else age_s
