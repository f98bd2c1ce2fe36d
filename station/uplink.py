"""Whether the server answers: every call goes past here and leaves its mark."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from controller.errors import Rejected, ServiceFault, ServiceSilent
from controller.ports import Clock
from wire.reasons import ErrorCode

log = logging.getLogger(__name__)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class LineState:
    """up: the last call was answered. barred: the server heard this station last and did not take its word."""

    up: bool
    since: datetime
    trouble: str = ""
    barred: bool = False


class Line:
    """Up until a call fails, down until one is answered. Thread-safe; changed() is called after each change.

    barred: the server's words of an earlier run, if it did not take this station's word then. Silence does not undo it.
    """

    def __init__(self, clock: Clock, barred: str = "") -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._state = LineState(not barred, clock.now(), barred, bool(barred))
        self.changed: Callable[[], None] = lambda: None

    @property
    def state(self) -> LineState:
        return self._state

    def ask(
        self,
        do: Callable[[float], Result],
        deadline_s: float,
        *,
        only_silence: bool = False,
        relayed: bool = False,
    ) -> Result:
        """What do(deadline_s) returns or raises (ClientError).

        only_silence: an error of the server's own (5xx) says something about this message alone.
        relayed: somebody else's words, so a refusal says nothing about this station.
        """
        try:
            result = do(deadline_s)
        except Rejected as error:
            barred = error.reason == ErrorCode.UNAUTHENTICATED
            if not (barred and relayed):
                self._turn(not barred, error.detail if barred else "", barred)
            raise
        except (ServiceSilent, ServiceFault) as error:
            if isinstance(error, ServiceSilent) or not only_silence:
                self._turn(False, str(error))
            raise
        self._turn(True, "")
        return result

    def _turn(self, up: bool, trouble: str, barred: bool = False) -> None:
        with self._lock:
            before = self._state
            if before.barred and not up:
                return
            if (before.up, before.barred) == (up, barred):
                return
            self._state = LineState(up, self._clock.now(), trouble, barred)
        if barred:
            log.error("line: the server does not take this station's word: %s", trouble)
        elif up:
            log.warning("line: up again")
        else:
            log.warning("line: down: %s", trouble)
        self.changed()
