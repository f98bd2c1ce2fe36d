"""The Raspberry Pi's own camera through Picamera2, which comes from the system's packages."""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from controller.errors import HardwareError, SettingsError
from controller.ports import Clock
from hardware.cameras.live import Link, LinkLost, LiveCamera
from hardware.cameras.stamps import believable_age_s

PICTURE_TIMEOUT_S = 2.0
CLOSE_TIMEOUT_S = 5.0
BUFFERS = 4
"""Two less than Picamera2's default for video: 11 MB of contiguous memory at 1280x720."""

log = logging.getLogger(__name__)


def boot_time_ns() -> int:
    """The clock of libcamera's SensorTimestamp: CLOCK_BOOTTIME."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class PicameraLink:
    """One started Picamera2. The time-out is kept here, because wait() takes none in older releases."""

    def __init__(self, camera: Any, size: tuple[int, int], fps: float, boot_ns: Callable[[], int]) -> None:
        self._camera = camera
        self._boot_ns = boot_ns
        # "RGB888" is the name of libcamera's (DRM's) format whose bytes in memory are B, G, R.
        configuration = camera.create_video_configuration(
            main={"size": size, "format": "RGB888"}, controls={"FrameRate": fps}, buffer_count=BUFFERS
        )
        camera.configure(configuration)
        camera.start()

    def next_picture(self) -> tuple[Any, float]:
        arrived = threading.Event()
        job = self._camera.capture_request(signal_function=lambda _job: arrived.set())
        if not arrived.wait(PICTURE_TIMEOUT_S):
            raise LinkLost(f"no picture for {PICTURE_TIMEOUT_S:.0f} s: check the ribbon cable")
        request = self._camera.wait(job)
        try:
            image = request.make_array("main")
            stamp_ns = request.get_metadata().get("SensorTimestamp")
        finally:
            request.release()
        age_s = 0.0 if stamp_ns is None else believable_age_s((self._boot_ns() - stamp_ns) / 1e9)
        return image, age_s

    def close(self) -> None:
        """Stopping a camera whose cable came loose can block for ever, so it is done beside the lane.

        Raises HardwareError when the library does not let go: only a new process gets the camera back.
        """
        closing = threading.Thread(target=self._stop, name="picamera2 close", daemon=True)
        closing.start()
        closing.join(CLOSE_TIMEOUT_S)
        if closing.is_alive():
            raise HardwareError("picamera2 does not release the camera: the process has to restart")

    def _stop(self) -> None:
        try:
            self._camera.stop()
        finally:
            self._camera.close()


def load_picamera2() -> Any:
    """The module picamera2. Raises LinkLost where it is not installed."""
    try:
        return importlib.import_module("picamera2")
    except ImportError as error:
        raise LinkLost(
            "picamera2 is not installed: apt install python3-picamera2, and let the virtual environment see it "
            "(--system-site-packages)"
        ) from error


def picamera2_camera(
    source: str,
    clock: Clock,
    size: tuple[int, int],
    fps: float,
    longest_pause_s: float,
    *,
    load: Callable[[], Any] = load_picamera2,
    boot_ns: Callable[[], int] = boot_time_ns,
) -> LiveCamera:
    """The Pi's camera of that number ("0", "1"), else SettingsError. load gives the module picamera2."""
    if not source.isdecimal():
        raise SettingsError(f"the source of a picamera2 camera is its number, 0 or 1, not {source!r}")
    number = int(source)

    def connect() -> Link:
        module = load()
        try:
            return PicameraLink(module.Picamera2(number), size, fps, boot_ns)
        except (RuntimeError, IndexError) as error:
            raise LinkLost(f"camera {number} does not start: {error}") from error

    return LiveCamera(f"picamera2 {number}", connect, clock, longest_pause_s)
