"""The small changes of a lane's facts of which every step is made."""

from __future__ import annotations

from dataclasses import replace

from controller.lane.records import Command, Held, LaneRules, LaneState, SendRelease, Subject, Visit
from wire.reasons import Reason, Verdict

Step = tuple[LaneState, list[Command]]

_ASK_AFRESH = (Reason.STALE_QUESTION, Reason.NOT_CERTAIN, Reason.VISIT_OVER, Reason.EXPIRED, Reason.OPEN_ELSEWHERE)
"""Refusals of the question rather than of the plate: asked again by back-off, under a new key."""


def named(state: LaneState, visit: str) -> Visit | None:
    """The open visit, if that is its id: events about an older one change nothing."""
    return state.visit if state.visit is not None and state.visit.id == visit else None


def about(visit: Visit, subject: Subject, now_s: float) -> Visit:
    """The visit with a plate to ask about, under a key not used before."""
    return replace(visit, subject=subject, hidden=False, key="", next_ask_s=now_s)


def decided(visit: Visit, decision: Verdict, reason: Reason, now_s: float) -> Visit:
    changed = (decision, reason) != (visit.decision, visit.reason) or visit.decided_s is None
    return replace(visit, decision=decision, reason=reason, decided_s=now_s if changed else visit.decided_s)


def held_until(
    authorisation: str, plate: str, limit_fen: int, expires_s: float, now_s: float, rules: LaneRules
) -> Held:
    life_s = min(max(expires_s - now_s, 0.0), rules.authorisation_longest_s)
    renew_s = now_s + life_s - min(rules.renew_before_s, life_s / 2)
    return Held(authorisation, plate, limit_fen, now_s + life_s, renew_s)


def give_back(state: LaneState, visit: Visit) -> tuple[Visit, list[Command]]:
    """The visit without its authorisation, which is released unless fuel flows under it."""
    held, flow = visit.held, state.flow
    if held is None:
        return visit, []
    in_use = flow is not None and flow.held is not None and flow.held.authorisation == held.authorisation
    return replace(visit, held=None), [] if in_use else [SendRelease(held.authorisation)]


def lose(state: LaneState, visit: Visit, reason: Reason, now_s: float, rules: LaneRules) -> Step:
    """Without its authorisation, for that reason; asked anew under a new key, unless fuel flows under it."""
    visit, commands = give_back(state, visit)
    visit = decided(replace(visit, key=""), Verdict.REFUSE, reason, now_s)
    if state.flow is None or state.flow.held is None:
        visit = ask_later(visit, reason, now_s, rules)
    return replace(state, visit=visit), commands


def ask_later(visit: Visit, reason: Reason, now_s: float, rules: LaneRules) -> Visit:
    """Refused for that reason, when to ask again: none sooner than its back-off, which doubles each time."""
    if reason not in _ASK_AFRESH:
        return replace(visit, next_ask_s=now_s + rules.refusal_retry_s)
    longer_s = min(visit.backoff_s * 2, rules.reask_longest_s)
    return replace(visit, next_ask_s=now_s + visit.backoff_s, backoff_s=longer_s)
