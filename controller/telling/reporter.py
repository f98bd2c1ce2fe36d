"""Tells the station what the lane does and carries out what people there want: best effort, and never in its way."""

from __future__ import annotations

import base64
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from controller.errors import ClientError, HardwareError
from controller.outbound.outbox import OutboxError
from controller.outbound.statefile import StateError
from controller.ports import Clock
from controller.records import Frame
from controller.telling.panel import LanePanel, TypedPlate
from controller.telling.unit_messages import UnitMessages
from controller.telling.visit_reports import PendingReport, VisitReports
from wire.errors import GreenlaneError
from wire.live import LaneStatus, Order, OrderKind, OrderOutcome, OrderResult, VisitReport

log = logging.getLogger(__name__)

MOST_PICTURE = 32_000
"""Characters of base64 in one report (wire.live.VisitReport)."""
REMEMBERED = 50


class StationLink(Protocol):
    """The lane's line to its station's pages. Every call ends within deadline_s or raises a ClientError."""

    def tell_status(self, status: LaneStatus, deadline_s: float) -> None: ...

    def tell_visit(self, report: VisitReport, deadline_s: float) -> None: ...

    def orders(self, done: tuple[OrderOutcome, ...], wait_s: float, deadline_s: float) -> tuple[Order, ...]:
        """Wait for orders up to wait_s, and tell what became of those before."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ReporterSettings:
    """gap_s: shortest time between two reports. beat_s: a status goes out this often though nothing changed.

    typed_s: the lane takes a typed plate within this, or not at all.
    """

    gap_s: float = 0.5
    beat_s: float = 10.0
    deadline_s: float = 5.0
    wait_s: float = 20.0
    typed_s: float = 3.0
    retry_first_s: float = 1.0
    retry_longest_s: float = 30.0


class Reporter:
    """Two workers: one tells, one waits for orders. tell_once and listen_once are their turns.

    encode: a small JPEG of one BGR uint8 image (height, width, 3); raises HardwareError.
    """

    def __init__(
        self,
        link: StationLink,
        panel: LanePanel,
        visit_reports: VisitReports,
        messages: UnitMessages,
        clock: Clock,
        encode: Callable[[Any], bytes],
        settings: ReporterSettings | None = None,
    ) -> None:
        self._link = link
        self._panel = panel
        self._visit_reports = visit_reports
        self._messages = messages
        self._clock = clock
        self._encode = encode
        self._settings = settings or ReporterSettings()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._heard = threading.Event()
        self._sent_version = -1
        self._next_beat_s = 0.0
        self._done: OrderedDict[str, OrderOutcome] = OrderedDict()
        self._untold: list[OrderOutcome] = []
        panel.changed = visit_reports.changed = self._wake.set

    def start(self) -> None:
        for name, turn in (("reporter", self._tell_turn), ("orders", self._listen_turn)):
            threading.Thread(target=self._work, args=(name, turn), name=name, daemon=True).start()

    def close(self) -> None:
        """Idempotent; calls under way are cut."""
        self._stopping.set()
        self._heard.set()
        self._wake.set()
        self._link.close()

    def tell_once(self) -> None:
        """Send what is new. Raises ClientError; what was not sent is sent later."""
        status, version = self._panel.status, self._panel.version
        due = self._clock.monotonic_s() >= self._next_beat_s
        if status is not None and (version != self._sent_version or due):
            now, own = self._clock.now(), self._messages
            waiting, parked, damaged = own.count_waiting(), own.parked(), own.damaged()
            pending = replace(status, at=now, waiting=waiting, parked=parked, damaged=damaged)
            self._link.tell_status(pending, self._settings.deadline_s)
            self._heard.set()
            self._sent_version = version
            self._next_beat_s = self._clock.monotonic_s() + self._settings.beat_s
        visits = self._visit_reports.take()
        while visits:
            one = visits[0]
            try:
                self._link.tell_visit(self._with_picture(one), self._settings.deadline_s)
            except ClientError:
                for unsent in visits:
                    self._visit_reports.again(unsent.report.visit, unsent.frame)
                raise
            self._heard.set()
            visits.pop(0)

    def listen_once(self) -> None:
        """Wait for orders and carry them out. Raises ClientError."""
        settings = self._settings
        telling = tuple(self._untold[:20])
        orders = self._link.orders(telling, settings.wait_s, settings.wait_s + settings.deadline_s)
        self._heard.set()
        del self._untold[: len(telling)]
        for order in orders:
            outcome = self._done.get(order.id) or self._carry_out(order)
            self._done[order.id] = outcome
            self._untold.append(outcome)
            if len(self._done) > REMEMBERED:
                self._done.popitem(last=False)

    def _carry_out(self, order: Order) -> OrderOutcome:
        log.info("order %s from %s: %s", order.id, order.by, order.kind)
        try:
            return OrderOutcome(order=order.id, result=self._do(order))
        except (OutboxError, StateError) as error:
            return OrderOutcome(order=order.id, result=OrderResult.FAILED, detail=str(error)[:200])

    def _do(self, order: Order) -> OrderResult:
        if order.kind is OrderKind.TYPED and order.plate is not None:
            typed = TypedPlate(order.plate, pin_proof=order.pin_proof, visit=order.visit)
            return self._panel.type(typed, self._settings.typed_s)
        if order.kind is OrderKind.CONFIRM and order.plate is not None:
            return self._panel.type(TypedPlate(order.plate, confirmed_by=order.by), self._settings.typed_s)
        if order.kind is OrderKind.MOVE and order.plate is not None:
            return self._panel.type(TypedPlate(order.plate, is_move=True), self._settings.typed_s)
        if order.kind is OrderKind.REVOKE and order.plate is not None:
            return self._panel.type(TypedPlate(order.plate, is_revoke=True), self._settings.typed_s)
        if not self._messages.carry_out(order):
            return OrderResult.FAILED
        self._sent_version = -1
        self._wake.set()
        return OrderResult.TAKEN

    def _with_picture(self, pending: PendingReport) -> VisitReport:
        picture = None if pending.frame is None else self._picture(pending.frame)
        return replace(pending.report, picture=picture)

    def _picture(self, frame: Frame) -> str | None:
        """None for a frame that cannot be made small enough."""
        try:
            text = base64.b64encode(self._encode(frame.image)).decode()
        except HardwareError as error:
            log.warning("a visit is told without its picture: %s", error)
            return None
        return text if len(text) <= MOST_PICTURE else None

    def _tell_turn(self) -> None:
        self._wake.wait(self._settings.beat_s)
        self._wake.clear()
        if not self._stopping.is_set():
            self.tell_once()
            self._stopping.wait(self._settings.gap_s)

    def _listen_turn(self) -> None:
        self.listen_once()

    def _work(self, name: str, turn: Callable[[], None]) -> None:
        """Turns until closed; a failure is told once and tried again with growing pauses.

        Where one worker is heard the other tries at once: a panel that sees the lane alive takes plates for it.
        """
        wait_s, failing = self._settings.retry_first_s, False
        while not self._stopping.is_set():
            try:
                turn()
            except GreenlaneError as error:
                trouble: Exception = error
            except Exception as error:
                log.exception("%s: an error that nobody planned", name)
                trouble = error
            else:
                if failing:
                    log.info("%s: the station hears this lane again", name)
                wait_s, failing = self._settings.retry_first_s, False
                continue
            if not failing and not self._stopping.is_set():
                log.warning("%s: the station does not hear this lane: %s", name, trouble)
            failing = True
            self._heard.clear()
            if not self._stopping.is_set():
                self._heard.wait(wait_s)
            self._wake.set()
            wait_s = min(wait_s * 2, self._settings.retry_longest_s)
