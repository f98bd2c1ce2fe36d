"""What a pump's lane needs to ask early about plates that the station's entry camera has read."""

from __future__ import annotations

from collections.abc import Callable

from controller.early_questions import EarlyQuestions
from controller.lane import questions
from controller.lane.questions import QuestionOutcome
from controller.outbound.expected import ExpectedFollower, ExpectedPlates
from controller.ports import BalanceService, Clock
from controller.settings_records import Settings
from controller.worker import ThreadWorker
from greenlane.service_clients import ahead_link_of

EARLY_JOBS = 2


class EarlyParts:
    """questions: None where [service] ask_early is false; then nothing runs."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        service: BalanceService,
        release: Callable[[str], None],
        ring: Callable[[], None],
    ) -> None:
        self.questions: EarlyQuestions | None = None
        self._follower: ExpectedFollower | None = None
        self._worker: ThreadWorker[QuestionOutcome] | None = None
        if not settings.service.ask_early:
            return
        plates, deadline_s = ExpectedPlates(clock), settings.service.deadline_s
        self._follower = ExpectedFollower(ahead_link_of(settings, clock), plates, clock)
        self._worker = ThreadWorker("early questions", EARLY_JOBS, ring)
        self.questions = EarlyQuestions(
            plates, self._worker, lambda asked: questions.ask(service, asked, deadline_s, clock), release, clock
        )

    def start(self) -> None:
        """Begin to follow the list."""
        if self._follower is not None:
            self._follower.start()

    def close(self) -> None:
        """Idempotent."""
        if self._follower is not None:
            self._follower.close()
        if self._worker is not None:
            self._worker.close()
