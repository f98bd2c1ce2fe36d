"""A worker on a moved clock whose results come as late as they would over a line of a stated delay."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Generic

from controller.ports import Clock
from controller.worker import Job, Result


class LateWorker(Generic[Result]):
    """Does each job at once; its result is handed out after what it took by `timer` and line_s, by the clock."""

    def __init__(self, clock: Clock, line_s: float, timer: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._timer = timer
        self._line_s = line_s
        self._done: deque[tuple[float, Result]] = deque()
        self._busy_until_s = 0.0

    @property
    def free(self) -> bool:
        return True

    def submit(self, job: Job[Result]) -> bool:
        """One after another, as a thread of its own does them."""
        began = self._timer()
        result = job()
        took_s = self._timer() - began + self._line_s
        self._busy_until_s = max(self._busy_until_s, self._clock.monotonic_s()) + took_s
        self._done.append((self._busy_until_s, result))
        return True

    def results(self) -> list[Result]:
        found = []
        while self._done and self._done[0][0] <= self._clock.monotonic_s():
            found.append(self._done.popleft()[1])
        return found

    def close(self) -> None:
        self._done.clear()
