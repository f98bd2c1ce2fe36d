"""What becomes of a question, whatever the service does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from controller.clock import ManualClock
from controller.errors import ClientError, Rejected, ServiceFault, ServiceSilent
from controller.lane import questions
from controller.lane.records import Answered, AskFailed, Renewed
from tests.controller.lanes import allow
from wire.fuellings import Fuelling, FuellingReceipt
from wire.questions import Decision, Question
from wire.reasons import Reason

QUESTION = Question(
    visit="v1",
    station="s",
    lane="l",
    plate="粤A12345",
    typed=False,
    captured_at=datetime(2026, 1, 5, tzinfo=UTC),
    confidence=0.9,
    weakest=0.95,
)


class Service:
    """Answers with one decision or raises one error."""

    def __init__(self, answer: Decision | ClientError) -> None:
        self.answer = answer

    def ask(self, question: Question, deadline_s: float) -> Decision:
        if isinstance(self.answer, ClientError):
            raise self.answer
        return self.answer

    def renew(self, authorisation: str, deadline_s: float) -> Decision:
        return self.ask(QUESTION, deadline_s)

    def release(self, authorisation: str, deadline_s: float) -> None:
        raise AssertionError

    def report(self, fuelling: Fuelling, deadline_s: float) -> FuellingReceipt:
        raise AssertionError


def test_an_answer_tells_how_long_it_lives_by_the_wall_clock() -> None:
    clock = ManualClock(allow().expires_at - timedelta(seconds=90) if allow().expires_at else None)  # type: ignore[operator, arg-type]
    outcome = questions.ask(Service(allow()), QUESTION, 3.0, clock)
    assert outcome.event == Answered("v1", allow(), 90.0)
    assert outcome.answer == allow()


class SlowService(Service):
    """Takes two seconds."""

    def __init__(self, answer: Decision, clock: ManualClock) -> None:
        super().__init__(answer)
        self.clock = clock

    def ask(self, question: Question, deadline_s: float) -> Decision:
        self.clock.advance(2.0)
        return super().ask(question, deadline_s)


def test_seconds_to_live_are_counted_from_the_moment_of_asking_whatever_the_wall_clock_says() -> None:
    answer = replace(allow(), expires_in_s=60.0)
    for year in (1970, 2026, 2031):
        clock = ManualClock(datetime(year, 1, 5, tzinfo=UTC), monotonic_s=500.0)
        assert questions.ask(SlowService(answer, clock), QUESTION, 3.0, clock).event == Answered("v1", answer, 560.0)
        assert questions.renew(SlowService(answer, clock), "a1", 3.0, clock).event == Renewed("a1", answer, 562.0)


@pytest.mark.parametrize(
    ("error", "reason", "final"),
    [
        (ServiceSilent("x"), Reason.SERVICE_SILENT, False),
        (ServiceFault("x"), Reason.SERVICE_FAULT, False),
        (Rejected("malformed", "x"), Reason.SERVICE_REJECTED, True),
        (Rejected("unauthenticated", "x"), Reason.SERVICE_REJECTED, False),
        (Rejected("forbidden", "x"), Reason.SERVICE_REJECTED, False),
        (ClientError("x"), Reason.INTERNAL, False),
    ],
)
def test_every_failure_is_an_outcome(error: ClientError, reason: Reason, final: bool) -> None:
    outcome = questions.ask(Service(error), QUESTION, 3.0, ManualClock())
    assert outcome.event == AskFailed("v1", reason, final)
    assert outcome.answer is None
    assert questions.renew(Service(error), "a1", 3.0, ManualClock()).event is None


def test_a_renewal() -> None:
    outcome = questions.renew(Service(allow()), "a1", 3.0, ManualClock(datetime(2026, 1, 5, 8, 0, tzinfo=UTC)))
    assert outcome.event == Renewed("a1", allow(), 120.0)
