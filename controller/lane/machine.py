"""The lane: one pure function of state, event and now.

An event changes facts; the lamp and the permit then follow from the facts alone. Green needs every one of its
conditions to hold at this moment, so whatever nobody planned ends at red.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from controller.lane.follow_ups import adopt_flow, ask, expire, renew, show, time_out
from controller.lane.records import (
    Answered,
    AskFailed,
    CameraBack,
    Close,
    Command,
    Confirmed,
    Doubted,
    Event,
    Faulted,
    Flow,
    Gone,
    Held,
    Hidden,
    Identified,
    LaneRules,
    LaneState,
    LimitReached,
    Moved,
    Note,
    NozzleHung,
    NozzleLifted,
    Opened,
    PicturesLost,
    Renewed,
    Revoked,
    SeenText,
    SendRelease,
    Storing,
    Subject,
    Tick,
    Typed,
    Visit,
    Vouched,
)
from controller.lane.state_changes import Step, about, ask_later, decided, give_back, held_until, lose, named
from controller.lane.view import green
from wire.reasons import Reason, Verdict
from wire.typed import CONFIRMABLE

_ENDS_AT_ONCE = (Reason.EXPIRED, Reason.VISIT_OVER, Reason.CARD_BLOCKED, Reason.PLATE_BLOCKED)
"""Refusals of a renewal that say that the authorisation no longer stands, or must not."""


KEY_LIFE_S = 90.0
"""A question unanswered for this long is asked under a new key with a fresh time: the service refuses pictures of more
than two minutes ago."""


def step(state: LaneState, event: Event, now_s: float, rules: LaneRules) -> Step:
    """The state after an event and what to do about it, in order. Now never goes back."""
    if not isinstance(event, Faulted) and state.fault:
        return show(state, now_s, rules)
    state, commands = _HANDLERS[type(event)](state, event, now_s, rules)
    for follow_up in (expire, time_out, ask, renew, adopt_flow, show):
        state, more = follow_up(state, now_s, rules)
        commands += more
    return state, commands


def _opened(state: LaneState, event: Opened, now_s: float, rules: LaneRules) -> Step:
    commands: list[Command] = []
    if state.visit is not None:
        state, commands = _gone(state, Gone(state.visit.id, Reason.PLATE_CHANGED), now_s, rules)
    visit = Visit(event.visit, now_s, event.first_seen_s, event.first_seen_at, backoff_s=rules.reask_first_s)
    return replace(state, visit=visit), commands


def _doubted(state: LaneState, event: Doubted, now_s: float, rules: LaneRules) -> Step:
    visit = named(state, event.visit)
    if visit is None or visit.subject is not None:
        return state, []
    return replace(state, visit=replace(visit, reason=event.reason)), []


def _identified(state: LaneState, event: Identified, now_s: float, rules: LaneRules) -> Step:
    visit = named(state, event.visit)
    if visit is None:
        return state, []
    if visit.subject is None:
        return replace(state, visit=about(replace(visit, read_s=now_s), event.subject, now_s)), []
    typed = visit.subject
    if typed.plate == event.subject.plate:
        return replace(state, visit=replace(visit, hidden=False)), []
    if typed.confirmed_by is not None:
        return state, [Note("the plate read is not the plate typed, which the station has confirmed")]
    visit, commands = give_back(state, visit)
    subject = replace(typed, seen=event.subject.plate, seen_certain=True)
    visit = replace(visit, subject=subject, question=None, key="", next_ask_s=None)
    visit = decided(visit, Verdict.REFUSE, Reason.TYPED_DIFFERS, now_s)
    return replace(state, visit=visit), [*commands, Note("the plate read is not the plate typed")]


def _confirmed(state: LaneState, event: Confirmed, now_s: float, rules: LaneRules) -> Step:
    visit = named(state, event.visit)
    if visit is None or visit.subject is None:
        return state, []
    subject = visit.subject
    if not visit.key and not subject.typed:
        subject = replace(subject, captured_at=event.captured_at)
    return replace(state, visit=replace(visit, hidden=False, subject=subject)), []


def _hidden(state: LaneState, event: Hidden, now_s: float, rules: LaneRules) -> Step:
    visit = named(state, event.visit)
    return (state if visit is None else replace(state, visit=replace(visit, hidden=True))), []


def _gone(state: LaneState, event: Gone, now_s: float, rules: LaneRules) -> Step:
    visit = named(state, event.visit)
    if visit is None:
        return state, []
    _, commands = give_back(state, visit)
    return replace(state, visit=None), [*commands, Close(visit, now_s, event.reason)]


def _typed(state: LaneState, event: Typed, now_s: float, rules: LaneRules) -> Step:
    visit = state.visit
    if visit is None or visit.spent or green(state, now_s) or state.flow is not None:
        return state, [Note("a typed plate was ignored: no vehicle waits for one")]
    visit, commands = give_back(state, visit)
    subject = Subject(event.plate, True, event.typed_at, 1.0, 1.0, pin_proof=event.pin_proof)
    subject = _beside(subject, event.seen)
    nothing_said = replace(visit, question=None, reason=Reason.NO_PLATE, open_lane=None)
    return replace(state, visit=about(nothing_said, subject, now_s)), commands


def _moved(state: LaneState, event: Moved, now_s: float, rules: LaneRules) -> Step:
    """Give the authorisation up for another lane, unless the nozzle is lifted; ask again when that one has had time."""
    visit = state.visit
    if visit is None or visit.held is None or visit.held.plate != event.plate or state.flow is not None:
        return state, [Note("an authorisation was not moved: there is none that is unused")]
    state, commands = lose(state, visit, Reason.OPEN_ELSEWHERE, now_s, rules)
    assert state.visit is not None
    later_s = now_s + rules.refusal_retry_s + rules.reask_longest_s
    return replace(state, visit=replace(state.visit, next_ask_s=later_s)), commands


def _revoked(state: LaneState, event: Revoked, now_s: float, rules: LaneRules) -> Step:
    """Neither green nor flow under it from now on, also where the nozzle is lifted but nothing has flowed."""
    held = None if state.visit is None else state.visit.held
    if held is None or held.plate != event.plate or event.has_flowed:
        return state, [Note("an authorisation was not revoked: there is none that is unused")]
    return _withdrawn(state, held.authorisation, Reason.PLATE_BLOCKED, now_s, rules)


def _beside(subject: Subject, seen: SeenText | None) -> Subject:
    """The typed plate with what the camera has read by now; what it was once sure of is not forgotten."""
    if seen is None or (subject.seen_certain and not seen.certain):
        return subject
    return replace(subject, seen=seen.text, seen_certain=seen.certain)


def _vouched(state: LaneState, event: Vouched, now_s: float, rules: LaneRules) -> Step:
    """A typed plate that was refused for want of agreement is asked about anew, with who vouches for it."""
    visit = state.visit
    subject = None if visit is None else visit.subject
    if visit is None or subject is None or not subject.typed or subject.plate != event.plate:
        return state, [Note("a confirmation was ignored: no such typed plate waits for one")]
    if visit.reason not in CONFIRMABLE or visit.question is not None:
        return state, [Note("a confirmation was ignored: the typed plate does not wait for one")]
    subject = replace(subject, confirmed_by=event.by)
    return replace(state, visit=about(visit, subject, now_s)), []


def _answered(state: LaneState, event: Answered, now_s: float, rules: LaneRules) -> Step:
    visit, decision = state.visit, event.decision
    if visit is None or visit.question != event.key or visit.subject is None:
        return state, _unwanted(state, decision)
    if decision.visit != event.key or decision.plate != visit.subject.plate:
        failed, commands = _ask_failed(state, AskFailed(event.key, Reason.SERVICE_FAULT), now_s, rules)
        return failed, [*_unwanted(state, decision), *commands]
    visit = replace(visit, question=None, open_lane=decision.open_lane)
    if decision.decision is Verdict.ALLOW and decision.authorisation and decision.limit_fen is not None:
        held = held_until(decision.authorisation, decision.plate, decision.limit_fen, event.expires_s, now_s, rules)
        visit = replace(visit, held=held, last_held=held, next_ask_s=None)
        return replace(state, visit=decided(visit, Verdict.ALLOW, decision.reason, now_s)), []
    visit = replace(decided(visit, Verdict.REFUSE, decision.reason, now_s), key="")
    return replace(state, visit=ask_later(visit, decision.reason, now_s, rules)), []


def _unwanted(state: LaneState, decision: Any) -> list[Command]:
    """An answer nobody waits for: what it holds is given back, unless it is what the lane holds already."""
    mine = {h.authorisation for h in (state.visit and state.visit.held, state.flow and state.flow.held) if h}
    if decision.authorisation is None or decision.authorisation in mine:
        return []
    return [SendRelease(decision.authorisation), Note("an answer came too late and was given back")]


def _ask_failed(state: LaneState, event: AskFailed, now_s: float, rules: LaneRules) -> Step:
    visit = state.visit
    if visit is None or visit.question != event.key:
        return state, []
    visit = replace(
        decided(visit, Verdict.REFUSE, event.reason, now_s),
        question=None,
        key="" if now_s - visit.keyed_s >= KEY_LIFE_S else visit.key,
        next_ask_s=None if event.final else now_s + visit.backoff_s,
        backoff_s=min(visit.backoff_s * 2, rules.reask_longest_s),
    )
    return replace(state, visit=visit), []


def _renewed(state: LaneState, event: Renewed, now_s: float, rules: LaneRules) -> Step:
    """A renewal prolongs; one refused because it is over or blocked ends the authorisation at once.

    Any other refusal changes nothing: the authorisation ends at the expiry it had.
    """
    decision = event.decision
    if decision.decision is Verdict.REFUSE and decision.reason in _ENDS_AT_ONCE:
        return _withdrawn(state, event.authorisation, decision.reason, now_s, rules)
    if decision.decision is not Verdict.ALLOW or decision.authorisation != event.authorisation:
        return state, [Note(f"an authorisation was not renewed: {decision.reason}")]

    def prolonged(held: Held | None) -> Held | None:
        if held is None or held.authorisation != event.authorisation or decision.plate != held.plate:
            return held
        return held_until(held.authorisation, held.plate, held.limit_fen, event.expires_s, now_s, rules)

    visit, flow = state.visit, state.flow
    return replace(
        state,
        visit=visit and replace(visit, held=prolonged(visit.held)),
        flow=flow and replace(flow, held=prolonged(flow.held)),
    ), []


def _withdrawn(state: LaneState, authorisation: str, reason: Reason, now_s: float, rules: LaneRules) -> Step:
    """The service has ended an authorisation: no green and no more flow under it, from this moment on."""
    note = Note(f"an authorisation was ended by the service: {reason}")
    flow, visit = state.flow, state.visit
    if flow is not None and flow.held is not None and flow.held.authorisation == authorisation:
        state = replace(state, flow=replace(flow, held=replace(flow.held, expires_s=now_s)))
    if visit is None or visit.held is None or visit.held.authorisation != authorisation:
        return state, [note]
    state, commands = lose(state, visit, reason, now_s, rules)
    return state, [*commands, note]


def _camera_lost(state: LaneState, event: PicturesLost, now_s: float, rules: LaneRules) -> Step:
    return replace(state, camera=event.reason), []


def _camera_back(state: LaneState, event: CameraBack, now_s: float, rules: LaneRules) -> Step:
    return replace(state, camera=None), []


def _storing(state: LaneState, event: Storing, now_s: float, rules: LaneRules) -> Step:
    return replace(state, stores=event.works), []


def _nozzle_lifted(state: LaneState, event: NozzleLifted, now_s: float, rules: LaneRules) -> Step:
    if state.flow is not None:
        return state, []
    visit = state.visit
    held = visit.held if visit is not None and green(state, now_s) else None
    notes: list[Command] = [] if held else [Note("the nozzle was lifted without green")]
    return replace(state, flow=Flow(visit.id if visit else None, held)), notes


def _nozzle_hung(state: LaneState, event: NozzleHung, now_s: float, rules: LaneRules) -> Step:
    """What flowed spends the authorisation; a lift without flow leaves it as it was."""
    flow, visit = state.flow, state.visit
    state = replace(state, flow=None)
    if flow is None or flow.held is None:
        return state, []
    same = visit is not None and visit.id == flow.visit
    if event.volume_ml > 0:
        spent = replace(visit, spent=True, held=None, next_ask_s=None) if visit is not None and same else visit
        return replace(state, visit=spent), []
    kept = visit is not None and visit.held is not None and visit.held.authorisation == flow.held.authorisation
    return state, [] if kept else [SendRelease(flow.held.authorisation)]


def _limit_reached(state: LaneState, event: LimitReached, now_s: float, rules: LaneRules) -> Step:
    return (state if state.flow is None else replace(state, flow=replace(state.flow, stopped=True))), []


def _tick(state: LaneState, event: Tick, now_s: float, rules: LaneRules) -> Step:
    """A typed plate is as fresh as its vehicle: nobody reads it, but the pictures show that it stands there still."""
    visit = state.visit
    if visit is None or visit.subject is None or event.seen_at is None or state.camera is not None:
        return state, []
    if not visit.subject.typed or visit.key or visit.hidden or event.seen_at <= visit.subject.captured_at:
        return state, []
    subject = _beside(replace(visit.subject, captured_at=event.seen_at), event.seen)
    return replace(state, visit=replace(visit, subject=subject)), []


def _faulted(state: LaneState, event: Faulted, now_s: float, rules: LaneRules) -> Step:
    return replace(state, fault=event.detail), [Note(event.detail)]


_HANDLERS: dict[type, Callable[[LaneState, Any, float, LaneRules], Step]] = {
    Opened: _opened,
    Doubted: _doubted,
    Identified: _identified,
    Confirmed: _confirmed,
    Hidden: _hidden,
    Gone: _gone,
    Typed: _typed,
    Moved: _moved,
    Revoked: _revoked,
    Vouched: _vouched,
    Answered: _answered,
    AskFailed: _ask_failed,
    Renewed: _renewed,
    PicturesLost: _camera_lost,
    CameraBack: _camera_back,
    Storing: _storing,
    NozzleLifted: _nozzle_lifted,
    NozzleHung: _nozzle_hung,
    LimitReached: _limit_reached,
    Tick: _tick,
    Faulted: _faulted,
}
