"""The wired dispenser: bounce, fast pulses, faults; and the dead loop's permit."""

from __future__ import annotations

import time

import pytest
from gpiozero.pins.mock import MockFactory, MockPin
from hypothesis import given
from hypothesis import strategies as st

from controller.clock import ManualClock, SystemClock
from controller.errors import DispenserFault
from hardware.dispensers.gpio import Debounce, DispenserWires, GpioDispenser

NOZZLE, PULSER, PERMIT = 22, 23, 24


class DeadPin(MockPin):
    dead = False

    def _set_state(self, value: float) -> None:
        if self.dead:
            raise OSError(5, "Input/output error")
        super()._set_state(value)


def dispenser(pins: MockFactory, clock: ManualClock | SystemClock, **options: float | bool) -> GpioDispenser:
    return GpioDispenser(DispenserWires(NOZZLE, PULSER, PERMIT), pins, clock, **options)  # type: ignore[arg-type]


def test_a_bouncing_nozzle_lifts_once_it_rests() -> None:
    clock, pins = ManualClock(), MockFactory()
    with dispenser(pins, clock, guarded=False) as wired:
        nozzle = pins.pin(NOZZLE)
        for _ in range(5):
            nozzle.drive_low()
            clock.advance(0.02)
            nozzle.drive_high()
            clock.advance(0.02)
            assert not wired.poll().nozzle_lifted
        nozzle.drive_low()
        clock.advance(0.049)
        assert not wired.poll().nozzle_lifted
        clock.advance(0.001)
        assert wired.poll().nozzle_lifted


@given(
    edges=st.lists(st.tuples(st.floats(0.001, 0.2), st.booleans()), max_size=40),
    rest_s=st.sampled_from([0.0, 0.05, 0.1]),
)
def test_debounce_changes_only_after_rest(edges: list[tuple[float, bool]], rest_s: float) -> None:
    switch, now_s, believed = Debounce(False, 0.0, rest_s), 0.0, False
    level, since_s = False, 0.0
    for pause_s, state in edges:
        now_s += pause_s
        was = switch.state(now_s)
        if was is not believed:
            assert was is level
            assert now_s - since_s >= rest_s
        believed = was
        if state is not level:
            level, since_s = state, now_s
        switch.saw(state, now_s)
    assert switch.state(now_s + rest_s + 0.001) is level


def test_a_nozzle_off_the_hook_at_start_is_seen_at_once() -> None:
    pins = MockFactory()
    pins.pin(NOZZLE)._set_pull = lambda value: None
    pins.pin(NOZZLE)._state = False
    with dispenser(pins, ManualClock(), guarded=False) as wired:
        assert wired.poll().nozzle_lifted


def test_without_a_relay_permits_do_nothing() -> None:
    with GpioDispenser(DispenserWires(NOZZLE, PULSER), MockFactory(), ManualClock()) as wired:
        wired.permit(True)
        wired.permit(False)


def test_every_pulse_counts_at_500_a_second() -> None:
    """A second of real time at 500 pulses/s, polled as a loop does; pytest -s shows its share of a core."""
    pins = MockFactory()
    with dispenser(pins, SystemClock()) as wired:
        pulser, polled = pins.pin(PULSER), 0
        began_s, cpu_s = time.monotonic(), time.thread_time()
        for pulse in range(500):
            pulser.drive_low()
            pulser.drive_high()
            if pulse % 25 == 0:
                polled = wired.poll().pulses
                assert polled == pulse + 1
            time.sleep(max(0.0, began_s + pulse / 500 - time.monotonic()))
        cpu_share = (time.thread_time() - cpu_s) / (time.monotonic() - began_s)
        assert wired.poll().pulses == 500
    print(f"500 pulses/s took {cpu_share:.1%} of one core")


def test_a_dead_loop_drops_the_relay() -> None:
    pins = MockFactory()
    with dispenser(pins, SystemClock(), permit_lease_s=0.1) as wired:
        relay = pins.pin(PERMIT)
        relay.clear_states()
        wired.permit(True)
        until_s = time.monotonic() + 30
        while relay.state and time.monotonic() < until_s:
            time.sleep(0.01)
        assert [one.state for one in relay.states] == [False, True, False]


def test_a_relay_that_cannot_be_driven_is_a_fault() -> None:
    pins = MockFactory()
    relay = pins.pin(PERMIT, DeadPin)
    wired = dispenser(pins, ManualClock(), guarded=False)
    relay.dead = True
    with pytest.raises(DispenserFault, match="Input/output"):
        wired.permit(True)
    wired.close()
    assert relay.function == "input"


def test_pins_in_use_are_a_fault_and_nothing_stays_taken() -> None:
    pins = MockFactory()
    with pytest.raises(DispenserFault, match="are not available"):
        GpioDispenser(DispenserWires(NOZZLE, NOZZLE, PERMIT), pins, ManualClock(), guarded=False)
    dispenser(pins, ManualClock(), guarded=False).close()


def test_an_active_low_relay_rests_high() -> None:
    pins = MockFactory()
    wires = DispenserWires(NOZZLE, PULSER, PERMIT, permit_active_high=False)
    with GpioDispenser(wires, pins, ManualClock(), guarded=False) as wired:
        assert pins.pin(PERMIT).state
        wired.permit(True)
        assert not pins.pin(PERMIT).state


def test_an_edge_after_close_reaches_nobody() -> None:
    """lgpio's event thread dies for the whole process when it calls into a closed device."""
    pins = MockFactory()
    dispenser(pins, ManualClock(), guarded=False).close()
    assert pins.pin(PULSER).when_changed is None
    assert pins.pin(NOZZLE).when_changed is None
    pins.pin(PULSER).drive_low()
