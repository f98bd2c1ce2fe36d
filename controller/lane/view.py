"""What follows from a lane's facts: whether it is green, whether fuel may flow, what the lamp shows and why."""

from __future__ import annotations

from controller.lane.records import Flow, FlowContext, Held, LaneState, Phase, Visit
from controller.records import LampColour
from wire.reasons import Reason


def phase(state: LaneState, now_s: float) -> Phase:
    """What the lane is doing."""
    visit = state.visit
    if state.fault:
        return Phase.FAULT
    if state.flow and state.flow.held:
        return Phase.FUELLING
    if visit is None:
        return Phase.EMPTY
    if green(state, now_s):
        return Phase.GREEN
    if visit.question:
        return Phase.ASKING
    undecided = visit.subject is None and not visit.timed_out
    return Phase.READING if undecided else Phase.RED


def words(state: LaneState, now_s: float) -> str:
    """What the lane does and, while the lamp is red, why; for the boot service's status line and doctor."""
    red = colour_of(state, now_s) is LampColour.RED
    doing = f"lane {phase(state, now_s)}"
    return f"{doing}, red: {lamp_reason(state, now_s)}" if red else doing


def problem(state: LaneState) -> str | None:
    """Why no vehicle could be given green now, in words; None while one could."""
    if state.fault:
        return "the lane has stopped after a fault"
    if state.camera is not None:
        return f"no picture to be trusted: {state.camera.value}"
    return None if state.stores else "what flows cannot be stored; is the disk full?"


def green(state: LaneState, now_s: float) -> bool:
    """Whether the vehicle in view holds an authorisation of its own, unexpired and unspent, and everything works."""
    visit = state.visit
    if not _works(state) or visit is None or visit.held is None or visit.subject is None:
        return False
    mine = visit.held.plate == visit.subject.plate and now_s < visit.held.expires_s
    in_view = not visit.hidden and not visit.spent
    return mine and in_view and _flow_agrees(state.flow, visit)


def _works(state: LaneState) -> bool:
    """Whether nothing of the lane's own hinders green."""
    return problem(state) is None


def off_its_seat(state: LaneState) -> bool:
    """Whether the nozzle was lifted before the vehicle in view came: it must hang before this one can be green."""
    return state.visit is not None and state.flow is not None and state.flow.visit != state.visit.id


def _flow_agrees(flow: Flow | None, visit: Visit) -> bool:
    """A nozzle lifted for somebody else, or at its limit, forbids green."""
    return flow is None or (flow.visit == visit.id and not flow.stopped)


def permitted(state: LaneState, now_s: float) -> bool:
    """Whether fuel may flow: under green; once flowing under an authorisation, until it expires, is used up or its
    vehicle leaves. A camera lost in mid-flow stops no flow: the nozzle is in the tank, and a new lift needs new green.
    """
    flow = state.flow
    if state.fault:
        return False
    if flow is None or flow.held is None:
        return green(state, now_s)
    same_vehicle = state.visit is not None and state.visit.id == flow.visit
    return same_vehicle and not flow.stopped and now_s < flow.held.expires_s


def colour_of(state: LaneState, now_s: float) -> LampColour:
    """What the lamp must show: off only while nobody is there and all is well."""
    if green(state, now_s):
        return LampColour.GREEN
    return LampColour.OFF if _is_idle(state) else LampColour.RED


def _is_idle(state: LaneState) -> bool:
    return state.visit is None and state.flow is None and _works(state)


def lamp_reason(state: LaneState, now_s: float) -> Reason:
    """Why the lamp shows what it shows."""
    visit = state.visit
    if state.fault:
        return Reason.INTERNAL
    if state.camera is not None:
        return state.camera
    if not state.stores:
        return Reason.INTERNAL
    if visit is None:
        return Reason.VISIT_OVER if state.flow is None else Reason.NOZZLE_LIFTED
    if visit.spent:
        return Reason.VISIT_OVER
    if green(state, now_s):
        return Reason.OK
    if off_its_seat(state):
        return Reason.NOZZLE_LIFTED
    if visit.held is not None:
        return Reason.LIMIT_REACHED if state.flow is not None and state.flow.stopped else Reason.UNSURE
    return visit.reason


def flow_context(state: LaneState, now_s: float) -> FlowContext:
    """Under what fuel would flow, or flows, at this moment."""
    visit, flow = state.visit, state.flow
    if flow is None:
        held = visit.held if visit is not None and green(state, now_s) else None
        return _context(visit.id if visit else None, held, visit.subject.plate if visit and visit.subject else None)
    same = visit is not None and visit.id == flow.visit
    plate = visit.subject.plate if visit is not None and same and visit.subject is not None else None
    return _context(flow.visit, flow.held, plate)


def _context(visit: str | None, held: Held | None, plate: str | None) -> FlowContext:
    if held is None:
        return FlowContext(visit, None, plate, None)
    return FlowContext(visit, held.authorisation, held.plate, held.limit_fen)
