"""Meters one dispenser: from its wires to reports in the outbox that survive a power cut."""

from __future__ import annotations

import functools
import logging
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from controller.fuelling.journal import FuellingJournal
from controller.fuelling.open_fuelling import (
    Ended,
    Lifted,
    MeterEvent,
    MeterSettings,
    OpenFuelling,
    Progress,
    Reached,
    Started,
    Strayed,
    UnitPrice,
)
from controller.fuelling.strays import Strays, most_pulses
from controller.fuelling.terminal import RunningFuelling, TerminalEvent
from controller.fuelling.totaliser import Totaliser
from controller.lane.records import FlowContext, LimitReached, NozzleHung, NozzleLifted
from controller.outbound.statefile import StateError
from controller.ports import Clock, Dispenser
from controller.records import DispenserReading
from controller.worker import Worker
from wire.flags import LaneFlag

log = logging.getLogger(__name__)


class FuellingMeter:
    """Turns dispenser readings into fuellings. poll it several times a second, from one thread.

    worker: where the journal is written, so that a slow disk stops no lane; writes go one by one, in order, and one
    that fails is repeated until it succeeds. `trouble` then says what is wrong.
    price: asked when fuel begins to flow; a fuelling keeps its price.
    """

    def __init__(
        self,
        settings: MeterSettings,
        journal: FuellingJournal,
        worker: Worker[StateError | None],
        clock: Clock,
        price: Callable[[], UnitPrice],
    ) -> None:
        state = journal.load()
        self.trouble: StateError | None = None
        self._settings = settings
        self._journal = journal
        self._worker = worker
        self._clock = clock
        self._price = price
        self._totaliser = state.totaliser
        self._next_sequence = state.next_sequence
        self._seen_pulses = self._seen_close = 0
        self._strays = Strays(most_pulses(settings.noise_ml, state.totaliser.pulses_per_l), settings.stray_s)
        self._noise: OpenFuelling | None = None
        self._lifted = False
        self._reported_lifted = False
        self._quiet_since_s = self._polled_s = clock.monotonic_s()
        self._open: OpenFuelling | None = None
        self._writes: deque[_Write] = deque()
        self._writing = False
        self._next_write_s = -math.inf

    @property
    def totaliser_ml(self) -> int:
        return self._totaliser.total_ml

    @property
    def running(self) -> RunningFuelling | None:
        """The fuelling in progress."""
        open_one = self._open
        if open_one is None:
            return None
        totaliser = self._totaliser
        return RunningFuelling(open_one.volume_ml(totaliser), open_one.amount_fen(totaliser), open_one.price.fen_per_l)

    @property
    def noise_ml(self) -> int:
        """What pulses without a lift came to and is not yet reported."""
        return 0 if self._noise is None else self._noise.volume_ml(self._totaliser)

    @property
    def unwritten(self) -> int:
        """Writes that wait for the disk."""
        return len(self._writes)

    def poll(self, reading: DispenserReading, context: FlowContext) -> list[MeterEvent]:
        """What happened since the last poll. Raises nothing for a disk that fails: see trouble."""
        events: list[MeterEvent] = []
        now_s = self._clock.monotonic_s()
        self._take_nozzle(reading, now_s, events)
        pulses = self._new_pulses(reading)
        if pulses:
            self._quiet_since_s = now_s
            self._count(pulses, context, events)
        self._take_bounces(reading)
        if self._open is not None:
            self._follow(self._open, context, now_s, bool(pulses), events)
        elif self._noise is not None:
            self._keep_noise(self._noise, now_s, events)
        if self._reported_lifted and not self._lifted and now_s - self._quiet_since_s >= self._patience_s():
            self._end(events)
        self._polled_s = now_s
        self.flush()
        return events

    def flush(self) -> None:
        """Write what waits for the disk, as far as it goes."""
        self._collect()
        while self._writes and not self._writing and self._clock.monotonic_s() >= self._next_write_s:
            if not self._worker.submit(functools.partial(_attempt, self._writes[0].do)):
                return
            self._writing = True
            self._collect()

    def suspend(self) -> None:
        """Store where a fuelling in progress stands, before an orderly end of this process."""
        unfinished = self._open or self._noise
        if unfinished is not None:
            self._store(unfinished, unfinished.volume_ml(self._totaliser))
        for write in self._writes:
            error = _attempt(write.do)
            if error is not None:
                log.error("%s: not stored before the end: %s", self._journal.dispenser, error)
                return

    def _collect(self) -> None:
        for error in self._worker.results():
            self._writing = False
            self._note_trouble(error)
            if error is None:
                self._writes.popleft()
            else:
                self._next_write_s = self._clock.monotonic_s() + self._settings.store_retry_s

    def _take_nozzle(self, reading: DispenserReading, now_s: float, events: list[MeterEvent]) -> None:
        if reading.nozzle_lifted != self._lifted:
            self._lifted = reading.nozzle_lifted
            self._quiet_since_s = now_s
        if self._lifted:
            if not self._reported_lifted:
                self._end_noise(self._totaliser, events)
            self._report_lifted(events)

    def _report_lifted(self, events: list[MeterEvent]) -> None:
        if not self._reported_lifted:
            self._reported_lifted = True
            events.append(Lifted())

    def _new_pulses(self, reading: DispenserReading) -> int:
        pulses = reading.pulses - self._seen_pulses
        self._seen_pulses = reading.pulses
        if pulses >= 0:
            return pulses
        log.error("%s: its pulse counter went back", self._journal.dispenser)
        if self._open is not None:
            self._open.flag(LaneFlag.COUNTER_RESET)
        return reading.pulses

    def _take_bounces(self, reading: DispenserReading) -> None:
        close, self._seen_close = max(0, reading.close_pulses - self._seen_close), reading.close_pulses
        counting = self._open or self._noise
        if counting is not None:
            counting.bounced(close)

    def _count(self, pulses: int, context: FlowContext, events: list[MeterEvent]) -> None:
        before = self._totaliser
        if self._open is None and not self._reported_lifted:
            began = self._strays.saw(pulses, self._totaliser, self._clock.monotonic_s())
            if began is None:
                self._noise = self._noise or self._opened(self._totaliser, LaneFlag.STRAY_PULSES, LaneFlag.NOZZLE_HUNG)
                self._noise.counted(pulses)
                self._totaliser = self._totaliser.counted(pulses)
                return
            self._end_noise(began, events)
            before = began
        self._report_lifted(events)
        if self._open is None:
            self._open = self._opened(before, *(() if self._lifted else (LaneFlag.NOZZLE_HUNG,)))
            self._open.adopt(context, first=True)
            self._open.counted(self._totaliser.pulses - before.pulses)
            events.append(Started(self._next_sequence))
        self._open.counted(pulses)
        self._totaliser = self._totaliser.counted(pulses)

    def _opened(self, before: Totaliser, *flags: str) -> OpenFuelling:
        name, sequence = self._journal.dispenser, self._next_sequence
        made = OpenFuelling(self._settings, name, self._clock, before, sequence, self._price(), self._polled_s)
        for flag in flags:
            made.flag(flag)
        return made

    def _keep_noise(self, noise: OpenFuelling, now_s: float, events: list[MeterEvent]) -> None:
        """On the disk like a fuelling in progress, and reported when it has come to much."""
        volume_ml = noise.volume_ml(self._totaliser)
        if volume_ml >= self._settings.noise_report_ml:
            self._end_noise(self._totaliser, events)
        elif volume_ml != noise.stored_ml and now_s - noise.stored_s >= self._settings.store_every_s:
            self._store(noise, volume_ml)

    def _end_noise(self, until: Totaliser, events: list[MeterEvent]) -> None:
        """Report what came until then, without a payer; what came later belongs to the flow that begins."""
        noise, self._noise = self._noise, None
        self._strays.clear()
        if noise is None:
            return
        noise.counted(until.pulses - self._totaliser.pulses)
        report = noise.report(until, last=True)
        if report.volume_ml == 0:
            self._write(_Write(functools.partial(self._journal.drop, until)))
            return
        log.warning("%s: %d ml of pulses without a lift", self._journal.dispenser, report.volume_ml)
        self._next_sequence += 1
        self._write(_Write(functools.partial(self._journal.close, report, until)))
        events.append(Strayed(report))

    def _follow(
        self, fuelling: OpenFuelling, context: FlowContext, now_s: float, flowed: bool, events: list[MeterEvent]
    ) -> None:
        volume_ml, amount = fuelling.volume_ml(self._totaliser), fuelling.amount_fen(self._totaliser)
        if flowed:
            events.append(Progress(volume_ml, amount))
        adopted = fuelling.adopt(context, first=False)
        limit_fen = fuelling.limit_reached(context, amount)
        if limit_fen is not None:
            events.append(Reached(amount, limit_fen))
        due = now_s - fuelling.stored_s >= self._settings.store_every_s and volume_ml != fuelling.stored_ml
        if adopted or due or volume_ml - fuelling.stored_ml >= self._settings.store_every_ml:
            self._store(fuelling, volume_ml)

    def _store(self, fuelling: OpenFuelling, volume_ml: int) -> None:
        fuelling.stored_s, fuelling.stored_ml = self._clock.monotonic_s(), volume_ml
        report, totaliser = fuelling.report(self._totaliser), self._totaliser
        self._write(_Write(functools.partial(self._journal.save, report, totaliser), replaceable=True))

    def _end(self, events: list[MeterEvent]) -> None:
        fuelling, self._open = self._open, None
        self._reported_lifted = False
        report = None if fuelling is None else fuelling.report(self._totaliser, last=True)
        if report is not None and report.volume_ml > 0:
            self._next_sequence += 1
            self._write(_Write(functools.partial(self._journal.close, report, self._totaliser)))
            events.append(Ended(report))
            return
        if report is not None:
            self._write(_Write(functools.partial(self._journal.drop, self._totaliser)))
        events.append(Ended(None))

    def _write(self, write: _Write) -> None:
        """Queue a write, in place of the one before where that is out of date and not yet begun."""
        if len(self._writes) > int(self._writing) and self._writes[-1].replaceable:
            self._writes.pop()
        self._writes.append(write)

    def _note_trouble(self, error: StateError | None) -> None:
        if error is not None and self.trouble is None:
            log.error("%s: what flows cannot be stored now: %s", self._journal.dispenser, error)
        if error is None and self.trouble is not None:
            log.warning("%s: what flows is stored again", self._journal.dispenser)
        self.trouble = error

    def _patience_s(self) -> float:
        stray = self._open is not None and LaneFlag.NOZZLE_HUNG in self._open.flags
        return self._settings.stray_s if stray else self._settings.settle_s


@dataclass(frozen=True, slots=True)
class _Write:
    """Something for the disk, safe to repeat. replaceable: a later state of the same fuelling makes it needless."""

    do: Callable[[], None]
    replaceable: bool = False


def _attempt(write: Callable[[], None]) -> StateError | None:
    try:
        write()
    except StateError as error:
        return error
    return None


class MeteredTerminal:
    """controller.fuelling.terminal.Terminal for a dispenser and its meter.

    While nothing can be stored, fuel gets no permit, and the lane no green.

    The courier is woken when a report is on the disk, not before: it would find nothing, and sleep on for a minute.
    """

    def __init__(self, dispenser: Dispenser, meter: FuellingMeter, wake_courier: Callable[[], None]) -> None:
        self._dispenser = dispenser
        self._meter = meter
        self._wake_courier = wake_courier
        self._allowed = False
        self._given = False
        self._has_ended = False

    def poll(self, context: FlowContext) -> Sequence[TerminalEvent]:
        events = self._meter.poll(self._dispenser.poll(), context)
        self._drive()
        terminal_events: list[TerminalEvent] = []
        for event in events:
            if isinstance(event, Lifted):
                terminal_events.append(TerminalEvent(NozzleLifted()))
            elif isinstance(event, Reached):
                terminal_events.append(TerminalEvent(LimitReached()))
            elif isinstance(event, Ended):
                volume_ml = event.fuelling.volume_ml if event.fuelling else 0
                terminal_events.append(TerminalEvent(NozzleHung(volume_ml), event.fuelling))
                self._has_ended = True
            elif isinstance(event, Strayed):
                self._has_ended = True
        if self._has_ended and self._meter.unwritten == 0:
            self._has_ended = False
            self._wake_courier()
        return terminal_events

    @property
    def running(self) -> RunningFuelling | None:
        """The fuelling in progress."""
        return self._meter.running

    @property
    def can_store(self) -> bool:
        return self._meter.trouble is None

    def permit(self, allowed: bool) -> None:
        self._allowed = allowed
        self._drive(renew=True)

    def close(self) -> None:
        self._allowed = False
        self._meter.suspend()
        self._dispenser.close()

    def _drive(self, renew: bool = False) -> None:
        wanted = self._allowed and self.can_store
        if renew or wanted is not self._given:
            self._given = wanted
            self._dispenser.permit(wanted)
