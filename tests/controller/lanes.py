"""Builders for lane tests: decisions, states of every phase, and events of every kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from controller.lane.machine import step
from controller.lane.records import (
    Answered,
    AskFailed,
    CameraBack,
    Command,
    Confirmed,
    Doubted,
    Event,
    Faulted,
    Gone,
    Hidden,
    Identified,
    LaneRules,
    LaneState,
    LimitReached,
    Moved,
    NozzleHung,
    NozzleLifted,
    Opened,
    PicturesLost,
    Renewed,
    Revoked,
    Storing,
    Subject,
    Tick,
    Typed,
)
from wire.questions import Decision
from wire.reasons import Reason, Verdict

RULES = LaneRules()
AT = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
PLATE = "粤A12345"
OTHER = "苏B98765"
NOW_S = 100.0


def subject(plate: str = PLATE) -> Subject:
    return Subject(plate, False, AT, 0.97, 0.98)


def allow(visit: str = "v1", plate: str = PLATE, authorisation: str = "a1") -> Decision:
    return Decision(
        visit=visit,
        plate=plate,
        decision=Verdict.ALLOW,
        reason=Reason.OK,
        authorisation=authorisation,
        limit_fen=10_000,
        expires_at=AT + timedelta(seconds=120),
    )


def refuse(visit: str = "v1", plate: str = PLATE, reason: Reason = Reason.BELOW_PRESET) -> Decision:
    return Decision(visit=visit, plate=plate, decision=Verdict.REFUSE, reason=reason)


OPENED = Opened("v1", NOW_S, AT)
IDENTIFIED = Identified("v1", subject())
ALLOWED = Answered("v1", allow(), NOW_S + 120.0)
REFUSED = Answered("v1", refuse())
SILENT = AskFailed("v1", Reason.SERVICE_SILENT)

PATHS: dict[str, tuple[Event, ...]] = {
    "blind": (),
    "empty": (CameraBack(),),
    "empty and lifted": (CameraBack(), NozzleLifted()),
    "reading": (CameraBack(), OPENED),
    "asking": (CameraBack(), OPENED, IDENTIFIED),
    "asking and lifted": (CameraBack(), OPENED, IDENTIFIED, NozzleLifted()),
    "green": (CameraBack(), OPENED, IDENTIFIED, ALLOWED),
    "green by typing": (CameraBack(), OPENED, Typed(PLATE, AT), ALLOWED),
    "hidden": (CameraBack(), OPENED, IDENTIFIED, ALLOWED, Hidden("v1")),
    "green and blind": (CameraBack(), OPENED, IDENTIFIED, ALLOWED, PicturesLost()),
    "green and unstored": (CameraBack(), OPENED, IDENTIFIED, ALLOWED, Storing(works=False)),
    "fuelling": (CameraBack(), OPENED, IDENTIFIED, ALLOWED, NozzleLifted()),
    "fuelling at its limit": (CameraBack(), OPENED, IDENTIFIED, ALLOWED, NozzleLifted(), LimitReached()),
    "fuelling and blind": (CameraBack(), OPENED, IDENTIFIED, ALLOWED, NozzleLifted(), PicturesLost()),
    "fuelling, vehicle gone": (CameraBack(), OPENED, IDENTIFIED, ALLOWED, NozzleLifted(), Gone("v1")),
    "nozzle off its seat": (CameraBack(), NozzleLifted(), OPENED, IDENTIFIED),
    "fuelled": (CameraBack(), OPENED, IDENTIFIED, ALLOWED, NozzleLifted(), NozzleHung(5000)),
    "refused": (CameraBack(), OPENED, IDENTIFIED, REFUSED),
    "unanswered": (CameraBack(), OPENED, IDENTIFIED, SILENT),
    "rejected": (CameraBack(), OPENED, IDENTIFIED, AskFailed("v1", Reason.SERVICE_REJECTED, True)),
    "fault": (CameraBack(), OPENED, IDENTIFIED, ALLOWED, Faulted("the lamp is gone")),
}
"""How to come into a state that matters, by name."""

EVENTS: tuple[Event, ...] = (
    Opened("v2", NOW_S, AT),
    Doubted("v1", Reason.UNSURE),
    Doubted("v0", Reason.UNSURE),
    IDENTIFIED,
    Identified("v1", subject(OTHER)),
    Identified("v0", subject()),
    Confirmed("v1", AT),
    Confirmed("v0", AT),
    Hidden("v1"),
    Hidden("v0"),
    Gone("v1"),
    Gone("v1", Reason.PLATE_CHANGED),
    Gone("v0"),
    Typed(PLATE, AT),
    Typed(OTHER, AT),
    Moved(PLATE),
    Moved(OTHER),
    Revoked(PLATE, has_flowed=False),
    Revoked(PLATE, has_flowed=True),
    Revoked(OTHER, has_flowed=False),
    Answered("v1", refuse(reason=Reason.OPEN_ELSEWHERE)),
    ALLOWED,
    Answered("v1", allow(authorisation="a2"), NOW_S + 120.0),
    Answered("v1", allow(plate=OTHER, authorisation="a3"), NOW_S + 120.0),
    Answered("v1", allow(), NOW_S - 5.0),
    Answered("v0", allow("v0", authorisation="a0"), NOW_S + 120.0),
    REFUSED,
    Answered("v0", refuse("v0")),
    SILENT,
    AskFailed("v0", Reason.SERVICE_FAULT),
    AskFailed("v1", Reason.SERVICE_REJECTED, True),
    Renewed("a1", allow(), NOW_S + 300.0),
    Renewed("a1", refuse(reason=Reason.EXPIRED)),
    Renewed("a0", allow("v0", authorisation="a0"), NOW_S + 300.0),
    PicturesLost(),
    PicturesLost(Reason.CAMERA_STALE),
    CameraBack(),
    Storing(works=False),
    Storing(works=True),
    NozzleLifted(),
    NozzleHung(0),
    NozzleHung(5000),
    LimitReached(),
    Renewed("a1", refuse(reason=Reason.CARD_BLOCKED)),
    Tick(),
    Tick(AT + timedelta(seconds=60)),
    Faulted("something broke"),
)
"""Every kind of event, about this visit and about another, welcome and late."""


def walk(
    events: tuple[Event, ...], now_s: float = NOW_S, rules: LaneRules = RULES, state: LaneState | None = None
) -> tuple[LaneState, list[Command]]:
    """The state after all events at one moment, and all commands."""
    state = state or LaneState()
    given: list[Command] = []
    for event in events:
        state, commands = step(state, event, now_s, rules)
        given += commands
    return state, given
