"""What people order of the lane: a typed plate, a person's word for it, an authorisation given up; was it done?"""

from __future__ import annotations

from controller.lane.records import LaneState, Moved, Revoked, Typed, Vouched
from wire.live import OrderResult

LaneOrder = Typed | Vouched | Moved | Revoked


def result_of(order: LaneOrder, before: LaneState, after: LaneState) -> OrderResult:
    """What became of an order, by the lane's states before and after it. NOBODY: no vehicle was there that it fits."""
    return OrderResult.TAKEN if _was_taken(order, before, after) else OrderResult.NOBODY


def _was_taken(order: LaneOrder, before: LaneState, after: LaneState) -> bool:
    visit = after.visit
    subject = visit.subject if visit else None
    match order:
        case Typed(plate, typed_at):
            return subject is not None and subject.typed and (subject.plate, subject.captured_at) == (plate, typed_at)
        case Vouched(plate, by):
            return subject is not None and (subject.plate, subject.confirmed_by) == (plate, by)
        case Moved(plate) | Revoked(plate):
            held = before.visit.held if before.visit else None
            return held is not None and held.plate == plate and visit is not None and visit.held is None
