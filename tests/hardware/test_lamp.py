"""Faults of the lamp's pins, and what the wiring sees."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from gpiozero import LED
from gpiozero.pins.mock import MockFactory, MockPin

from controller.clock import ManualClock, SystemClock
from controller.errors import LampFault
from controller.records import LampColour
from hardware.lamp import FakeLamp, GpioLamp, LampWires

RED, GREEN, OFF = LampColour.RED, LampColour.GREEN, LampColour.OFF


class WeldedPin(MockPin):
    """Follows until it is welded; then it keeps its level, as with a short circuit."""

    welded = False

    def _set_state(self, value: float) -> None:
        if not self.welded:
            super()._set_state(value)


class DeadPin(MockPin):
    """Its driver raises once it is dead, as when the chip has gone."""

    dead = False

    def _set_state(self, value: float) -> None:
        if self.dead:
            raise OSError(5, "Input/output error")
        super()._set_state(value)


def eventually(reached: Callable[[], bool], within_s: float = 30.0) -> bool:
    until_s = time.monotonic() + within_s
    while not reached() and time.monotonic() < until_s:
        time.sleep(0.01)
    return reached()


def test_never_both_lit() -> None:
    pins = MockFactory()
    lit: set[tuple[bool, bool]] = set()

    class Watched(MockPin):
        def _change_state(self, value: bool) -> bool:
            changed = super()._change_state(value)
            lit.add((bool(pins.pin(17).state), bool(pins.pin(27).state)))
            return bool(changed)

    pins.pin(17, Watched), pins.pin(27, Watched)
    lamp = GpioLamp(LampWires(17, 27), pins, ManualClock(), guarded=False)
    colours = [RED, GREEN, OFF, GREEN, RED, OFF, RED]
    for _, colour in pairwise(colours):
        lamp.show(colour, 1.0)
    lamp.close()
    assert lit == {(True, False), (False, False), (False, True)}


@pytest.mark.parametrize("faulty", [WeldedPin, DeadPin])
def test_green_that_cannot_be_lit_is_a_fault_and_leaves_red(faulty: type[MockPin]) -> None:
    pins = MockFactory()
    green = pins.pin(27, faulty)
    lamp = GpioLamp(LampWires(17, 27), pins, ManualClock(), guarded=False)
    green.welded = green.dead = True
    with pytest.raises(LampFault, match="green"):
        lamp.show(GREEN, 1.0)
    assert pins.pin(17).state
    assert not green.state


def test_a_red_light_that_fails_still_puts_green_out() -> None:
    pins = MockFactory()
    red = pins.pin(17, DeadPin)
    lamp = GpioLamp(LampWires(17, 27), pins, ManualClock(), guarded=False)
    lamp.show(GREEN, 1.0)
    red.dead = True
    with pytest.raises(LampFault, match="Input/output"):
        lamp.show(RED)
    assert not pins.pin(27).state


def test_green_that_is_welded_on_is_a_fault_at_every_colour() -> None:
    pins = MockFactory()
    green = pins.pin(27, WeldedPin)
    lamp = GpioLamp(LampWires(17, 27), pins, ManualClock(), guarded=False)
    lamp.show(GREEN, 1.0)
    green.welded = True
    with pytest.raises(LampFault, match="stays on"):
        lamp.show(RED)
    with pytest.raises(LampFault, match="stays on"):
        lamp.show(OFF)
    lamp.close()


def test_an_expired_lease_is_tried_again_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    lamp = FakeLamp(SystemClock(), guarded=True)
    lamp.show(GREEN, 0.05)
    with caplog.at_level(logging.ERROR):
        lamp.break_down(RED)
        assert eventually(lambda: "ran out" in caplog.text)
        time.sleep(0.2)
    assert caplog.text.count("ran out") == 1
    lamp.mend()
    assert eventually(lambda: lamp.timeline[-1].colour is RED)
    lamp.close()


def test_close_lets_go_of_the_pins_even_when_red_fails() -> None:
    pins = MockFactory()
    red = pins.pin(17, DeadPin)
    lamp = GpioLamp(LampWires(17, 27), pins, ManualClock())
    red.dead = True
    lamp.close()
    assert (red.function, pins.pin(27).function) == ("input", "input")


def test_pins_in_use_are_named() -> None:
    pins = MockFactory()
    taken = LED(27, pin_factory=pins)
    with pytest.raises(LampFault, match="17 and 27"):
        GpioLamp(LampWires(17, 27), pins, ManualClock())
    taken.close()
    GpioLamp(LampWires(17, 27), pins, ManualClock(), guarded=False).close()


def test_a_broken_fake_refuses_and_mends() -> None:
    lamp = FakeLamp(ManualClock())
    lamp.break_down()
    with pytest.raises(LampFault):
        lamp.show(OFF)
    lamp.mend()
    lamp.show(OFF)
    assert [change.colour for change in lamp.timeline] == [RED, OFF]
