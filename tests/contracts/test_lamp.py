"""What every lamp promises, on mock pins in each kind of wiring and as the shipped fake."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from gpiozero.pins.mock import MockFactory
from hypothesis import given
from hypothesis import strategies as st

from controller.clock import ManualClock, SystemClock
from controller.errors import LampFault
from controller.ports import Clock
from controller.records import LampChange, LampColour
from hardware.lamp import FakeLamp, GpioLamp, LampWires, LeasedLamp, Listener

RED, GREEN, OFF = LampColour.RED, LampColour.GREEN, LampColour.OFF
RED_PIN, GREEN_PIN = 17, 27


@dataclass(frozen=True)
class Bench:
    """A lamp and how to look at its lights: (red lit, green lit)."""

    lamp: LeasedLamp
    lights: Callable[[], tuple[bool, bool]]


def gpio(clock: Clock, listener: Listener | None, guarded: bool, active_high: bool, red_rests_lit: bool) -> Bench:
    pins = MockFactory()
    wires = LampWires(RED_PIN, GREEN_PIN, active_high, red_rests_lit)
    lamp = GpioLamp(wires, pins, clock, guarded=guarded, listener=listener)
    red, green = pins.pin(RED_PIN), pins.pin(GREEN_PIN)
    return Bench(lamp, lambda: (red.state is (active_high is not red_rests_lit), green.state is active_high))


def fake(clock: Clock, listener: Listener | None, guarded: bool) -> Bench:
    lamp = FakeLamp(clock, guarded=guarded, listener=listener)
    return Bench(lamp, lambda: (lamp.timeline[-1].colour is RED, lamp.timeline[-1].colour is GREEN))


Maker = Callable[[Clock, "Listener | None", bool], Bench]
MAKERS: dict[str, Maker] = {
    "lights": lambda c, li, g: gpio(c, li, g, active_high=True, red_rests_lit=False),
    "relays": lambda c, li, g: gpio(c, li, g, active_high=True, red_rests_lit=True),
    "active-low lights": lambda c, li, g: gpio(c, li, g, active_high=False, red_rests_lit=False),
    "active-low relays": lambda c, li, g: gpio(c, li, g, active_high=False, red_rests_lit=True),
    "fake": fake,
}


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest) -> Maker:
    return MAKERS[request.param]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def bench(make: Maker, clock: ManualClock) -> Bench:
    return make(clock, None, False)


def test_begins_at_red(bench: Bench) -> None:
    assert bench.lamp.colour is RED
    assert bench.lights() == (True, False)


def test_shows_each_colour(bench: Bench) -> None:
    bench.lamp.show(GREEN, 1.0)
    assert (bench.lamp.colour, bench.lights()) == (GREEN, (False, True))
    bench.lamp.show(OFF)
    assert (bench.lamp.colour, bench.lights()) == (OFF, (False, False))
    bench.lamp.show(RED)
    assert (bench.lamp.colour, bench.lights()) == (RED, (True, False))


@pytest.mark.parametrize("lease_s", [0.0, -1.0, float("inf"), float("nan")])
def test_green_needs_a_lease(bench: Bench, lease_s: float) -> None:
    with pytest.raises(ValueError, match="lease"):
        bench.lamp.show(GREEN, lease_s)
    assert bench.lights() == (True, False)


def test_green_that_is_not_renewed_turns_red(bench: Bench, clock: ManualClock) -> None:
    bench.lamp.show(GREEN, 1.0)
    clock.advance(0.999)
    bench.lamp.check()
    assert bench.lights() == (False, True)
    clock.advance(0.001)
    assert bench.lamp.colour is RED
    bench.lamp.check()
    assert bench.lights() == (True, False)


def test_renewing_keeps_green(bench: Bench, clock: ManualClock) -> None:
    for _ in range(5):
        bench.lamp.show(GREEN, 1.0)
        clock.advance(0.9)
        bench.lamp.check()
        assert bench.lights() == (False, True)


def test_red_ends_the_lease(bench: Bench, clock: ManualClock) -> None:
    bench.lamp.show(GREEN, 1.0)
    bench.lamp.show(OFF)
    clock.advance(2.0)
    bench.lamp.check()
    assert bench.lights() == (False, False)


def test_close_ends_at_red_once(bench: Bench) -> None:
    bench.lamp.show(GREEN, 1.0)
    bench.lamp.close()
    bench.lamp.close()
    assert bench.lamp.colour is RED
    with pytest.raises(LampFault):
        bench.lamp.show(GREEN, 1.0)


def test_with_closes(make: Maker, clock: ManualClock) -> None:
    with make(clock, None, False).lamp as lamp:
        lamp.show(GREEN, 1.0)
    assert lamp.colour is RED


def test_listener_hears_changes_only(make: Maker, clock: ManualClock) -> None:
    heard: list[LampChange] = []
    lamp = make(clock, heard.append, False).lamp
    for _ in range(3):
        lamp.show(GREEN, 1.0)
        clock.advance(0.5)
    clock.advance(0.5)
    lamp.check()
    lamp.show(OFF)
    assert heard == [LampChange(0.0, RED), LampChange(0.0, GREEN), LampChange(2.0, RED), LampChange(2.0, OFF)]


def test_a_thread_ends_green_when_nobody_renews(make: Maker) -> None:
    bench = make(SystemClock(), None, True)
    bench.lamp.show(GREEN, 0.1)
    until_s = time.monotonic() + 30
    while bench.lights() != (True, False) and time.monotonic() < until_s:
        time.sleep(0.01)
    assert bench.lights() == (True, False)
    bench.lamp.close()


step = st.one_of(
    st.tuples(st.just("show"), st.sampled_from([RED, GREEN, OFF]), st.floats(0.1, 2.0)),
    st.tuples(st.just("wait"), st.none(), st.floats(0.0, 1.5)),
)


@given(steps=st.lists(step, max_size=30), kind=st.sampled_from(sorted(MAKERS)))
def test_green_is_lit_only_within_a_lease(steps: list[tuple[str, LampColour | None, float]], kind: str) -> None:
    clock = ManualClock()
    bench = MAKERS[kind](clock, None, False)
    wanted, until_s = RED, 0.0
    for what, colour, seconds in steps:
        if what == "show" and colour is not None:
            bench.lamp.show(colour, seconds if colour is GREEN else 0.0)
            wanted, until_s = colour, clock.monotonic_s() + seconds
        else:
            clock.advance(seconds)
            bench.lamp.check()
            if wanted is GREEN and clock.monotonic_s() >= until_s:
                wanted = RED
        assert bench.lamp.colour is wanted
        assert bench.lights() == (wanted is RED, wanted is GREEN)
