"""Where a unit's clock may be in another payer's hours the service's own time less the picture's age decides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.payers.charging import Charging
from service.reports.audit import audit
from tests.service.payers.phone import payer
from tests.service.world import Pump, World
from wire.questions import Decision
from wire.reasons import Reason, Verdict

EIGHT = datetime(2026, 5, 5, 0, 0, tzinfo=UTC)
"""08:00 in Shanghai."""


@pytest.fixture
def two(world: World) -> World:
    """A has the plate until eight, B from then on."""
    payer(world, "A", "0-8")
    payer(world, "B", "8-16")
    return world


def asked(world: World, now_s: float, captured_s: float, **changes: Any) -> Decision:
    """Seconds from eight o'clock."""
    world.clock.moment = EIGHT + timedelta(seconds=now_s)
    return world.ask(captured_at=EIGHT + timedelta(seconds=captured_s), **changes)


def pays(world: World, given: Decision) -> str:
    """Who is charged for a fuelling under it."""
    pump = world.__dict__.setdefault("pump", Pump("D1"))
    world.report(pump.fuelling(world.clock, 1_000, authorisation=given.authorisation))
    return next(c.phone for c in Charging(world.books).list() if c.visit == given.visit)


def test_the_service_s_time_less_the_age_decides_at_a_boundary(two: World) -> None:
    """The unit's clock is 20 s slow and knows that it may be 30 s off."""
    late = asked(two, 12, -10, clock_error_s=30.0, frame_age_s=2.0)
    assert pays(two, late) == "B"
    early = asked(two, 1, 20, clock_error_s=30.0, frame_age_s=2.5)
    assert pays(two, early) == "A"
    assert audit(two.database).findings == ()


def test_what_is_sure_is_the_camera_s(two: World) -> None:
    assert pays(two, asked(two, 12, -10)) == "A"
    assert pays(two, asked(two, 13, -10, clock_error_s=9.999999, frame_age_s=2.0)) == "A"
    assert pays(two, asked(two, 14, -10, clock_error_s=10.0, frame_age_s=2.0)) == "B"


def test_without_an_age_nobody_can_say(two: World) -> None:
    answer = asked(two, 12, -10, clock_error_s=30.0)
    assert (answer.decision, answer.reason) == (Verdict.REFUSE, Reason.CLOCK_UNSURE)


def test_the_next_attempt_of_a_question_may_know_its_clock_better(two: World) -> None:
    """Error and age are not part of what was asked."""
    first = asked(two, 12, -10, visit="v-again", clock_error_s=30.0, frame_age_s=2.0)
    again = asked(two, 15, -10, visit="v-again", clock_error_s=0.1, frame_age_s=5.0)
    assert again.authorisation == first.authorisation
    assert pays(two, again) == "B"
