"""Every kind of camera behind one port, found by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from controller.errors import CameraLost, EndOfVideo, SettingsError
from controller.ports import Camera, Clock
from controller.records import Frame
from hardware.cameras.fake import FakeCamera, noise_pictures
from hardware.cameras.opencv import device_camera, stream_camera
from hardware.cameras.picamera import picamera2_camera
from hardware.cameras.recorded import recorded_camera
from wire.spelling.address import STREAMS


@dataclass(frozen=True, slots=True)
class CameraWishes:
    """What is asked of a camera; a stream or a file comes as it is.

    width_px, height_px, fps: heeded by v4l2, picamera2 and fake.
    reconnect_longest_s: longest pause between attempts of a live camera.
    paced: recorded pictures come at their own times by the clock, not as fast as they are read.
    loop: recorded ones begin again when they are over.
    """

    width_px: int = 1280
    height_px: int = 720
    fps: float = 15.0
    reconnect_longest_s: float = 10.0
    paced: bool = True
    loop: bool = False


Opener = Callable[[str, Clock, CameraWishes], Camera]


def _file(source: str, clock: Clock, wishes: CameraWishes) -> Camera:
    return recorded_camera(Path(source), clock, wishes.paced, wishes.loop)


def _v4l2(source: str, clock: Clock, wishes: CameraWishes) -> Camera:
    return device_camera(source, clock, wishes.width_px, wishes.height_px, wishes.fps, wishes.reconnect_longest_s)


def _rtsp(source: str, clock: Clock, wishes: CameraWishes) -> Camera:
    return stream_camera(source, clock, STREAMS["rtsp"], wishes.reconnect_longest_s)


def _http(source: str, clock: Clock, wishes: CameraWishes) -> Camera:
    return stream_camera(source, clock, STREAMS["http"], wishes.reconnect_longest_s)


def _picamera2(source: str, clock: Clock, wishes: CameraWishes) -> Camera:
    return picamera2_camera(source, clock, (wishes.width_px, wishes.height_px), wishes.fps, wishes.reconnect_longest_s)


def _fake(source: str, clock: Clock, wishes: CameraWishes) -> Camera:
    return FakeCamera(noise_pictures(wishes.width_px, wishes.height_px), clock)


CAMERAS: dict[str, Opener] = {
    "file": _file,
    "v4l2": _v4l2,
    "rtsp": _rtsp,
    "http": _http,
    "picamera2": _picamera2,
    "fake": _fake,
}


def open_camera(kind: str, source: str, clock: Clock, wishes: CameraWishes = CameraWishes()) -> Camera:
    """The camera of that kind; live ones connect at the first read(). The caller closes it. Raises SettingsError."""
    opener = CAMERAS.get(kind)
    if opener is None:
        raise SettingsError(f"unknown kind of camera {kind!r}; there are {', '.join(CAMERAS)}")
    return opener(source, clock, wishes)


CAMERA_WAIT_S = 8.0
"""How long a command that tries a camera waits for its first picture: RTSP takes up to 5 s to connect."""


def first_frame(camera: Camera, clock: Clock, wait_s: float) -> Frame:
    """The first frame of a camera that was just opened. Raises CameraLost with the first reason, or EndOfVideo."""
    deadline_s = clock.monotonic_s() + wait_s
    first: CameraLost | None = None
    while True:
        try:
            return camera.read()
        except CameraLost as error:
            first = first or error
            if clock.monotonic_s() >= deadline_s:
                raise CameraLost(f"{camera.name}: {first.__cause__ or first}") from error


@dataclass(frozen=True, slots=True)
class CameraFacts:
    """What a camera showed when it was tried; fps is 0 for a single frame."""

    name: str
    width_px: int
    height_px: int
    fps: float
    first_after_s: float
    oldest_s: float


def probe(camera: Camera, clock: Clock, frames: int = 10) -> CameraFacts:
    """Read some frames and tell what came. Raises CameraLost, EndOfVideo (without any frame) or VideoDamaged."""
    asked_s = clock.monotonic_s()
    first = last = first_frame(camera, clock, CAMERA_WAIT_S)
    arrived_s = clock.monotonic_s()
    oldest_s, count = arrived_s - first.captured_s, 1
    while count < frames:
        try:
            last = camera.read()
        except EndOfVideo:
            break
        oldest_s, count = max(oldest_s, clock.monotonic_s() - last.captured_s), count + 1
    height_px, width_px = first.image.shape[:2]
    lasted_s = last.captured_s - first.captured_s
    fps = (count - 1) / lasted_s if lasted_s > 0 else 0.0
    return CameraFacts(camera.name, width_px, height_px, fps, arrived_s - asked_s, oldest_s)
