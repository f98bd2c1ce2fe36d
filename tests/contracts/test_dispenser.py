"""What every dispenser promises, wired to mock pins and simulated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from gpiozero.pins.mock import MockFactory

from controller.clock import ManualClock
from controller.errors import DispenserFault
from controller.ports import Dispenser
from hardware.dispensers.gpio import DispenserWires, GpioDispenser
from hardware.dispensers.simulated import SimulatedDispenser

NOZZLE, PULSER, PERMIT = 22, 23, 24


@dataclass(frozen=True)
class Bench:
    """A dispenser and the hand that moves it; flow(n) makes n pulses go by under a permit."""

    dispenser: Dispenser
    lift: Callable[[], None]
    hang: Callable[[], None]
    flow: Callable[[int], None]
    permitted: Callable[[], bool]
    lapse: Callable[[], None]


def wired(clock: ManualClock) -> Bench:
    pins = MockFactory()
    dispenser = GpioDispenser(DispenserWires(NOZZLE, PULSER, PERMIT, debounce_s=0.05), pins, clock, guarded=False)
    nozzle, pulser, relay = pins.pin(NOZZLE), pins.pin(PULSER), pins.pin(PERMIT)

    def move(drive: Callable[[], None]) -> None:
        drive()
        clock.advance(0.06)

    def flow(pulses: int) -> None:
        for _ in range(pulses):
            pulser.drive_low()
            clock.advance(0.001)
            pulser.drive_high()

    return Bench(
        dispenser,
        lambda: move(nozzle.drive_low),
        lambda: move(nozzle.drive_high),
        flow,
        lambda: bool(relay.state),
        dispenser.check,
    )


def simulated(clock: ManualClock) -> Bench:
    dispenser = SimulatedDispenser(clock, pulses_per_litre=100)

    def flow(pulses: int) -> None:
        dispenser.squeeze(60.0)
        clock.advance(pulses / 100)
        dispenser.squeeze(0.0)

    return Bench(dispenser, dispenser.lift, dispenser.hang, flow, lambda: dispenser.permitted, lambda: None)


MAKERS = {"wired": wired, "simulated": simulated}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(monotonic_s=100.0)


@pytest.fixture(params=MAKERS)
def bench(request: pytest.FixtureRequest, clock: ManualClock) -> Bench:
    return MAKERS[request.param](clock)


def test_rests_hung_up_without_permit(bench: Bench) -> None:
    reading = bench.dispenser.poll()
    assert (reading.nozzle_lifted, reading.pulses) == (False, 0)
    assert not bench.permitted()
    assert bench.dispenser.name


def test_counts_a_fuelling(bench: Bench) -> None:
    bench.dispenser.permit(True)
    bench.lift()
    assert bench.dispenser.poll().nozzle_lifted
    bench.flow(123)
    reading = bench.dispenser.poll()
    assert (reading.nozzle_lifted, reading.pulses) == (True, 123)
    bench.hang()
    reading = bench.dispenser.poll()
    assert (reading.nozzle_lifted, reading.pulses) == (False, 123)


def test_pulses_never_go_back(bench: Bench) -> None:
    bench.dispenser.permit(True)
    seen = []
    for _ in range(3):
        bench.lift()
        bench.flow(40)
        bench.hang()
        seen.append(bench.dispenser.poll().pulses)
    assert seen == [40, 80, 120]


def test_permit_follows(bench: Bench) -> None:
    for allowed in (True, True, False, True, False, False):
        bench.dispenser.permit(allowed)
        assert bench.permitted() is allowed


def test_polling_keeps_the_permit(bench: Bench, clock: ManualClock) -> None:
    bench.dispenser.permit(True)
    for _ in range(10):
        clock.advance(1.5)
        bench.dispenser.poll()
        bench.lapse()
        assert bench.permitted()


def test_a_loop_that_stops_polling_loses_the_permit(bench: Bench, clock: ManualClock) -> None:
    bench.dispenser.permit(True)
    clock.advance(2.0)
    bench.lapse()
    assert not bench.permitted()
    bench.dispenser.poll()
    assert not bench.permitted()
    bench.dispenser.permit(True)
    assert bench.permitted()


def test_close_withdraws_the_permit_once(bench: Bench) -> None:
    bench.dispenser.permit(True)
    bench.dispenser.close()
    bench.dispenser.close()
    assert not bench.permitted()
    with pytest.raises(DispenserFault):
        bench.dispenser.permit(True)
