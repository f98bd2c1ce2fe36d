"""Tells the station's page what an entry camera does, best effort and never in its way; and Prometheus, where asked."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from controller.ports import Clock
from controller.telling.metrics import Labels, Series, gauge
from wire.errors import GreenlaneError
from wire.live import LaneStatus

log = logging.getLogger(__name__)


class StatusLink(Protocol):
    """The line to the station's pages. A call ends within deadline_s or raises a ClientError."""

    def tell_status(self, status: LaneStatus, deadline_s: float) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class EntranceReports:
    """look_s: how soon a change is noticed. beat_s: a status goes out this often though nothing changed."""

    look_s: float = 0.5
    beat_s: float = 10.0
    deadline_s: float = 5.0


class EntranceReporter:
    """One worker; tell_once is its turn. status: what the entrance is now; asked from the worker's thread."""

    def __init__(
        self,
        link: StatusLink,
        status: Callable[[], LaneStatus],
        clock: Clock,
        settings: EntranceReports | None = None,
    ) -> None:
        self._link = link
        self._status = status
        self._clock = clock
        self._settings = settings or EntranceReports()
        self._stopping = threading.Event()
        self._sent: LaneStatus | None = None
        self._next_beat_s = 0.0

    def start(self) -> None:
        threading.Thread(target=self._work, name="reporter", daemon=True).start()

    def close(self) -> None:
        """Idempotent; a call under way is cut."""
        self._stopping.set()
        self._link.close()

    def tell_once(self) -> bool:
        """Send what is new, or due; whether it was sent. Raises ClientError; what was not sent is sent later."""
        status, now_s = self._status(), self._clock.monotonic_s()
        is_news = self._sent is None or replace(status, at=self._sent.at) != self._sent
        if not is_news and now_s < self._next_beat_s:
            return False
        self._link.tell_status(status, self._settings.deadline_s)
        self._sent, self._next_beat_s = status, now_s + self._settings.beat_s
        return True

    def _work(self) -> None:
        """A failure is told once, and tried again with each beat."""
        failing, pause_s = False, 0.0
        while not self._stopping.wait(pause_s):
            pause_s = self._settings.look_s
            try:
                if self.tell_once() and failing:
                    log.info("the station hears this entrance again")
                    failing = False
            except GreenlaneError as error:
                if not failing and not self._stopping.is_set():
                    log.warning("the station does not hear this entrance: %s", error)
                failing, pause_s = True, self._settings.beat_s


def entrance_series(asked_ahead: int, reads: int, *, is_trusted: bool, is_heard: bool) -> list[Series]:
    """What an entry camera tells Prometheus."""
    asked: dict[Labels, float] = {(): float(asked_ahead)}
    read: dict[Labels, float] = {(): float(reads)}
    return [
        Series("greenlane_entrance_asked_ahead_total", "counter", "Plates asked ahead.", asked),
        Series("greenlane_entrance_frames_read_total", "counter", "Pictures read.", read),
        gauge("greenlane_entrance_camera", "1 while the camera's pictures can be trusted.", float(is_trusted)),
        gauge("greenlane_entrance_heard", "1 unless the last plate could not be asked ahead.", float(is_heard)),
    ]
