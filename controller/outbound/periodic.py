"""Things to ask of the service now and then: which are due, and when the next one is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from controller.errors import ClientError
from controller.ports import Clock

log = logging.getLogger(__name__)


@dataclass(slots=True)
class PeriodicTask:
    """Something to ask of the service now and then: do(deadline_s), again after every_s, or retry_s when it failed."""

    name: str
    do: Callable[[float], None]
    every_s: float
    retry_s: float = 30.0
    next_s: float = 0.0
    failing: bool = False


class PeriodicTasks:
    """Used by one thread. A failure is logged once, until it works again."""

    def __init__(self, tasks: Sequence[PeriodicTask], clock: Clock) -> None:
        self._tasks = tuple(tasks)
        self._clock = clock

    def do_due(self, deadline_s: float, go_on: Callable[[], bool] = lambda: True) -> None:
        """Do what is due, as long as go_on() says so."""
        for task in self._tasks:
            if self._clock.monotonic_s() >= task.next_s and go_on():
                self._do(task, deadline_s)

    def waits_s(self) -> list[float]:
        """Seconds until each is due; below zero when it is overdue."""
        now_s = self._clock.monotonic_s()
        return [task.next_s - now_s for task in self._tasks]

    def _do(self, task: PeriodicTask, deadline_s: float) -> None:
        try:
            task.do(deadline_s)
        except ClientError as error:
            if not task.failing:
                log.warning("%s: %s", task.name, error)
            task.failing = True
            task.next_s = self._clock.monotonic_s() + task.retry_s
        else:
            if task.failing:
                log.info("%s: works again", task.name)
            task.failing = False
            task.next_s = self._clock.monotonic_s() + task.every_s
