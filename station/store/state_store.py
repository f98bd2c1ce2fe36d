"""What the station must not forget, in one state file: messages, answers, what is open, grants and a few facts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from controller.outbound.outbox import Outbox
from controller.outbound.rescue import damaged_copies
from controller.outbound.statefile import StateFile
from controller.ports import Clock
from service.store.clock import to_us
from station.store.answers import ANSWERS, KeptAnswers
from station.store.facts import FACTS, Facts
from station.store.grants import GRANTS, OfflineGrants
from station.store.open_here import OpenHere

KEPT = timedelta(days=30)


class StateStore:
    """Thread-safe; a method that raises StateError has done nothing. The outbox has made its table in the same file."""

    def __init__(self, state: StateFile, outbox: Outbox, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        state.ensure((*ANSWERS, *GRANTS, *FACTS))
        self.outbox = outbox
        self.open_here = OpenHere(state, clock)
        self.facts = Facts(state)
        self.answers = KeptAnswers(state, clock)
        self.grants = OfflineGrants(state, self.facts, clock)
        self.grants.catch_up()

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is done inside is stored as one, and seen by nobody in between."""
        with self._state.transaction():
            yield

    def damaged(self) -> int:
        """How many damaged state files of this station lie beside this one."""
        return len(damaged_copies(self._state.path))

    def tidy(self) -> None:
        """Forget answers and settled grants of long ago."""
        before_us = to_us(self._clock.now() - KEPT)
        with self.together():
            self.answers.tidy(before_us)
            self.grants.tidy(before_us)
