"""Carries the outbox to the balance service: in order per kind, with back-off, parking what is refused for good."""

from __future__ import annotations

import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from controller.errors import ClientError, Rejected
from controller.outbound.outbox import Message, Outbox
from controller.outbound.periodic import PeriodicTask, PeriodicTasks
from controller.outbound.statefile import StateError
from controller.ports import BalanceService, Clock
from wire.codec import WireError, decode, encode
from wire.fuellings import Fuelling
from wire.reasons import ErrorCode

log = logging.getLogger(__name__)

FUELLING = "fuelling"
RELEASE = "release"

MOST_SOON = 1000
"""Messages handed over while the disk is full; beyond these the oldest are dropped."""

Sender = Callable[[Mapping[str, Any], float], Mapping[str, Any] | None]
"""Sends one body within that many seconds and returns the receipt; raises ClientError, or WireError for a body that is
no message at all."""

SENDER_AT_FAULT = frozenset({ErrorCode.UNAUTHENTICATED.value, ErrorCode.FORBIDDEN.value})
"""Refusals that speak of this device, not of the message: a lost key or a wrong clock must not park every fuelling."""


@dataclass(frozen=True, slots=True)
class CourierSettings:
    """deadline_s: for one message. The wait after a failure doubles from first_wait_s to longest_wait_s.

    keep_sent_days: receipts are kept that long for traces and the panel.
    """

    deadline_s: float = 10.0
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    keep_sent_days: int = 30


@dataclass(slots=True)
class _BackOff:
    failures: int = 0
    next_try_s: float = 0.0


class Courier:
    """The worker that empties the outbox. `step` does what is due now; `start` runs steps in a thread until `stop`.

    on_sent is called with each message and its receipt after the outbox has recorded it.
    on_death is called once, from the worker, when it ends by an error that nobody planned.
    Kinds such as "fuelling:D1" and "fuelling:D2" share a sender and go on each by itself. may_send: while it says no,
    everything waits; wake() once it says yes.
    """

    def __init__(
        self,
        outbox: Outbox,
        senders: Mapping[str, Sender],
        clock: Clock,
        rng: random.Random,
        settings: CourierSettings | None = None,
        on_sent: Callable[[Message, Mapping[str, Any] | None], None] | None = None,
        on_death: Callable[[BaseException], None] | None = None,
        tasks: Sequence[PeriodicTask] = (),
        may_send: Callable[[], bool] = lambda: True,
    ) -> None:
        self._outbox = outbox
        self._senders = senders
        self._clock = clock
        self._rng = rng
        self._settings = settings or CourierSettings()
        self._on_sent = on_sent
        self._on_death = on_death
        self._back_off: dict[str, _BackOff] = {}
        self._tasks = PeriodicTasks(tasks, clock)
        self._may_send = may_send
        self._next_purge_s = clock.monotonic_s()
        self._state_failing = False
        self._soon: deque[tuple[str, str, Mapping[str, Any]]] = deque(maxlen=MOST_SOON)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Something was put into the outbox, or an operator asked for a retry: try at once what is not backing off."""
        self._wake.set()

    def put_soon(self, kind: str, key: str, body: Mapping[str, Any]) -> None:
        """Hand a message over without waiting for the disk; a power cut within the next moment loses it.

        For messages that heal by themselves, such as the release of a hold that expires anyway. Raises nothing.
        """
        self._soon.append((kind, key, body))
        self.wake()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """Ask the worker to end and wait for it; False when it is still inside a call. Idempotent."""
        self._stopping.set()
        self._wake.set()
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def step(self) -> float:
        """Send what is due; returns the seconds until something may be due again."""
        try:
            self._store_soon()
            for kind in self._outbox.waiting_kinds() if self._may_send() else ():
                self._drain(kind)
            self._tasks.do_due(self._settings.deadline_s, lambda: not self._stopping.is_set())
            self._purge()
        except StateError as error:
            if not self._state_failing:
                log.error("outbox: %s", error)
            self._state_failing = True
            return self._settings.first_wait_s
        if self._state_failing:
            log.warning("outbox: the state file works again")
        self._state_failing = False
        return self._until_due()

    def _store_soon(self) -> None:
        while self._soon:
            self._outbox.put(*self._soon[0])
            self._soon.popleft()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._wake.clear()
                self._wake.wait(self.step())
        except Exception as error:
            log.exception("courier: ended by an error")
            if self._on_death is not None:
                self._on_death(error)

    def _drain(self, kind: str) -> None:
        back_off = self._back_off.setdefault(kind, _BackOff())
        while self._clock.monotonic_s() >= back_off.next_try_s and not self._stopping.is_set():
            message = self._outbox.head(kind)
            if message is None or not self._deliver(message, back_off):
                return

    def _deliver(self, message: Message, back_off: _BackOff) -> bool:
        """Try once; True when the next message may follow."""
        sender = self._senders.get(message.kind.partition(":")[0])
        try:
            if sender is None:
                raise WireError(f"nobody sends messages of kind {message.kind}")
            receipt = sender(message.body, self._settings.deadline_s)
        except WireError as error:
            self._park(message, ErrorCode.MALFORMED.value, str(error))
        except Rejected as error:
            if error.reason in SENDER_AT_FAULT:
                return self._failed(message, back_off, error)
            self._park(message, error.reason, error.detail)
        except ClientError as error:
            return self._failed(message, back_off, error)
        else:
            self._outbox.sent(message.id, receipt)
            if self._on_sent is not None:
                self._on_sent(message, receipt)
        if back_off.failures:
            log.warning("outbox: %s messages go through again", message.kind)
        back_off.failures = 0
        return True

    def _park(self, message: Message, reason: str, detail: str) -> None:
        log.error("outbox: %s %s parked, the service refuses it: %s (%s)", message.kind, message.key, reason, detail)
        self._outbox.park(message.id, reason, detail)

    def _failed(self, message: Message, back_off: _BackOff, error: ClientError) -> bool:
        if back_off.failures == 0:
            log.warning("outbox: %s messages wait: %s", message.kind, error)
        settings = self._settings
        wait_s = min(settings.longest_wait_s, settings.first_wait_s * 2.0 ** min(back_off.failures, 30))
        back_off.failures += 1
        back_off.next_try_s = self._clock.monotonic_s() + wait_s * self._rng.uniform(0.5, 1.0)
        self._outbox.failed(message.id, str(error))
        return False

    def _purge(self) -> None:
        if self._clock.monotonic_s() >= self._next_purge_s:
            self._next_purge_s = self._clock.monotonic_s() + 3600.0
            self._outbox.forget_sent(self._clock.now() - timedelta(days=self._settings.keep_sent_days))

    def _until_due(self) -> float:
        now_s = self._clock.monotonic_s()
        waits = [b.next_try_s - now_s for b in self._back_off.values() if b.failures]
        waits += self._tasks.waits_s()
        return min([max(w, 0.05) for w in waits], default=self._settings.longest_wait_s)


def balance_senders(service: BalanceService) -> dict[str, Sender]:
    """The senders of a lane unit: fuelling reports, and releases of authorisations that were not used."""

    def fuelling(body: Mapping[str, Any], deadline_s: float) -> Mapping[str, Any]:
        return encode(service.report(decode(Fuelling, body), deadline_s))

    def release(body: Mapping[str, Any], deadline_s: float) -> None:
        authorisation = body.get("authorisation")
        if not isinstance(authorisation, str):
            raise WireError("authorisation: missing")
        service.release(authorisation, deadline_s)

    return {FUELLING: fuelling, RELEASE: release}


def fuelling_key(fuelling: Fuelling) -> str:
    """The key of a fuelling report: its dispenser and sequence, unique for ever."""
    return f"{fuelling.dispenser}/{fuelling.sequence}"
