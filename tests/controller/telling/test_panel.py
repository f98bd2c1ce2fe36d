"""The panel's road into the lane: typed plates, what became of them, and what the lane shows."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from controller.clock import ManualClock
from controller.fuelling.terminal import RunningFuelling
from controller.lane.machine import step
from controller.lane.records import Typed
from controller.telling.panel import LanePanel, TypedPlate
from tests.controller.lanes import AT, NOW_S, OTHER, PATHS, PLATE, RULES, walk
from tests.controller.visits import RECEIPT, fuelling
from wire.live import LampState, OrderResult
from wire.reasons import Reason


def panel(running: RunningFuelling | None = None) -> LanePanel:
    return LanePanel("S1", "L1", ManualClock(), lambda: running, lambda: None)


def shown(path: str, running: RunningFuelling | None = None) -> LanePanel:
    made = panel(running)
    made.saw(walk(PATHS[path])[0], NOW_S)
    return made


def test_it_shows_what_the_lane_shows() -> None:
    status = shown("green").status
    assert status is not None
    assert (status.lamp, status.reason, status.plate, status.limit_fen) == (LampState.GREEN, Reason.OK, PLATE, 10_000)
    blind = shown("blind").status
    assert blind is not None
    assert (blind.lamp, blind.camera) == (LampState.RED, Reason.CAMERA_LOST)
    refused = shown("refused").status
    assert refused is not None
    assert (refused.lamp, refused.reason, refused.limit_fen) == (LampState.RED, Reason.BELOW_PRESET, None)


def test_a_running_fuelling_is_shown_only_while_the_nozzle_is_lifted() -> None:
    status = shown("fuelling", RunningFuelling(1500, 1185, 790)).status
    assert status is not None
    assert (status.volume_ml, status.amount_fen, status.unit_price_fen_per_l) == (1500, 1185, 790)
    assert not status.typed
    idle = shown("green", RunningFuelling(1500, 1185, 790)).status
    assert idle is not None
    assert idle.volume_ml is None


def test_every_state_can_be_told_over_the_wire() -> None:
    from wire.codec import decode, encode
    from wire.live import LaneStatus

    for path in PATHS:
        status = shown(path).status
        assert decode(LaneStatus, encode(status)) == status


def test_only_changes_are_told() -> None:
    made = panel()
    calls: list[int] = []
    made.changed = lambda: calls.append(1)
    state = walk(PATHS["green"])[0]
    made.saw(state, NOW_S)
    made.saw(state, NOW_S + 1.0)
    assert (made.version, len(calls)) == (1, 1)
    made.fuelling_ended("v1", fuelling("v1"), NOW_S)
    made.charged("v1", RECEIPT)
    made.saw(state, NOW_S + 2.0)
    received = made.status
    assert received is not None
    assert (received.charged_fen, received.balance_fen, received.by_phone, made.version) == (
        RECEIPT.charged_fen,
        83_600,
        False,
        2,
    )
    assert (received.metered_ml, received.metered_fen) == (20_500, 16_400)
    made.charged("v1", replace(RECEIPT, balance_fen=None, by_phone=True))
    made.saw(state, NOW_S + 3.0)
    assert made.status is not None
    assert (made.status.balance_fen, made.status.by_phone) == (None, True)


def test_a_new_plate_has_no_answer_yet() -> None:
    state, _ = walk(PATHS["refused"])
    state, _ = step(state, Typed(OTHER, AT), NOW_S, RULES)
    made = panel()
    made.saw(state, NOW_S)
    assert made.status is not None
    assert (made.status.phase, made.status.plate, made.status.reason) == ("asking", OTHER, Reason.NO_PLATE)


def test_a_typed_plate_waits_for_the_lanes_word() -> None:
    made = panel()
    results: list[OrderResult] = []
    waiting = threading.Thread(target=lambda: results.append(made.type(TypedPlate(PLATE), 30.0)))
    waiting.start()
    while not (plates := made.typed()):
        time.sleep(0.001)
    made.answer(plates[0], OrderResult.TAKEN)
    waiting.join()
    assert (results, plates[0].plate) == ([OrderResult.TAKEN], PLATE)


def test_a_lane_that_is_too_slow_does_not_act_on_it_later() -> None:
    made = panel()
    assert made.type(TypedPlate(PLATE), 0.0) is OrderResult.FAILED
    assert made.typed() == ()
