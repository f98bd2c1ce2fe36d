"""Between the lane's thread and the panel: typed plates come in, what became of them and what the lane shows go out."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from controller.fuelling.terminal import RunningFuelling
from controller.lane import view as lane_view
from controller.lane.records import LaneState
from controller.ports import Clock
from controller.telling.observers import SilentObserver
from wire.fuellings import Fuelling, FuellingReceipt
from wire.live import LampState, LaneStatus, OrderResult

MOST_BILLS = 8


@dataclass(frozen=True, slots=True)
class Bill:
    """What a visit's last fuelling came to; receipt: once it is posted."""

    fuelling: Fuelling | None = None
    receipt: FuellingReceipt | None = None


@dataclass(slots=True)
class TypedPlate:
    """A plate typed at the panel, or (is_move) whose authorisation an attendant moves to another lane.

    is_revoke: its payer takes its authorisation away; has_flowed: fuel has flowed by now.
    visit: what the panel showed when it was typed; it is of no other. confirmed_by: it was typed before, and this
    person vouches for it. pin_proof: what the service gave for its PIN.
    result: what the lane did with it; answered is set then.
    """

    plate: str
    is_move: bool = False
    is_revoke: bool = False
    has_flowed: bool = False
    confirmed_by: str | None = None
    pin_proof: str | None = field(default=None, repr=False)
    visit: str | None = None
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


class LanePanel(SilentObserver):
    """A Panel for others to look at from any thread. changed is called after each change of what it shows.

    running: the fuelling in progress, asked on the lane's thread.
    """

    def __init__(
        self,
        station: str,
        lane: str,
        clock: Clock,
        running: Callable[[], RunningFuelling | None],
        wake_lane: Callable[[], None],
    ) -> None:
        self.changed: Callable[[], None] = lambda: None
        self._place = (station, lane)
        self._clock = clock
        self._running = running
        self._wake_lane = wake_lane
        self._lock = threading.Lock()
        self._inbox: deque[TypedPlate] = deque()
        self._bills: OrderedDict[str, Bill] = OrderedDict()
        self._status: LaneStatus | None = None
        self._facts: dict[str, Any] = {}
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

    def fuelling_ended(self, visit: str | None, fuelling: Fuelling | None, at_s: float) -> None:
        if visit is not None and fuelling is not None:
            self._note_bill(visit, Bill(fuelling))

    def charged(self, visit: str, receipt: FuellingReceipt) -> None:
        """A fuelling of that visit was posted."""
        self._note_bill(visit, replace(self._bills.get(visit, Bill()), receipt=receipt))
        self._wake_lane()

    def _note_bill(self, visit: str, bill: Bill) -> None:
        with self._lock:
            self._bills[visit] = bill
            while len(self._bills) > MOST_BILLS:
                self._bills.popitem(last=False)

    def typed(self) -> Sequence[TypedPlate]:
        if not self._inbox:
            return ()
        with self._lock:
            found = tuple(self._inbox)
            self._inbox.clear()
        running = self._running()
        for typed in found:
            typed.has_flowed = running is not None and running.volume_ml > 0
        return found

    def answer(self, plate: TypedPlate, result: OrderResult) -> None:
        plate.result = result
        plate.answered.set()

    def saw(self, state: LaneState, now_s: float) -> None:
        visit, flow = state.visit, state.flow
        subject = visit.subject if visit else None
        held = (flow.held if flow else None) or (visit.last_held if visit else None)
        running = self._running() if flow is not None else None
        bill = self._bills.get(visit.id, Bill()) if visit else Bill()
        facts = {
            "phase": lane_view.phase(state, now_s).value,
            "lamp": LampState(lane_view.colour_of(state, now_s).value),
            "reason": lane_view.lamp_reason(state, now_s),
            "camera": state.camera,
            "visit": visit.id if visit else None,
            "plate": subject.plate if subject else None,
            "typed": subject.typed if subject else False,
            "limit_fen": held.limit_fen if held else None,
            "open_lane": visit.open_lane if visit else None,
            "seen": subject.seen if subject else None,
            **_flowing(running),
            **(_over(bill) if running is None else {}),
        }
        if facts == self._facts:
            return
        self._facts = facts
        station, lane = self._place
        self._status = LaneStatus(station=station, lane=lane, at=self._clock.now(), **facts)
        self.version += 1
        self.changed()


def _flowing(running: RunningFuelling | None) -> dict[str, Any]:
    """Of a status: the fuelling in progress."""
    if running is None:
        return {}
    return {
        "volume_ml": running.volume_ml,
        "amount_fen": running.amount_fen,
        "unit_price_fen_per_l": running.unit_price_fen_per_l,
    }


def _over(bill: Bill) -> dict[str, Any]:
    """Of a status: the fuelling of this visit that is over, and who pays it."""
    bill_facts: dict[str, Any] = {}
    if bill.fuelling is not None:
        bill_facts = {
            "metered_ml": bill.fuelling.volume_ml,
            "metered_fen": bill.fuelling.amount_fen,
            "unit_price_fen_per_l": bill.fuelling.unit_price_fen_per_l,
        }
    if bill.receipt is not None:
        bill_facts["charged_fen"] = bill.receipt.charged_fen
        bill_facts["balance_fen"] = bill.receipt.balance_fen
        bill_facts["by_phone"] = bill.receipt.by_phone
    return bill_facts
