"""Which one state a panel shows: a pure function of what the lane told and of the plate typed last."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from service.station import words
from service.station.lane_statuses import Lane
from service.station.orders import OrderState
from service.station.words import Words
from wire.live import LampState, LaneStatus, OrderResult
from wire.reasons import Reason

SHOWN_FOR_S = 20.0
"""What became of a typed plate is told for so long."""
TAKEN_FOR_S = 3.0
"""A lane that took a typed plate has told by then what it asks, even where its last answer was the same."""

WANTS_PIN = frozenset({Reason.PIN_NEEDED, Reason.PIN_WRONG})
WANTS_PLATE = frozenset({Reason.UNSURE, Reason.NO_PLATE, Reason.READ_TIMEOUT, Reason.NOT_CERTAIN, Reason.INVALID_PLATE})
"""Not UNKNOWN_KIND: what has no known format would be refused as typed. One that was misread is typed after a touch."""
BLIND = frozenset({Reason.CAMERA_LOST, Reason.CAMERA_STALE})
CUT = frozenset({Reason.SERVICE_SILENT, Reason.SERVICE_FAULT})
UNDECIDED = frozenset({*WANTS_PLATE, Reason.UNKNOWN_KIND, Reason.OK, Reason.VISIT_OVER, Reason.PLATE_CHANGED})
"""Reasons that no service gave for a plate: a question under way with one of them is the first about its plate."""


class ScreenState(enum.StrEnum):
    """What fills the screen."""

    WAITING = "waiting"
    READING = "reading"
    GREEN = "green"
    FUELLING = "fuelling"
    CHARGED = "charged"
    RED = "red"
    BLIND = "blind"
    CUT = "cut"
    SILENT = "silent"


HEADLINES: dict[ScreenState, Words] = {
    ScreenState.WAITING: ("欢迎加油", "Welcome"),
    ScreenState.READING: ("正在识别", "One moment"),
    ScreenState.GREEN: ("可以加油", "You may refuel"),
    ScreenState.FUELLING: ("正在加油", "Fuelling"),
    ScreenState.CHARGED: ("加油完成", "Thank you"),
    ScreenState.RED: ("暂不能加油", "Not now"),
    ScreenState.BLIND: ("暂不能加油", "Not now"),
    ScreenState.CUT: ("暂不能加油", "Not now"),
    ScreenState.SILENT: ("暂不能加油", "Not now"),
}

LIMIT_REACHED: Words = ("已到限额", "Limit: hang up")
DRIVE_UP: Words = ("请驶入加油位", "Drive up to the pump")
READING: Words = ("请停稳，请稍候", "Reading your plate")
ASKING: Words = ("正在查询，请稍候", "Asking, please wait")
LIFT: Words = ("请提枪加油", "Lift the nozzle")

TYPABLE = frozenset({ScreenState.WAITING, ScreenState.READING, ScreenState.GREEN, ScreenState.RED})
"""A touch opens the keyboard."""


@dataclass(frozen=True, slots=True)
class Screen:
    """One state in full. reason: what is the matter; remedy: what to do about it; both may be empty.

    asks: the plate has to be typed, wants_pin: with its PIN; the keyboard then fills the screen under the sentence.
    until_s: for how long this is true though nobody tells anything.
    """

    state: ScreenState
    reason: Words = words.NOTHING_TO_DO
    remedy: Words = words.NOTHING_TO_DO
    status: LaneStatus | None = None
    plate: str | None = None
    asks: bool = False
    wants_pin: bool = False
    until_s: float | None = None

    @property
    def headline(self) -> Words:
        if (
            self.state is ScreenState.FUELLING
            and self.status is not None
            and self.status.reason is Reason.LIMIT_REACHED
        ):
            return LIMIT_REACHED
        return HEADLINES[self.state]

    @property
    def may_type(self) -> bool:
        return self.state in TYPABLE

    @property
    def visit(self) -> str:
        """The visit it is about; empty for none."""
        return "" if self.status is None or self.status.visit is None else self.status.visit


def screen_of(lane: Lane | None, order: OrderState | None, age_s: float, fresh: bool) -> Screen:
    """order: the plate typed last, age_s ago. fresh: the lane has told something since."""
    if lane is None or lane.silent:
        return Screen(ScreenState.SILENT, words.SILENT, words.CALL)
    status = lane.status
    shown = _of_status(status)
    if order is None or order.order.visit != status.visit or shown.state in (ScreenState.FUELLING, ScreenState.CHARGED):
        return shown
    return _with_order(shown, order, age_s, fresh)


def _with_order(shown: Screen, order: OrderState, age_s: float, fresh: bool) -> Screen:
    """What was typed for this visit: on its way, taken and not told yet, or in vain."""
    plate = order.order.plate
    if shown.state is ScreenState.GREEN:
        return shown
    if order.result is None and not order.expired:
        return Screen(ScreenState.READING, ASKING, status=shown.status, plate=plate, until_s=order.left_s)
    if order.result is OrderResult.TAKEN:
        status = shown.status
        is_shown = fresh and status is not None and status.typed and status.plate == plate and status.phase != "asking"
        if is_shown or age_s >= TAKEN_FOR_S:
            return shown
        return Screen(ScreenState.READING, ASKING, status=shown.status, plate=plate, until_s=TAKEN_FOR_S - age_s)
    if age_s >= SHOWN_FOR_S:
        return shown
    why = words.NO_VEHICLE if order.result is OrderResult.NOBODY else words.NOT_TAKEN
    if shown.state is ScreenState.WAITING or shown.asks:
        return replace(shown, reason=why, until_s=SHOWN_FOR_S - age_s)
    return shown


def _of_status(status: LaneStatus) -> Screen:
    """What the lane tells, alone."""
    if status.phase == "fuelling":
        return Screen(ScreenState.FUELLING, status=status, plate=status.plate)
    if status.visit is not None and status.reason is Reason.VISIT_OVER:
        return Screen(ScreenState.CHARGED, status=status, plate=status.plate)
    if status.lamp is LampState.GREEN:
        return Screen(ScreenState.GREEN, LIFT, status=status, plate=status.plate)
    if status.camera is not None or status.reason in BLIND:
        return Screen(ScreenState.BLIND, *words.REASON_AND_REMEDY[status.camera or status.reason], status=status)
    if status.phase == "empty" and status.reason is Reason.VISIT_OVER:
        return Screen(ScreenState.WAITING, DRIVE_UP, status=status)
    if status.phase == "reading":
        return Screen(ScreenState.READING, READING, status=status)
    if status.phase == "asking" and status.reason in UNDECIDED:
        return Screen(ScreenState.READING, ASKING, status=status, plate=status.plate)
    return _red(status)


def _red(status: LaneStatus) -> Screen:
    """Refused; it stays while the same question is asked again, so that the sentence is steady."""
    if status.reason in CUT:
        return Screen(ScreenState.CUT, words.LOST, words.COUNTER, status=status, plate=status.plate)
    reason, remedy = words.REASON_AND_REMEDY[status.reason]
    wants_pin = status.reason in WANTS_PIN
    asks = wants_pin or (status.reason in WANTS_PLATE and not (status.typed and status.phase == "asking"))
    return Screen(ScreenState.RED, reason, remedy, status=status, plate=status.plate, asks=asks, wants_pin=wants_pin)
