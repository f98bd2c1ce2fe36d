"""The live loop: it ends at red, whatever ends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from controller.clock import SystemClock
from controller.errors import CameraLost, EndOfVideo
from controller.loop import EXIT_FAILED, EXIT_OK, Bell, run_live
from controller.records import Frame, LampColour
from controller.watching.frames import FramePump
from hardware.watchdog import FakeWatchdog
from tests.scenarios.world import Blank, World
from wire.reasons import Reason


class Sky:
    """A camera whose frames come from a function, at once."""

    name = "sky"

    def __init__(self, world: World, act: Callable[[int], None]) -> None:
        self.world, self.act, self.number = world, act, 0

    def read(self) -> Frame:
        self.number += 1
        SystemClock().sleep(0.002)
        self.act(self.number)
        return Frame(self.number, Blank(), self.world.now_s, self.world.clock.now())

    def close(self) -> None:
        pass


def live(
    act: Callable[[int, Bell], None], watchdog: FakeWatchdog | None = None, world: World | None = None
) -> tuple[int, World, FakeWatchdog]:
    """Run a lane until it ends; act is called before each frame."""
    world, bell, watchdog = world or World(), Bell(), watchdog or FakeWatchdog()
    pump = FramePump(Sky(world, lambda n: act(n, bell)), bell.ring)
    status = run_live(world.runner, pump, bell, watchdog, 0.05)
    pump.close()
    return status, world, watchdog


def test_told_to_stop_it_ends_well_and_red() -> None:
    watchdog = FakeWatchdog()

    def stop_once_it_lives(number: int, bell: Bell) -> None:
        if number >= 5 and "STATUS=lane empty" in watchdog.messages:
            bell.stop()

    status, world, _ = live(stop_once_it_lives, watchdog)
    assert status == EXIT_OK
    assert world.lamp.colour is LampColour.RED
    assert watchdog.messages[0] == "READY=1"
    assert watchdog.messages[-1] == "STOPPING=1"
    assert "WATCHDOG=1" in watchdog.messages
    received = [m for m in watchdog.messages if m.startswith("STATUS=")]
    assert received[-1] == "STATUS=lane empty"
    assert set(received[:-1]) <= {"STATUS=lane empty, red: camera_lost"}, "before the first picture came"


def test_the_end_of_a_video_is_a_good_end() -> None:
    def act(number: int, bell: Bell) -> None:
        if number == 5:
            raise EndOfVideo("over")

    status, world, _ = live(act)
    assert status == EXIT_OK
    assert world.lamp.colour is LampColour.RED


@pytest.mark.parametrize("error", [RuntimeError("no plan for this"), MemoryError()])
def test_a_dead_pump_takes_the_process_down_red(error: Exception) -> None:
    def act(number: int, bell: Bell) -> None:
        if number == 5:
            raise error

    status, world, _ = live(act)
    assert status == EXIT_FAILED
    assert world.lamp.colour is LampColour.RED


def test_a_dead_worker_takes_the_process_down_red() -> None:
    status, world, _ = live(lambda n, bell: bell.fail(RuntimeError("courier")) if n == 5 else None)
    assert status == EXIT_FAILED
    assert world.lamp.colour is LampColour.RED


def test_a_lost_camera_is_lived_through() -> None:
    world, ahead = World(), [None, Reason.CAMERA_LOST, None]

    def act(number: int, bell: Bell) -> None:
        if ahead and world.runner.state.camera is ahead[0]:
            ahead.pop(0)
        if len(ahead) == 2:
            world.clock.advance(1)
            raise CameraLost("cut")
        if not ahead or number > 1000:
            bell.stop()

    status, _, _ = live(act, world=world)
    assert status == EXIT_OK
    assert (ahead, world.runner.state.camera) == ([], None)


def stop_after_turns(watchdog: FakeWatchdog, bell: Bell) -> None:
    while watchdog.messages.count("WATCHDOG=1") < 4:
        time.sleep(0.01)
    bell.stop()


def test_the_loop_turns_without_frames() -> None:
    world, bell, watchdog = World(), Bell(), FakeWatchdog()
    blocked = threading.Event()

    def act(number: int) -> None:
        blocked.wait(30)

    pump = FramePump(Sky(world, act), bell.ring)
    threading.Thread(target=stop_after_turns, args=(watchdog, bell), daemon=True).start()
    assert run_live(world.runner, pump, bell, watchdog, 0.05) == EXIT_OK
    blocked.set()
    pump.close()
    assert world.lamp.colour is LampColour.RED


def test_interrupted_it_still_goes_red() -> None:
    """What is no Exception passes through, but only after lamp and permit are safe."""
    world, bell, watchdog = World(), Bell(), FakeWatchdog()
    pump = FramePump(Sky(world, lambda n: None), bell.ring)
    world.lamp.show(LampColour.GREEN, 60.0)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    world.runner.tick = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        run_live(world.runner, pump, bell, watchdog, 0.05)
    pump.close()
    assert world.lamp.colour is LampColour.RED
    assert watchdog.messages[-1] == "STOPPING=1"
