"""Whether the server answers: every call goes past here and leaves its mark.

An answer in the server's own error record, whatever its status but 503, means that it is there. No connection, no
answer in time, 503, and answers that are not the server's (a proxy's 502, a page, a redirect) mean that it is not.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from controller.errors import Rejected, ServiceFailed, ServiceFault, ServiceSilent
from controller.ports import Clock
from service.errors import Unavailable
from wire.reasons import ErrorCode

log = logging.getLogger(__name__)

UNJUDGED = {ErrorCode.MALFORMED, ErrorCode.TOO_LARGE, ErrorCode.THROTTLED}
"""Refusals that may come before the server has looked at who speaks: they do not say that it trusts this station."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class UplinkState:
    """up: the last call was answered. barred: the server heard this station last and did not take its word."""

    up: bool
    since: datetime
    trouble: str = ""
    barred: bool = False


class Uplink:
    """Up until a call fails, down until one is answered. Thread-safe; changed() is called after each change.

    barred: the server's words of an earlier run, if it did not take this station's word then. Silence does not undo it.
    """

    def __init__(self, clock: Clock, barred: str = "") -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._state = UplinkState(not barred, clock.now(), barred, bool(barred))
        self.changed: Callable[[], None] = lambda: None

    @property
    def state(self) -> UplinkState:
        return self._state

    def require_trust(self) -> None:
        """Raises Unavailable for a station whose word the server does not take: it must not spend its money either."""
        state = self._state
        if state.barred:
            raise Unavailable(f"the server refuses this station: {state.trouble}")

    def ask(
        self,
        do: Callable[[float], Result],
        deadline_s: float,
        *,
        only_silence: bool = False,
        relayed: bool = False,
    ) -> Result:
        """What do(deadline_s) returns or raises (ClientError).

        only_silence: a fault that is not silence says something about this message alone.
        relayed: somebody else's words, so a refusal says nothing about this station.
        """
        try:
            result = do(deadline_s)
        except Rejected as error:
            barred = error.reason == ErrorCode.UNAUTHENTICATED
            if not (barred and relayed):
                self._answered(barred, error.detail if barred else "", error.reason not in UNJUDGED)
            raise
        except ServiceFailed:
            self._answered(False, "", is_trusted=False)
            raise
        except (ServiceSilent, ServiceFault) as error:
            if isinstance(error, ServiceSilent) or not only_silence:
                self._turn(False, str(error))
            raise
        self._turn(True, "")
        return result

    def _answered(self, barred: bool, trouble: str, is_trusted: bool) -> None:
        """The server is there; only an answer that shows its trust ends a bar."""
        if barred or is_trusted or not self._state.barred:
            self._turn(not barred, trouble, barred)

    def _turn(self, up: bool, trouble: str, barred: bool = False) -> None:
        with self._lock:
            before = self._state
            if before.barred and not up:
                return
            if (before.up, before.barred) == (up, barred):
                return
            self._state = UplinkState(up, self._clock.now(), trouble, barred)
        if barred:
            log.error("line: the server refuses this station: %s", trouble)
        elif up:
            log.warning("line: up again")
        else:
            log.warning("line: down: %s", trouble)
        self.changed()
