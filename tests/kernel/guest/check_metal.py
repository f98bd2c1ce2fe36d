"""The real adapters on the kernel's simulated devices; runs inside the guest only."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from controller.clock import SystemClock
from controller.errors import CameraLost, LampFault
from controller.records import LampColour
from hardware.cameras import CameraWishes, open_camera, probe
from hardware.dispensers.gpio import DispenserWires, GpioDispenser
from hardware.dispensers.pulses import CallbackPulses, KernelPulses
from hardware.lamp import GpioLamp, LampWires
from hardware.pins import Pins, describe, open_pin_factory
from tests.kernel.guest.board import VIVID_DISCONNECT, VIVID_PERCENTAGE_DROPPED, control, eventually, level, pull

RED, GREEN, NOZZLE, PULSER, PERMIT = 17, 27, 22, 23, 24
CLOCK = SystemClock()
DEVICE = "/dev/video0"


@pytest.fixture
def pins() -> Iterator[Pins]:
    factory = open_pin_factory("lgpio")
    yield factory
    factory.close()


def lights() -> tuple[bool, bool]:
    """Red and green as the relays of deploy/wiring.md light them: a low red line is a lit lamp."""
    return level(RED) == 0, level(GREEN) == 1


def test_the_pin_library_knows_the_board(pins: Pins) -> None:
    facts = describe(pins)
    assert Path.cwd() == Path("/run"), "importing lgpio must not move the process"
    assert (facts.library, facts.chip) == ("lgpio", 0)
    assert "3B" in facts.board


def test_lamp_drives_real_lines(pins: Pins) -> None:
    assert lights() == (True, False), "red is what an undriven line shows"
    with GpioLamp(LampWires(RED, GREEN, red_rests_lit=True), pins, CLOCK) as lamp:
        assert lights() == (True, False)
        lamp.show(LampColour.OFF)
        assert lights() == (False, False)
        lamp.show(LampColour.GREEN, 3.0)
        assert lights() == (False, True)
        assert eventually(lambda: lights() == (True, False), 30.0), "the lease ran out"
        lamp.show(LampColour.GREEN, 60.0)
    assert lights() == (True, False)


def test_a_line_that_somebody_else_holds_is_a_fault(pins: Pins) -> None:
    program = (
        "import time\n"
        "from hardware.pins import open_pin_factory\n"
        f"pin = open_pin_factory('lgpio').pin({GREEN})\n"
        "print('held', flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LampFault, match="busy"):
            GpioLamp(LampWires(RED, GREEN), pins, CLOCK)
        holder.kill()


def test_a_killed_process_leaves_red() -> None:
    program = (
        "from controller.clock import SystemClock\n"
        "from controller.records import LampColour\n"
        "from hardware.lamp import GpioLamp, LampWires\n"
        "from hardware.pins import open_pin_factory\n"
        f"lamp = GpioLamp(LampWires({RED}, {GREEN}, red_rests_lit=True), open_pin_factory('lgpio'), SystemClock())\n"
        "lamp.show(LampColour.GREEN, 600.0)\n"
        "print('green', flush=True)\n"
        "SystemClock().sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "green\n"
    assert lights() == (False, True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert eventually(lambda: lights() == (True, False), 30.0)


def test_dispenser_hears_nozzle_and_permits(pins: Pins) -> None:
    pull(NOZZLE, up=True)
    with GpioDispenser(DispenserWires(NOZZLE, PULSER, PERMIT), pins, CLOCK, permit_lease_s=3.0) as dispenser:
        assert not dispenser.poll().nozzle_lifted
        pull(NOZZLE, up=False)
        assert eventually(lambda: dispenser.poll().nozzle_lifted, 30.0)
        dispenser.permit(True)
        assert level(PERMIT) == 1
        assert eventually(lambda: level(PERMIT) == 0, 30.0), "nobody polled"
        dispenser.permit(True)
        pull(NOZZLE, up=True)
        assert eventually(lambda: not dispenser.poll().nozzle_lifted, 30.0)
        assert level(PERMIT) == 1
    assert level(PERMIT) == 0


@pytest.mark.parametrize("pulses_per_s", [100, 500])
def test_every_pulse_is_counted(pins: Pins, pulses_per_s: int) -> None:
    pull(PULSER, up=True)
    with GpioDispenser(DispenserWires(NOZZLE, PULSER), pins, CLOCK) as dispenser:
        began_s = time.monotonic()
        for pulse in range(300):
            pull(PULSER, up=False)
            pull(PULSER, up=True)
            time.sleep(max(0.0, began_s + pulse / pulses_per_s - time.monotonic()))
        print(f"{300 / (time.monotonic() - began_s):.0f} pulses/s")
        assert eventually(lambda: dispenser.poll().pulses >= 300, 30.0)
        assert dispenser.poll().pulses == 300


def test_pulses_that_nobody_looked_at_are_not_lost() -> None:
    """More than the kernel's queue holds."""
    pull(PULSER, up=True)
    with KernelPulses(PULSER, Path("/dev/gpiochip0")) as counted:
        _pulse(PULSER, 1500)
        assert counted.count() == 1500


def test_counting_in_the_kernel_costs_less_than_callbacks(pins: Pins) -> None:
    """Processor time of this process for 1000 pulses: driving them alone, and with each counter."""
    pull(PULSER, up=True)
    driving_s = _pulse(PULSER, 1000)
    with KernelPulses(PULSER, Path("/dev/gpiochip0")) as counted:
        kernel_s = _pulse(PULSER, 1000)
        assert counted.count() == 1000
    with CallbackPulses(PULSER, pins) as called:
        callbacks_s = _pulse(PULSER, 1000) + _processor_s(lambda: called.count() == 1000)
        print(f"callbacks heard {called.count()} of 1000")
    print(f"driving {driving_s:.2f} s, the kernel's count {kernel_s:.2f} s, callbacks {callbacks_s:.2f} s")
    assert kernel_s < callbacks_s


def _pulse(line: int, pulses: int) -> float:
    """Processor seconds that it took."""
    began_s = time.process_time()
    for _ in range(pulses):
        pull(line, up=False)
        pull(line, up=True)
    return time.process_time() - began_s


def _processor_s(reached: Callable[[], bool]) -> float:
    began_s = time.process_time()
    eventually(reached, 20.0)
    return time.process_time() - began_s


def test_camera_is_lost_and_found_as_the_device_comes_and_goes() -> None:
    wishes = CameraWishes(width_px=640, height_px=360, fps=15.0, reconnect_longest_s=1.0)
    with open_camera("v4l2", DEVICE, CLOCK, wishes) as camera:  # type: ignore[attr-defined]
        with pytest.raises(CameraLost, match="plugged in"):
            camera.read()
        subprocess.run(["modprobe", "vivid", "n_devs=1", "node_types=0x1"], check=True)
        assert eventually(Path(DEVICE).exists, 10.0)
        facts = probe(_Patient(camera), CLOCK, frames=30)
        print(facts)
        assert (facts.width_px, facts.height_px) == (640, 360)
        assert facts.fps > 5
        assert facts.oldest_s < 1.0
        _frozen(camera)
        _unplugged(camera)


class _Patient:
    """A camera whose losses are waited out."""

    def __init__(self, camera: object) -> None:
        self._camera = camera
        self.name = "patient"

    def read(self) -> object:
        until_s = time.monotonic() + 30
        while True:
            try:
                return self._camera.read()  # type: ignore[attr-defined]
            except CameraLost:
                assert time.monotonic() < until_s

    def close(self) -> None:
        pass


def _read_for(camera: object, seconds: float) -> None:
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        camera.read()  # type: ignore[attr-defined]


def _frozen(camera: object) -> None:
    control(DEVICE, VIVID_PERCENTAGE_DROPPED, 100)
    began_s = time.monotonic()
    with pytest.raises(CameraLost):
        _read_for(camera, 30)
    took_s = time.monotonic() - began_s
    print(f"a frozen device was told after {took_s:.1f} s")
    control(DEVICE, VIVID_PERCENTAGE_DROPPED, 0)
    assert took_s < 4.0
    _Patient(camera).read()


def _unplugged(camera: object) -> None:
    control(DEVICE, VIVID_DISCONNECT, 1)
    began_s = time.monotonic()
    with pytest.raises(CameraLost):
        _read_for(camera, 30)
    assert time.monotonic() - began_s < 4.0
