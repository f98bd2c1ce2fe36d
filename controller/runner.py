"""The runner: one thread that owns the lane, feeds it what cameras, reader, service and dispenser say, and obeys it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from datetime import datetime

from controller.asking import BUSY, Asking
from controller.clock import ClockWatch
from controller.lane import machine as lane
from controller.lane import view as lane_view
from controller.lane.order_results import LaneOrder, result_of
from controller.lane.questions import QuestionOutcome
from controller.lane.records import (
    CameraBack,
    Close,
    Command,
    Event,
    Faulted,
    LaneState,
    Moved,
    Note,
    NozzleHung,
    NozzleLifted,
    Opened,
    Permit,
    Phase,
    PicturesLost,
    Renewed,
    Revoked,
    SeenText,
    SendQuestion,
    SendRelease,
    SendRenewal,
    Show,
    Storing,
    Tick,
    Typed,
    Vouched,
)
from controller.lane.rules import lane_rules
from controller.lane.timeline import Timeline
from controller.parts import Parts, Read
from controller.records import Frame, LampChange, LampColour, Vote
from controller.settings_records import Settings
from controller.telling.panel import TypedPlate
from controller.watching.freshness import Freshness
from controller.watching.moved_view import MovedView
from controller.watching.open_visit import Needs
from controller.watching.together import FramesTogether, View, read_with
from controller.watching.vote import evidence_of
from controller.watching.watcher import Watcher
from wire.live import OrderResult
from wire.plates import masked
from wire.reasons import Reason

log = logging.getLogger(__name__)


class Runner:
    """The lane's only owner. Call tick often, from one thread; everything else happens in it."""

    def __init__(self, parts: Parts, settings: Settings) -> None:
        self._parts = parts
        self._settings = settings
        self._asking = Asking(parts, settings)
        self._rules = lane_rules(settings.lane, settings.lamp)
        self._state = LaneState()
        self._watcher = Watcher(settings.trigger, settings.vote, settings.camera.area, parts.new_id)
        self._together = FramesTogether()
        self._freshness = Freshness(settings.camera)
        self._timeline = Timeline()
        self._vote: Vote | None = None
        self._view_changes = 0
        self._renewal_failing = False
        self._seen_at: datetime | None = None
        self._clock_watch = ClockWatch(parts.clock)
        self._clock_unset = False

    @property
    def state(self) -> LaneState:
        return self._state

    @property
    def phase(self) -> Phase:
        return lane_view.phase(self._state, self._parts.clock.monotonic_s())

    @property
    def words(self) -> str:
        return lane_view.words(self._state, self._parts.clock.monotonic_s())

    def tick(self, frame: Frame | None = None, trouble: Reason | None = None) -> None:
        """One turn: take in what came, decide, obey. trouble: why the camera gives no frames, if it knows.

        Raises what a dead worker or the hardware raised; then abandon() is the only call left to make.
        """
        self._notice_lapse()
        self._watch_clock()
        self._drain()
        if frame is not None:
            self._take_frame(frame)
        self._judge_camera(trouble)
        self._poll_terminal()
        self._poll_panel()
        self._hear(Tick(self._seen_at, self._seen()))
        self._drain()
        if self._parts.panel is not None:
            self._parts.panel.saw(self._state, self._parts.clock.monotonic_s())

    def typed(self, plate: str, pin_proof: str | None = None) -> OrderResult:
        """A plate was typed at the panel; call it from the lane's thread. NOBODY when no vehicle waits for one."""
        return self._carry_out(Typed(plate, self._parts.clock.now(), self._seen(), pin_proof))

    def moved(self, plate: str) -> OrderResult:
        """Give a plate's unused authorisation up for another lane. NOBODY: there is none, or the nozzle is lifted."""
        return self._give_up(Moved(plate))

    def revoked(self, plate: str, has_flowed: bool) -> OrderResult:
        """Its payer takes a plate's unused authorisation away. NOBODY: there is none, or fuel has flowed under it."""
        return self._give_up(Revoked(plate, has_flowed))

    def vouched(self, plate: str, by: str) -> OrderResult:
        """Somebody of the station confirms the plate that was typed; NOBODY where none waits for that."""
        return self._carry_out(Vouched(plate, by))

    def _carry_out(self, order: LaneOrder) -> OrderResult:
        before = self._state
        self._hear(order)
        return result_of(order, before, self._state)

    def _give_up(self, order: Moved | Revoked) -> OrderResult:
        before = self._state
        for outcome in self._asking.drop_early(self._state, plate=order.plate):
            self._take_outcome(outcome)
        self._hear(order)
        return result_of(order, before, self._state)

    def _seen(self) -> SeenText | None:
        """What the open visit's reads say of its plate."""
        visit = self._watcher.visit
        return None if visit is None else evidence_of(visit.vote, self._settings.vote)

    def _poll_panel(self) -> None:
        if self._parts.panel is not None:
            for typed in self._parts.panel.typed():
                self._parts.panel.answer(typed, self._type(typed))

    def _type(self, typed: TypedPlate) -> OrderResult:
        if typed.is_move:
            return self.moved(typed.plate)
        if typed.is_revoke:
            return self.revoked(typed.plate, typed.has_flowed)
        if typed.confirmed_by is not None:
            return self.vouched(typed.plate, typed.confirmed_by)
        if typed.visit is not None and (self._state.visit is None or self._state.visit.id != typed.visit):
            return OrderResult.NOBODY
        return self.typed(typed.plate, typed.pin_proof)

    def abandon(self, detail: str) -> None:
        """Go safe for good: red, no permit. Raises nothing."""
        try:
            self._hear(Faulted(detail))
        except Exception as error:
            log.error("going safe: %s: %s", type(error).__name__, error)
        for part in (self._all_red, self._no_permit, self._no_early):
            try:
                part()
            except Exception as error:
                log.error("going safe: %s: %s", type(error).__name__, error)

    def _all_red(self) -> None:
        self._parts.lamp.show(LampColour.RED)

    def _no_permit(self) -> None:
        if self._parts.terminal is not None:
            self._parts.terminal.permit(False)

    def _no_early(self) -> None:
        self._asking.drop_early(LaneState())

    def _take_frame(self, frame: Frame) -> None:
        """Measure the change; read the frame when the trigger says so and the reader is free."""
        change = self._parts.meter.measure(frame.image, self._settings.camera.area)
        if not self._freshness.saw(frame, change, self._parts.clock.monotonic_s()):
            return
        self._seen_at = frame.captured_at
        look, events = self._watcher.on_change(change, frame, self._needs())
        if look.learn > 0.0:
            self._parts.meter.learn(look.learn)
        for event in events:
            self._hear(event)
        self._notice_view()
        if look.read:
            views = self._together.take(frame.captured_s, self._watcher.visit)
            self._parts.reading.submit(lambda: self._read(frame, views))

    def _notice_view(self) -> None:
        if self._watcher.view_changes != self._view_changes:
            self._view_changes = self._watcher.view_changes
            shift = self._parts.meter.shift()
            if shift is None:
                return
            moved = MovedView(self._parts.clock.now().isoformat(timespec="seconds"), *shift)
            self._note(f"the camera was moved: what it sees lies {moved}; calibrate the lane again")
            self._parts.view_moved(moved)

    def _needs(self) -> Needs:
        visit, flow = self._state.visit, self._state.flow
        fuelling = visit is not None and flow is not None and flow.held is not None and flow.visit == visit.id
        return Needs(visit is not None and visit.timed_out, fuelling, self._parts.reading.free)

    def _read(self, frame: Frame, views: Sequence[View]) -> Read:
        reading, together = self._parts.reader.read(frame.image, self._settings.camera.area), self._parts.together
        return Read(frame, read_with(together, views, frame, reading) if together and views else reading)

    def _drain(self) -> None:
        """Take in what the reader and the service have answered."""
        for read in self._parts.reading.results():
            self._take_reading(read)
        for outcome in self._parts.network.results():
            self._take_outcome(outcome)
        for outcome in self._asking.settled(self._state):
            self._take_outcome(outcome)

    def _take_reading(self, read: Read) -> None:
        for event in self._watcher.on_reading(read.frame, read.reading):
            self._hear(event)
        visit = self._watcher.visit
        if self._parts.together is not None:
            self._together.saw(self._parts.together, read.frame, visit)
        self._parts.observer.frame_read(visit.id if visit else None, read.frame, read.reading)
        if visit is not None:
            self._asking.look(self._state, visit.vote, read.frame)
        if visit is not None and visit.vote != self._vote:
            self._vote = visit.vote
            self._parts.observer.voted(visit.id, visit.vote, self._parts.clock.monotonic_s())

    def _take_outcome(self, outcome: QuestionOutcome) -> None:
        event = outcome.event
        if event is None:
            if not self._renewal_failing:
                self._note(f"a renewal failed and is tried again: {outcome.detail}")
            self._renewal_failing = True
            return
        if isinstance(event, Renewed):
            self._renewal_failing = False
        else:
            self._tell_answer(event.key, outcome)
        self._hear(event)

    def _tell_answer(self, key: str, outcome: QuestionOutcome) -> None:
        visit = self._state.visit
        if visit is None or visit.question != key:
            return
        self._parts.observer.answered(
            visit.id, outcome.answer, outcome.reason, outcome.detail, self._parts.clock.monotonic_s()
        )
        if outcome.answer is not None:
            log.info("visit %s: answer %s, %s", visit.id, outcome.answer.decision, outcome.answer.reason)
        elif outcome.reason is not visit.reason:
            log.error("visit %s: no usable answer, %s: %s", visit.id, outcome.reason, outcome.detail)

    def _judge_camera(self, trouble: Reason | None) -> None:
        """Camera lost and back, each told once."""
        verdict = self._freshness.trouble(self._parts.clock.monotonic_s(), trouble)
        if verdict is self._state.camera:
            return
        if verdict is None:
            log.info("pictures of the lane can be trusted")
            self._hear(CameraBack())
            return
        log.error("no picture of the lane can be trusted: %s", verdict)
        self._hear(PicturesLost(verdict))
        for event in self._watcher.on_blind():
            self._hear(event)

    def _poll_terminal(self) -> None:
        if self._parts.terminal is None:
            return
        for happened in self._parts.terminal.poll(lane_view.flow_context(self._state, self._parts.clock.monotonic_s())):
            flow, now_s = self._state.flow, self._parts.clock.monotonic_s()
            self._hear(happened.event)
            if isinstance(happened.event, NozzleLifted) and self._state.flow is not None:
                self._parts.observer.fuelling_started(self._state.flow.visit, now_s)
            if isinstance(happened.event, NozzleHung):
                self._parts.observer.fuelling_ended(flow.visit if flow else None, happened.fuelling, now_s)
        if self._parts.terminal.can_store is not self._state.stores:
            self._hear(Storing(self._parts.terminal.can_store))

    def _watch_clock(self) -> None:
        """Tell of a wall clock that jumps or was never set: the books are kept by it."""
        state = self._clock_watch.check()
        if state.jumped:
            self._asking.jumped_s = self._parts.clock.monotonic_s()
            self._note(f"the wall clock jumped by {state.jump_s:+.1f} s")
        if state.unset and not self._clock_unset:
            self._note("the wall clock is not set")
        self._clock_unset = state.unset

    def _notice_lapse(self) -> None:
        """The lamp turned red by itself: this loop was too slow to renew green."""
        due = lane_view.green(self._state, self._parts.clock.monotonic_s())
        if due and self._timeline.lit is LampColour.GREEN and self._parts.lamp.colour is not LampColour.GREEN:
            log.error("green ran out before it was renewed: the loop was late")
            self._lamp_changed(LampColour.RED, Reason.INTERNAL)

    def _hear(self, event: Event) -> None:
        """Step the lane with an event and with what obeying it causes at once."""
        waiting = deque([event])
        while waiting:
            now_s = self._parts.clock.monotonic_s()
            event = waiting.popleft()
            if isinstance(event, Opened):
                self._timeline.opened(event)
                self._vote = None
                self._parts.observer.visit_opened(event.visit, event.first_seen_s, event.first_seen_at)
                log.info("visit %s: a vehicle came", event.visit)
            self._state, commands = lane.step(self._state, event, now_s, self._rules)
            waiting.extend(self._obey(commands, now_s))

    def _obey(self, commands: Sequence[Command], now_s: float) -> list[Event]:
        """Carry commands out in order; the events that come of it. A visit is closed after the lamp has changed."""
        events: list[Event] = []
        for command in commands:
            if isinstance(command, Show):
                self._show(command)
            elif isinstance(command, SendQuestion):
                events += self._ask(command)
            elif isinstance(command, SendRenewal):
                self._renew(command)
            elif isinstance(command, SendRelease):
                self._parts.release(command.authorisation)
            elif isinstance(command, Permit) and self._parts.terminal is not None:
                self._parts.terminal.permit(command.allowed)
            elif isinstance(command, Note):
                self._note(command.text)
        for command in commands:
            if isinstance(command, Close):
                self._close(command)
        return events

    def _show(self, show: Show) -> None:
        self._parts.lamp.show(show.colour, show.lease_s)
        if show.colour is not self._timeline.lit:
            self._lamp_changed(show.colour, show.reason)

    def _lamp_changed(self, colour: LampColour, reason: Reason) -> None:
        change = LampChange(self._parts.clock.monotonic_s(), colour)
        visit = self._timeline.visit
        self._timeline.lamp(change)
        self._parts.observer.lamp_changed(visit, change, reason)
        log.info("lamp %s: %s%s", colour, reason, f", visit {visit}" if visit else "")

    def _ask(self, command: SendQuestion) -> list[Event]:
        outcome = self._asking.ask(command)
        if outcome is None or outcome.event is None:
            return []
        self._tell_answer(command.key, outcome)
        return [outcome.event]

    def _renew(self, command: SendRenewal) -> None:
        if not self._asking.renew(command):
            self._note(f"a renewal waits: {BUSY}")

    def _note(self, text: str) -> None:
        log.warning("%s", text)
        self._parts.observer.noted(self._timeline.visit, text, self._parts.clock.monotonic_s())

    def _close(self, command: Close) -> None:
        self._asking.drop_early(self._state, visit=command.visit.id)
        summary = self._timeline.closed(command, self._vote)
        log.info(
            "visit %s: %s, %s %s, %.1f s",
            summary.visit,
            masked(summary.plate),
            summary.decision,
            summary.reason,
            summary.gone_s - summary.first_seen_s,
        )
        self._parts.observer.visit_closed(summary)
