"""The trigger: whether a frame is worth reading, and what the lane's picture alone says about who stands there."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from controller.records import Change
from controller.settings_records import TriggerSettings


class Attention(enum.Enum):
    """What the lane wants to know from the next frames."""

    IDLE = enum.auto()
    """No visit is open."""
    SEEKING = enum.auto()
    """A visit is open and not decided, or its plate must be seen again."""
    STUCK = enum.auto()
    """The read time-out is over and the plate still unsure."""
    GUARDING = enum.auto()
    """A plate is certain; see now and then that it is still there."""


@dataclass(frozen=True, slots=True)
class TriggerState:
    """What the trigger remembers. Times are the clock's monotonic seconds; None means never.

    trusted: the learnt picture of the empty lane is believed. It is not at the start, when a vehicle may stand there.
    upheaval_since_s: the last upheaval began; it goes on as long as no frame or two are calmer.
    whole_s: the view jumped from one frame to the next, which no vehicle does, and nothing has moved since.
    """

    trusted: bool = False
    present_since_s: float | None = None
    low_since_s: float | None = None
    large_since_s: float | None = None
    still_since_s: float | None = None
    upheaval_s: float | None = None
    upheaval_since_s: float | None = None
    whole_s: float | None = None
    read_s: float | None = None
    measured_s: float | None = None
    looks_since_plate: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """The answer to one frame. learn: how much of it to blend into the picture of the empty lane, 0 to 1."""

    read: bool
    learn: float


LEARN_TIME_S = 20.0
"""Daylight changes over minutes, a vehicle drives in within seconds: between the two."""

TRUST_AFTER_S = 1.0

JUMP_SHARE, NEXT_FRAME_S = 0.2, 0.3
"""So much of a region that was still differs in its very next frame: infrared light that goes on, a camera that was
knocked. Where frames are rarer than this nothing is concluded."""

JUMP_LASTS_S = 0.6
"""A vehicle that drives in moves for longer."""

VIEW_OPENED_S = 2.0
VIEW_STILL_S = 10.0
"""After that a new view that stands still and shows no plate is the empty lane."""
STUCK_EVERY_S = 0.5
GUARD_EVERY_S = 0.4


def step(
    state: TriggerState,
    change: Change,
    now_s: float,
    attention: Attention,
    plate_seen_s: float | None,
    can_read: bool,
    rules: TriggerSettings,
) -> tuple[TriggerState, Look]:
    """Take one frame's change in.

    plate_seen_s: when the reader last saw anything like a plate in this lane. can_read: whether the reader is free.
    """
    before_s = state.measured_s
    state = _observed(state, change, now_s, rules)
    learn = _learn(state, now_s, attention, plate_seen_s, now_s - (before_s if before_s is not None else now_s), rules)
    if learn == 1.0:
        state = replace(state, trusted=True, present_since_s=None, large_since_s=None, low_since_s=now_s)
    due_s = _pause_s(state, now_s, attention, rules)
    read = can_read and (state.read_s is None or now_s - state.read_s >= due_s - 1e-6)
    return (replace(state, read_s=now_s) if read else state), Look(read, learn)


def distrust(state: TriggerState) -> TriggerState:
    """The empty lane's picture is doubted: it is learnt anew as soon as the lane is still and shows no plate."""
    return replace(state, trusted=False, looks_since_plate=0)


def looked(state: TriggerState, plate_seen: bool) -> TriggerState:
    """A read came back."""
    return replace(state, looks_since_plate=0 if plate_seen else state.looks_since_plate + 1)


def present(state: TriggerState) -> bool:
    return state.present_since_s is not None


def still_for_s(state: TriggerState, now_s: float) -> float:
    return 0.0 if state.still_since_s is None else now_s - state.still_since_s


def standing(state: TriggerState, now_s: float, rules: TriggerSettings) -> bool:
    """Something as large as a vehicle is there and has come to rest."""
    if not state.trusted or state.large_since_s is None:
        return False
    return min(now_s - state.large_since_s, still_for_s(state, now_s)) >= rules.standing_after_s


def emptied(state: TriggerState, now_s: float, rules: TriggerSettings) -> bool:
    """The picture has been that of the empty lane for long enough."""
    return state.trusted and state.low_since_s is not None and now_s - state.low_since_s >= rules.empty_after_s


def upheaval_lasted_s(state: TriggerState) -> float:
    """How long the last upheaval went on."""
    if state.upheaval_s is None or state.upheaval_since_s is None:
        return 0.0
    return state.upheaval_s - state.upheaval_since_s


def _observed(state: TriggerState, change: Change, now_s: float, rules: TriggerSettings) -> TriggerState:
    there = change.presence >= rules.presence_share
    moving = change.motion >= rules.motion_share
    upheaval = change.motion >= rules.upheaval_share
    goes_on = state.upheaval_s is not None and now_s - state.upheaval_s <= NEXT_FRAME_S
    return replace(
        state,
        measured_s=now_s,
        present_since_s=(state.present_since_s if state.present_since_s is not None else now_s) if there else None,
        low_since_s=None if there else (state.low_since_s if state.low_since_s is not None else now_s),
        large_since_s=_since(state.large_since_s, change.presence >= rules.vehicle_share, now_s),
        still_since_s=_since(state.still_since_s, not moving, now_s),
        upheaval_s=now_s if upheaval else state.upheaval_s,
        upheaval_since_s=now_s if upheaval and not goes_on else state.upheaval_since_s,
        whole_s=_jumped_s(state, change, now_s, moving),
    )


def _jumped_s(state: TriggerState, change: Change, now_s: float, moving: bool) -> float | None:
    """When the view jumped, as long as nothing has moved since."""
    if not moving:
        return state.whole_s
    if state.whole_s is not None and now_s - state.whole_s <= JUMP_LASTS_S:
        return state.whole_s
    at_once = state.measured_s is not None and now_s - state.measured_s <= NEXT_FRAME_S
    still = still_for_s(state, now_s) >= TRUST_AFTER_S
    return now_s if at_once and still and change.motion >= JUMP_SHARE else None


def view_changed(state: TriggerState, first_seen_s: float, now_s: float) -> bool:
    """Whether what opened a visit then was the view itself, and nothing has moved since."""
    whole_s = state.whole_s
    if whole_s is None or not -VIEW_OPENED_S <= whole_s - first_seen_s <= VIEW_OPENED_S:
        return False
    return still_for_s(state, now_s) >= VIEW_STILL_S and state.looks_since_plate >= 3


def _since(before_s: float | None, holds: bool, now_s: float) -> float | None:
    if not holds:
        return None
    return now_s if before_s is None else before_s


def _learn(
    state: TriggerState,
    now_s: float,
    attention: Attention,
    plate_seen_s: float | None,
    passed_s: float,
    rules: TriggerSettings,
) -> float:
    quiet_s = still_for_s(state, now_s)
    if plate_seen_s is not None:
        quiet_s = min(quiet_s, now_s - plate_seen_s)
    if not state.trusted:
        return 1.0 if quiet_s >= TRUST_AFTER_S and state.looks_since_plate >= 2 else 0.0
    if present(state):
        known = attention is Attention.GUARDING
        return 1.0 if quiet_s >= rules.absorb_after_s and not known else 0.0
    return min(0.5, passed_s / LEARN_TIME_S) if attention is Attention.IDLE else 0.0


def _pause_s(state: TriggerState, now_s: float, attention: Attention, rules: TriggerSettings) -> float:
    moved_lately = still_for_s(state, now_s) < 3.0
    if attention is Attention.SEEKING:
        return rules.read_every_s
    if attention is Attention.STUCK:
        return rules.read_every_s if still_for_s(state, now_s) == 0.0 else max(STUCK_EVERY_S, rules.read_every_s)
    if attention is Attention.GUARDING:
        busy = still_for_s(state, now_s) == 0.0
        return min(GUARD_EVERY_S, rules.check_every_s) if busy else rules.check_every_s
    if not state.trusted:
        return max(rules.read_every_s, 0.25)
    if present(state):
        return rules.read_every_s if moved_lately else rules.check_every_s
    return rules.glance_every_s
