"""The lamp's changes during a visit, and the visit's summary when it is over."""

from __future__ import annotations

from controller.lane.records import Close, Opened, Visit
from controller.records import LampChange, LampColour, VisitSummary, Vote


class Timeline:
    """Follows the open visit from its first moment to the lamp's last change for it."""

    def __init__(self) -> None:
        self.visit: str | None = None
        self.lit = LampColour.RED
        self._lamp: list[LampChange] = []

    def opened(self, event: Opened) -> None:
        self.visit = event.visit
        self._lamp = [LampChange(event.first_seen_s, self.lit)]

    def lamp(self, change: LampChange) -> None:
        """The lamp took another colour."""
        self.lit = change.colour
        self._lamp.append(change)

    def closed(self, close: Close, vote: Vote | None) -> VisitSummary:
        """The summary; call it when the lamp has changed for the visit's end."""
        self.visit = None
        return summary_of(close.visit, tuple(self._lamp), close.gone_s, vote)


def summary_of(visit: Visit, lamp: tuple[LampChange, ...], gone_s: float, vote: Vote | None = None) -> VisitSummary:
    """The visit's last facts as one record; what was never decided counts as decided when the vehicle left."""
    subject, held = visit.subject, visit.last_held
    return VisitSummary(
        visit=visit.id,
        plate=subject.plate if subject else None,
        typed=subject.typed if subject else False,
        decision=visit.decision,
        reason=visit.reason,
        first_seen_at=visit.first_seen_at,
        first_seen_s=visit.first_seen_s,
        read_s=visit.read_s,
        decided_s=visit.decided_s if visit.decided_s is not None else gone_s,
        gone_s=gone_s,
        lamp=lamp,
        vote=vote,
        authorisation=held.authorisation if held else None,
        limit_fen=held.limit_fen if held else None,
    )
