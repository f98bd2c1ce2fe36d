"""The questions a lane asks the balance service, as jobs whose results are events for the lane."""

from __future__ import annotations

from dataclasses import dataclass

from controller.errors import ClientError, Rejected, ServiceFault, ServiceSilent
from controller.lane.records import Answered, AskFailed, Renewed, Subject
from controller.ports import BalanceService, Clock
from wire.questions import MAX_CLOCK_ERROR_S, Decision, Question
from wire.reasons import ErrorCode, Reason


@dataclass(frozen=True, slots=True)
class QuestionOutcome:
    """What became of one question or renewal. event: None for a renewal that failed and is simply tried again."""

    event: Answered | AskFailed | Renewed | None
    answer: Decision | None
    reason: Reason
    detail: str = ""


def question_of(
    key: str, subject: Subject, place: tuple[str, str], error_s: float | None, age_s: float | None
) -> Question:
    """The question about a plate. place: station and lane; error_s: of this unit's clock; age_s: of the picture."""
    bounded_s = bounded_error_s(error_s)
    return Question(
        visit=key,
        station=place[0],
        lane=place[1],
        plate=subject.plate,
        typed=subject.typed,
        captured_at=subject.captured_at,
        confidence=min(1.0, subject.confidence),
        weakest=min(1.0, subject.weakest),
        seen=subject.seen,
        seen_certain=subject.seen_certain,
        confirmed_by=subject.confirmed_by,
        pin_proof=subject.pin_proof,
        clock_error_s=bounded_s,
        frame_age_s=None if bounded_s is None else age_s,
    )


def ask(service: BalanceService, question: Question, deadline_s: float, clock: Clock) -> QuestionOutcome:
    """One question; whatever goes wrong is an outcome."""
    asked_s = clock.monotonic_s()
    try:
        decision = service.ask(question, deadline_s)
    except ClientError as error:
        reason = reason_of(error)
        return QuestionOutcome(AskFailed(question.visit, reason, _for_good(error)), None, reason, str(error))
    answered = Answered(question.visit, decision, _until_s(decision, asked_s, clock))
    return QuestionOutcome(answered, decision, decision.reason)


def renew(service: BalanceService, authorisation: str, deadline_s: float, clock: Clock) -> QuestionOutcome:
    """One renewal."""
    asked_s = clock.monotonic_s()
    try:
        decision = service.renew(authorisation, deadline_s)
    except ClientError as error:
        return QuestionOutcome(None, None, reason_of(error), str(error))
    renewed = Renewed(authorisation, decision, _until_s(decision, asked_s, clock))
    return QuestionOutcome(renewed, decision, decision.reason)


def reason_of(error: ClientError) -> Reason:
    """The lane's reason for a service that gave no usable answer."""
    if isinstance(error, ServiceSilent):
        return Reason.SERVICE_SILENT
    if isinstance(error, ServiceFault):
        return Reason.SERVICE_FAULT
    return Reason.SERVICE_REJECTED if isinstance(error, Rejected) else Reason.INTERNAL


def bounded_error_s(error_s: float | None) -> float | None:
    """A clock's error as a question may carry it."""
    return None if error_s is None else min(max(0.0, error_s), MAX_CLOCK_ERROR_S)


def _for_good(error: ClientError) -> bool:
    """Whether the question itself is refused; a lost key or a wrong clock can be mended while the vehicle stands."""
    return isinstance(error, Rejected) and error.reason not in (ErrorCode.UNAUTHENTICATED, ErrorCode.FORBIDDEN)


def _until_s(decision: Decision, asked_s: float, clock: Clock) -> float:
    """When it expires, in the clock's monotonic seconds: counted from the moment of asking, so never too late.

    A service that tells no seconds to live is believed by the wall clock that both share; the lane cuts what a wrong
    clock makes too long.
    """
    if decision.expires_in_s is not None:
        return asked_s + decision.expires_in_s
    left_s = (decision.expires_at - clock.now()).total_seconds() if decision.expires_at is not None else 0.0
    return clock.monotonic_s() + left_s
