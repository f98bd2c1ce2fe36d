"""What became of an order, by the lane's states around it: in every state of the lane."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.lane.machine import step
from controller.lane.order_results import LaneOrder, result_of
from controller.lane.records import Answered, Moved, Revoked, Typed, Vouched
from tests.controller.lanes import AT, NOW_S, OTHER, PATHS, PLATE, RULES, refuse, walk
from wire.live import OrderResult
from wire.reasons import Reason

GIVEN_UP = {"green", "green by typing", "hidden", "green and blind", "green and unstored"}
"""Where a visit holds an authorisation and no nozzle is lifted."""
LIFTED = {"fuelling", "fuelling at its limit", "fuelling and blind"}
"""Where it holds one with the nozzle lifted: its payer may still take it away, as long as nothing has flowed."""


def ordered(path: str, order: LaneOrder) -> OrderResult:
    before, _ = walk(PATHS[path])
    after, _ = step(before, order, NOW_S, RULES)
    return result_of(order, before, after)


@pytest.mark.parametrize("path", PATHS)
def test_an_authorisation_is_given_up_where_one_is_held_and_unused(path: str) -> None:
    assert (ordered(path, Moved(PLATE)) is OrderResult.TAKEN) == (path in GIVEN_UP)
    assert (ordered(path, Revoked(PLATE, False)) is OrderResult.TAKEN) == (path in GIVEN_UP | LIFTED)
    assert ordered(path, Moved(OTHER)) is OrderResult.NOBODY, "another vehicle's"
    assert ordered(path, Revoked(PLATE, True)) is OrderResult.NOBODY, "fuel has flowed"


def test_a_typed_plate_is_taken_where_a_vehicle_waits_for_one() -> None:
    taken = {path for path in PATHS if ordered(path, Typed(OTHER, AT)) is OrderResult.TAKEN}
    assert {"reading", "refused"} <= taken
    assert not taken & {"blind", "empty", "fuelling", "fault"}


def test_a_persons_word_counts_where_the_typed_plate_waits_for_one() -> None:
    order = Vouched(OTHER, "person:li")
    typed, _ = walk((*PATHS["reading"], Typed(OTHER, AT)))
    assert typed.visit is not None
    refused = Answered(typed.visit.question or "", refuse("v1", OTHER, Reason.ATTENDANT_NEEDED))
    refused = replace(refused, decision=replace(refused.decision, visit=refused.key))
    waits, _ = step(typed, refused, NOW_S, RULES)
    after, _ = step(waits, order, NOW_S, RULES)
    assert result_of(order, waits, after) is OrderResult.TAKEN
    assert {path for path in PATHS if ordered(path, order) is OrderResult.TAKEN} == set(), "nobody typed it"
