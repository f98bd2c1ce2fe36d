"""The simulated dispenser's script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.clock import ManualClock
from hardware.dispensers.simulated import Filling, SimulatedDispenser


def test_plays_a_filling_by_the_clock() -> None:
    clock = ManualClock()
    dispenser = SimulatedDispenser(
        clock, [Filling.of(litres=20.0, lift_s=5.0, litres_per_min=40.0)], pulses_per_litre=100
    )
    dispenser.permit(True)
    seen = {}
    for second in range(1, 41):
        clock.advance(1.0)
        seen[second] = dispenser.poll()
    assert [s for s, r in seen.items() if r.nozzle_lifted] == list(range(5, 37))
    assert seen[6].pulses == 0
    assert seen[21].pulses == 1000
    assert seen[36].pulses == seen[40].pulses == 2000


def test_nothing_flows_without_a_permit() -> None:
    clock = ManualClock()
    dispenser = SimulatedDispenser(clock, [Filling(0.0, 0.0, 10.0, 10.0, litres_per_min=60.0)], pulses_per_litre=100)
    clock.advance(4.0)
    assert dispenser.poll().pulses == 0
    dispenser.permit(True)
    clock.advance(1.0)
    dispenser.permit(False)
    clock.advance(4.0)
    assert dispenser.poll().pulses == 100


def test_flows_freely_where_no_relay_is_wired() -> None:
    clock = ManualClock()
    dispenser = SimulatedDispenser(clock, [Filling(0.0, 0.0, 10.0, 10.0, 60.0)], has_permit_relay=False)
    clock.advance(10.0)
    assert dispenser.poll().pulses == 1000


def test_a_permit_that_lapses_stops_the_flow() -> None:
    clock = ManualClock()
    dispenser = SimulatedDispenser(clock, [Filling(0.0, 0.0, 10.0, 10.0, 60.0)], pulses_per_litre=100)
    dispenser.permit(True)
    clock.advance(10.0)
    assert dispenser.poll().pulses == 200


def test_takes_fillings_as_they_come() -> None:
    clock = ManualClock()
    dispenser = SimulatedDispenser(clock, has_permit_relay=False)
    clock.advance(3.0)
    dispenser.add(Filling.of(litres=1.0, lift_s=4.0, litres_per_min=60.0))
    clock.advance(5.0)
    assert dispenser.poll().pulses == 100


@given(
    steps=st.lists(st.floats(0.01, 1.0), min_size=1, max_size=50),
    pulses_per_litre=st.sampled_from([1.0, 33.3, 100.0, 999.0]),
)
def test_how_often_it_is_polled_does_not_change_the_count(steps: list[float], pulses_per_litre: float) -> None:
    clock = ManualClock()
    filling = Filling.of(litres=7.0, lift_s=1.0, litres_per_min=55.0)
    often, once = (
        SimulatedDispenser(clock, [filling], pulses_per_litre=pulses_per_litre, has_permit_relay=False) for _ in "ab"
    )
    before = 0
    for step_s in steps:
        clock.advance(step_s)
        pulses = often.poll().pulses
        assert pulses >= before
        before = pulses
    assert once.poll().pulses == pytest.approx(before, abs=1)
