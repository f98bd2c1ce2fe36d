"""What follows from the facts at every step, whatever happened: an end, a question, a renewal, the lamp."""

from __future__ import annotations

from dataclasses import replace

from controller.lane.records import Command, LaneRules, LaneState, Note, Permit, SendQuestion, SendRenewal, Show, Visit
from controller.lane.state_changes import Step, decided, lose
from controller.lane.view import colour_of, green, lamp_reason, off_its_seat, permitted
from controller.records import LampColour
from wire.reasons import Reason, Verdict


def expire(state: LaneState, now_s: float, rules: LaneRules) -> Step:
    """An authorisation ends with its time; while the vehicle stands, a new one is asked for under a new key."""
    visit = state.visit
    if visit is None or visit.held is None or now_s < visit.held.expires_s:
        return state, []
    state, commands = lose(state, visit, Reason.EXPIRED, now_s, rules)
    return state, [*commands, Note("the authorisation expired")]


def time_out(state: LaneState, now_s: float, rules: LaneRules) -> Step:
    visit = state.visit
    waiting = visit is not None and visit.subject is None and not visit.timed_out
    if visit is None or not waiting or now_s - visit.first_seen_s < rules.read_timeout_s:
        return state, []
    return replace(state, visit=replace(visit, timed_out=True, decided_s=now_s)), []


def ask(state: LaneState, now_s: float, rules: LaneRules) -> Step:
    visit = state.visit
    if visit is None or visit.subject is None or visit.next_ask_s is None or now_s < visit.next_ask_s:
        return state, []
    if off_its_seat(state):
        return _wait_for_the_nozzle(state, visit, now_s)
    subject = visit.subject
    blocked = visit.question or visit.held or visit.spent or visit.hidden or state.camera is not None
    if blocked:
        return state, []
    asks = visit.asks if visit.key else visit.asks + 1
    key = visit.key or (visit.id if asks == 1 else f"{visit.id}.{asks}")
    keyed_s = visit.keyed_s if visit.key else now_s
    visit = replace(visit, key=key, keyed_s=keyed_s, asks=asks, question=key, next_ask_s=None)
    return replace(state, visit=visit), [SendQuestion(visit.id, key, subject)]


def _wait_for_the_nozzle(state: LaneState, visit: Visit, now_s: float) -> Step:
    """Nobody is asked, and so no money held, for a vehicle that cannot be green before the nozzle hangs."""
    if visit.reason is Reason.NOZZLE_LIFTED:
        return state, []
    visit = decided(visit, Verdict.REFUSE, Reason.NOZZLE_LIFTED, now_s)
    return replace(state, visit=visit), [Note("the nozzle is off its seat: nobody is asked before it hangs")]


def renew(state: LaneState, now_s: float, rules: LaneRules) -> Step:
    """Ask for more time while the vehicle stands in view, or fuel flows."""
    held = (state.flow.held if state.flow else None) or (state.visit.held if state.visit else None)
    if held is None or now_s < held.renew_s or now_s >= held.expires_s or not permitted(state, now_s):
        return state, []
    later = replace(held, renew_s=now_s + rules.renew_retry_s)
    visit, flow = state.visit, state.flow
    if visit is not None and visit.held is not None and visit.held.authorisation == held.authorisation:
        visit = replace(visit, held=later)
    if flow is not None and flow.held is not None:
        flow = replace(flow, held=later)
    return replace(state, visit=visit, flow=flow), [SendRenewal(held.authorisation)]


def adopt_flow(state: LaneState, now_s: float, rules: LaneRules) -> Step:
    """A nozzle lifted while the answer was under way flows under it once it is green."""
    visit, flow = state.visit, state.flow
    if visit is None or flow is None or flow.held is not None or not green(state, now_s):
        return state, []
    return replace(state, flow=replace(flow, held=visit.held)), []


def show(state: LaneState, now_s: float, rules: LaneRules) -> Step:
    """The lamp and the permit as the facts demand: green renewed at every step, the rest told once."""
    commands: list[Command] = []
    colour = colour_of(state, now_s)
    if colour is LampColour.GREEN and state.visit is not None and state.visit.held is not None:
        lease_s = min(rules.lease_s, state.visit.held.expires_s - now_s)
        commands.append(Show(colour, Reason.OK, lease_s))
    elif colour is not state.shown:
        commands.append(Show(colour, lamp_reason(state, now_s)))
    allowed = permitted(state, now_s)
    if allowed is not state.permitted:
        commands.append(Permit(allowed))
    return replace(state, shown=colour, permitted=allowed), commands
