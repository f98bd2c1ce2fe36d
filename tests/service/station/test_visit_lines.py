"""What the station's pages say of a visit: what was so at each step, and no refusal before anybody has answered."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from service.station.overview.routes import outcome, verdict
from service.station.overview.visit_lines import BEING_READ, GONE, why_of
from service.station.words import REASONS
from wire.live import LampState, Stage, StoryLine, VisitReport
from wire.reasons import Reason, Verdict

AT = datetime(2026, 5, 4, 4, tzinfo=UTC)


def line(at_s: float, stage: Stage, reason: Reason | None = None, lamp: LampState | None = None) -> StoryLine:
    return StoryLine(at_s=at_s, stage=stage, words="", reason=reason, plate=None, lamp=lamp)


READ = (
    line(0.0, Stage.SEEN),
    line(0.2, Stage.LAMP, Reason.NO_PLATE, LampState.RED),
    line(0.5, Stage.VOTED, Reason.UNSURE),
    line(1.5, Stage.VOTED),
    line(1.5, Stage.ASKED),
)
REFUSED = line(1.6, Stage.ANSWERED, Reason.BELOW_PRESET)
LEFT = line(9.0, Stage.LAMP, Reason.VISIT_OVER, LampState.OFF)


def visit(*story: StoryLine, over: bool = False, decision: Verdict = Verdict.REFUSE) -> VisitReport:
    return VisitReport(
        station="S1",
        lane="L1",
        visit="v1",
        first_seen_at=AT,
        at=AT,
        decision=decision,
        reason=Reason.NO_PLATE,
        over=over,
        story=story,
    )


def test_a_red_lamp_at_the_arrival_is_no_plate_that_was_not_seen() -> None:
    story = (*READ, REFUSED, LEFT)
    assert why_of(READ[1], story) == BEING_READ
    assert why_of(READ[1], READ[:3]) == REASONS[Reason.NO_PLATE], "nothing was ever sure"
    assert why_of(READ[2], story) == REASONS[Reason.UNSURE], "of a vote it is what it found"
    assert why_of(REFUSED, story) == REASONS[Reason.BELOW_PRESET]


def test_who_was_refused_has_not_fuelled_when_the_lamp_goes_out() -> None:
    assert why_of(LEFT, (*READ, REFUSED, LEFT)) == GONE


@pytest.mark.parametrize(
    ("seen", "told", "style"),
    [
        (visit(*READ), "being read", "warn"),
        (visit(*READ, REFUSED), "refused", "bad"),
        (visit(*READ[:3], LEFT, over=True), "refused", "bad"),
        (visit(*READ, line(1.6, Stage.ANSWERED, Reason.OK), decision=Verdict.ALLOW), "allowed", "good"),
    ],
)
def test_a_visit_is_refused_once_somebody_has_refused_it(seen: VisitReport, told: str, style: str) -> None:
    assert (verdict(seen)[1], outcome(seen)) == (told, style)
