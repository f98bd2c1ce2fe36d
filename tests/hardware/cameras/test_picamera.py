"""The Pi camera's adapter against a module that behaves as picamera2 does, loose cables included."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from controller.clock import ManualClock
from controller.errors import CameraLost, HardwareError, SettingsError
from hardware.cameras import picamera
from hardware.cameras.live import LiveCamera
from hardware.cameras.picamera import picamera2_camera

BOOT_NS = 5_000_000_000


class Request:
    def __init__(self, camera: Picamera2) -> None:
        self._camera = camera
        camera.out += 1

    def make_array(self, name: str) -> Any:
        assert name == "main"
        width, height = self._camera.configuration["main"]["size"]
        return np.full((height, width, 3), 7, np.uint8)

    def get_metadata(self) -> dict[str, int]:
        return {} if self._camera.stamp_ns is None else {"SensorTimestamp": self._camera.stamp_ns}

    def release(self) -> None:
        self._camera.out -= 1


class Picamera2:
    """As much of picamera2.Picamera2 as the adapter uses; class attributes script the next one made."""

    made: list[Picamera2]
    cable_loose = False
    stop_hangs = False
    stamp_ns: int | None = BOOT_NS - 120_000_000

    def __init__(self, camera_num: int) -> None:
        if camera_num > 0:
            raise IndexError("list index out of range")
        self.events: list[str] = []
        self.out = 0
        self.let_go = threading.Event()
        self.made.append(self)

    def create_video_configuration(self, **wishes: Any) -> dict[str, Any]:
        return wishes

    def configure(self, configuration: dict[str, Any]) -> None:
        self.configuration = configuration

    def start(self) -> None:
        self.events.append("start")

    def capture_request(self, signal_function: Callable[[object], None]) -> object:
        if not self.cable_loose:
            signal_function("job")
        return "job"

    def wait(self, job: object) -> Request:
        assert job == "job"
        return Request(self)

    def stop(self) -> None:
        self.events.append("stop")
        if self.stop_hangs:
            self.let_go.wait(30)

    def close(self) -> None:
        self.events.append("close")


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> type[Picamera2]:
    monkeypatch.setattr(picamera, "PICTURE_TIMEOUT_S", 0.05)
    return type("Picamera2", (Picamera2,), {"made": []})


def camera_of(library: type[Picamera2], clock: ManualClock, source: str = "0") -> LiveCamera:
    module = SimpleNamespace(Picamera2=library)
    return picamera2_camera(source, clock, (64, 48), 15.0, 10.0, load=lambda: module, boot_ns=lambda: BOOT_NS)


def test_gives_bgr_pictures_of_the_size_asked_for_and_releases_them(library: type[Picamera2]) -> None:
    with camera_of(library, ManualClock(monotonic_s=10.0)) as camera:
        frames = [camera.read() for _ in range(3)]
    made = library.made[0]
    assert frames[0].image.shape == (48, 64, 3)
    assert made.configuration["main"]["format"] == "RGB888"
    assert made.configuration["controls"] == {"FrameRate": 15.0}
    assert (made.out, made.events) == (0, ["start", "stop", "close"])


@pytest.mark.parametrize(("stamp_ns", "age_s"), [(BOOT_NS - 120_000_000, 0.12), (None, 0.0), (BOOT_NS + 10**9, 0.0)])
def test_the_sensor_says_when_the_picture_was_taken(
    library: type[Picamera2], stamp_ns: int | None, age_s: float
) -> None:
    library.stamp_ns = stamp_ns
    with camera_of(library, ManualClock(monotonic_s=10.0)) as camera:
        assert camera.read().captured_s == pytest.approx(10.0 - age_s)


def test_a_loose_cable_is_a_loss_and_the_next_camera_works(library: type[Picamera2]) -> None:
    with camera_of(library, ManualClock()) as camera:
        camera.read()
        library.cable_loose = True
        with pytest.raises(CameraLost, match="ribbon cable"):
            camera.read()
        library.cable_loose = False
        assert camera.read().number == 1
    assert [made.events for made in library.made] == [["start", "stop", "close"]] * 2


def test_a_library_that_does_not_let_go_asks_for_a_new_process(
    library: type[Picamera2], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picamera, "CLOSE_TIMEOUT_S", 0.1)
    library.stop_hangs = library.cable_loose = True
    camera = camera_of(library, ManualClock())
    with pytest.raises(HardwareError, match="has to restart") as stuck:
        camera.read()
    assert not isinstance(stuck.value, CameraLost)
    library.made[0].let_go.set()


def test_a_camera_that_is_not_there_is_a_loss(library: type[Picamera2]) -> None:
    with camera_of(library, ManualClock(), source="1") as camera, pytest.raises(CameraLost, match="camera 1"):
        camera.read()


def test_a_source_that_is_no_number_is_refused(library: type[Picamera2]) -> None:
    with pytest.raises(SettingsError, match="/dev/video0"):
        camera_of(library, ManualClock(), source="/dev/video0")


def test_without_the_library_the_loss_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "picamera2", None)
    with pytest.raises(CameraLost, match="apt install python3-picamera2"):
        picamera2_camera("0", ManualClock(), (64, 48), 15.0, 10.0).read()
