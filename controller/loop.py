"""The live loop: turns of the runner, woken by frames and answers, until it is told to stop or something dies."""

from __future__ import annotations

import logging
import threading
from typing import Protocol

from controller.records import Frame
from controller.watching.frames import FramePump
from wire.reasons import Reason

log = logging.getLogger(__name__)

EXIT_OK = 0
EXIT_FAILED = 1


class Ticking(Protocol):
    """What the loop turns: a lane's runner or an entrance's."""

    @property
    def words(self) -> str: ...

    def tick(self, frame: Frame | None = None, trouble: Reason | None = None) -> None: ...

    def abandon(self, detail: str) -> None: ...


class SignsOfLife(Protocol):
    """Hears that the loop lives; hardware.watchdog has them."""

    def ready(self) -> None: ...

    def alive(self) -> None: ...

    def status(self, text: str) -> None: ...

    def stopping(self) -> None: ...


class Bell:
    """Wakes the loop: rung by any thread for a frame, an answer, the wish to stop, or the death of a worker."""

    def __init__(self) -> None:
        self._rung = threading.Event()
        self._stop = threading.Event()
        self.failure: BaseException | None = None

    def ring(self) -> None:
        self._rung.set()

    def stop(self) -> None:
        self._stop.set()
        self._rung.set()

    def fail(self, error: BaseException) -> None:
        """A worker that the lane cannot do without has died."""
        self.failure = error
        self.stop()

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def wait(self, longest_s: float) -> None:
        self._rung.wait(longest_s)
        self._rung.clear()


def run_live(runner: Ticking, pump: FramePump, bell: Bell, watchdog: SignsOfLife, longest_pause_s: float) -> int:
    """Turn until stopped or the video ends (0), or until something fails for good (1); either way end at red."""
    status = EXIT_FAILED
    try:
        _turn(runner, pump, bell, watchdog, longest_pause_s)
        status = EXIT_OK
    except Exception:
        log.exception("the lane stops: red, and the process ends so that it is started afresh")
    finally:
        runner.abandon("the lane was stopped" if status == EXIT_OK else "the lane failed")
        watchdog.stopping()
    return status


def _turn(runner: Ticking, pump: FramePump, bell: Bell, watchdog: SignsOfLife, longest_pause_s: float) -> None:
    pump.start()
    runner.tick()
    watchdog.ready()
    shown = ""
    while not bell.stopped:
        glimpse = pump.take()
        if glimpse.over:
            log.info("the video is over")
            return
        runner.tick(glimpse.frame, glimpse.trouble)
        watchdog.alive()
        if runner.words != shown:
            shown = runner.words
            watchdog.status(shown)
        bell.wait(longest_pause_s)
    if bell.failure is not None:
        raise bell.failure
