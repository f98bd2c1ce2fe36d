"""Between the lane's thread and the panel: typed plates come in, what became of them and what the lane shows go out."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from controller.lane import view as lane_view
from controller.lane.records import LaneState
from controller.ports import Clock
from wire.live import LampState, LaneStatus, OrderResult

MOST_CHARGES = 8


@dataclass(slots=True)
class TypedPlate:
    """A plate typed at the panel, or (is_move) whose authorisation an attendant moves to another lane.

    is_revoke: its payer takes its authorisation away; has_flowed: fuel has flowed by now.

    confirmed_by: it was typed before, and this person vouches for it. pin_proof: what the service gave for its PIN.
    result: what the lane did with it; answered is set then.
    """

    plate: str
    is_move: bool = False
    is_revoke: bool = False
    has_flowed: bool = False
    confirmed_by: str | None = None
    pin_proof: str | None = field(default=None, repr=False)
    result: OrderResult | None = None
    answered: threading.Event = field(default_factory=threading.Event)


class Panel(Protocol):
    """What the lane's thread calls at every turn: quick, and it never raises."""

    def typed(self) -> Sequence[TypedPlate]:
        """Plates typed since the last call."""

    def answer(self, plate: TypedPlate, result: OrderResult) -> None:
        """What the lane did with a typed plate."""

    def saw(self, state: LaneState, now_s: float) -> None:
        """What the lane knows after this turn."""


class LanePanel:
    """A Panel for others to look at from any thread. changed is called after each change of what it shows.

    running: volume in ml and amount in fen of the fuelling in progress, asked on the lane's thread.
    """

    def __init__(
        self,
        station: str,
        lane: str,
        clock: Clock,
        running: Callable[[], tuple[int, int] | None],
        wake_lane: Callable[[], None],
    ) -> None:
        self.changed: Callable[[], None] = lambda: None
        self._place = (station, lane)
        self._clock = clock
        self._running = running
        self._wake_lane = wake_lane
        self._lock = threading.Lock()
        self._inbox: deque[TypedPlate] = deque()
        self._charges: OrderedDict[str, int] = OrderedDict()
        self._status: LaneStatus | None = None
        self._facts: tuple[object, ...] = ()
        self.version = 0

    @property
    def status(self) -> LaneStatus | None:
        """What the lane last showed; None before its first turn."""
        return self._status

    def type(self, typed: TypedPlate, longest_s: float) -> OrderResult:
        """Hand a typed plate to the lane and wait for its word; a lane too slow for that will not act on it later."""
        with self._lock:
            self._inbox.append(typed)
        self._wake_lane()
        typed.answered.wait(longest_s)
        with self._lock:
            if typed.result is None and typed in self._inbox:
                self._inbox.remove(typed)
            return typed.result or OrderResult.FAILED

    def charged(self, visit: str, charged_fen: int) -> None:
        """A fuelling of that visit was posted."""
        with self._lock:
            self._charges[visit] = charged_fen
            while len(self._charges) > MOST_CHARGES:
                self._charges.popitem(last=False)
        self._wake_lane()

    def typed(self) -> Sequence[TypedPlate]:
        if not self._inbox:
            return ()
        with self._lock:
            found = tuple(self._inbox)
            self._inbox.clear()
        running = self._running()
        for typed in found:
            typed.has_flowed = running is not None and running[0] > 0
        return found

    def answer(self, plate: TypedPlate, result: OrderResult) -> None:
        plate.result = result
        plate.answered.set()

    def saw(self, state: LaneState, now_s: float) -> None:
        visit, flow = state.visit, state.flow
        subject = visit.subject if visit else None
        held = (flow.held if flow else None) or (visit.last_held if visit else None)
        running = self._running() if flow is not None else None
        charged = self._charges.get(visit.id) if visit else None
        facts = (
            lane_view.phase(state, now_s),
            lane_view.colour_of(state, now_s),
            lane_view.lamp_reason(state, now_s),
            state.camera,
            visit and visit.id,
            subject and subject.plate,
            subject and subject.typed,
            held and held.limit_fen,
            running,
            charged,
            visit and visit.open_lane,
            subject and subject.seen,
        )
        if facts == self._facts:
            return
        self._facts = facts
        station, lane = self._place
        self._status = LaneStatus(
            station=station,
            lane=lane,
            at=self._clock.now(),
            phase=lane_view.phase(state, now_s).value,
            lamp=LampState(lane_view.colour_of(state, now_s).value),
            reason=lane_view.lamp_reason(state, now_s),
            camera=state.camera,
            visit=visit.id if visit else None,
            plate=subject.plate if subject else None,
            typed=subject.typed if subject else False,
            limit_fen=held.limit_fen if held else None,
            volume_ml=running[0] if running else None,
            amount_fen=running[1] if running else None,
            charged_fen=charged,
            open_lane=visit.open_lane if visit else None,
            seen=subject.seen if subject else None,
        )
        self.version += 1
        self.changed()
