"""Things to ask of the service now and then: which are due, and when the next one is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from controller.errors import ClientError
from controller.ports import Clock

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Chore:
    """Something to ask of the service now and then: do(deadline_s), again after every_s, or retry_s when it failed."""

    name: str
    do: Callable[[float], None]
    every_s: float
    retry_s: float = 30.0
    next_s: float = 0.0
    failing: bool = False


class Chores:
    """Used by one thread. A failure is logged once, until it works again."""

    def __init__(self, chores: Sequence[Chore], clock: Clock) -> None:
        self._chores = tuple(chores)
        self._clock = clock

    def do_due(self, deadline_s: float, go_on: Callable[[], bool] = lambda: True) -> None:
        """Do what is due, as long as go_on() says so."""
        for chore in self._chores:
            if self._clock.monotonic_s() >= chore.next_s and go_on():
                self._do(chore, deadline_s)

    def waits_s(self) -> list[float]:
        """Seconds until each is due; below zero when it is overdue."""
        now_s = self._clock.monotonic_s()
        return [chore.next_s - now_s for chore in self._chores]

    def _do(self, chore: Chore, deadline_s: float) -> None:
        try:
            chore.do(deadline_s)
        except ClientError as error:
            if not chore.failing:
                log.warning("%s: %s", chore.name, error)
            chore.failing = True
            chore.next_s = self._clock.monotonic_s() + chore.retry_s
        else:
            if chore.failing:
                log.info("%s: works again", chore.name)
            chore.failing = False
            chore.next_s = self._clock.monotonic_s() + chore.every_s
