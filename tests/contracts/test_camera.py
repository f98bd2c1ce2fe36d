"""What every camera promises: files, pictures, the fake, and streams from loopback servers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import cv2
import numpy as np
import pytest

from controller.clock import ManualClock, SystemClock
from controller.errors import CameraLost, EndOfVideo
from controller.ports import Camera, Clock
from controller.records import Frame
from hardware.cameras import CameraWishes, open_camera, probe
from tests.hardware.servers.mjpeg import MjpegCamera
from tests.hardware.servers.rtsp_process import RtspCamera
from tests.standstill import Standstill


@dataclass(frozen=True)
class Place:
    """Where a camera of that kind is to be found, and its clock."""

    kind: str
    source: str
    clock: Clock

    def open(self) -> Camera:
        return open_camera(self.kind, self.source, self.clock, CameraWishes(width_px=320, height_px=240))


def video(folder: Path) -> str:
    path = str(folder / "lane.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"MJPG"), 15, (320, 240))
    for shade in range(12):
        writer.write(np.full((240, 320, 3), shade * 20, np.uint8))
    writer.release()
    return path


def pictures(folder: Path) -> str:
    for number in range(4):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((240, 320, 3), number * 60, np.uint8))
    return str(folder)


Maker = Callable[[Path, ExitStack], Place]
MAKERS: dict[str, Maker] = {
    "video": lambda folder, _: Place("file", video(folder), ManualClock(monotonic_s=50.0)),
    "pictures": lambda folder, _: Place("file", pictures(folder), ManualClock(monotonic_s=50.0)),
    "fake": lambda folder, _: Place("fake", "", ManualClock(monotonic_s=50.0)),
    "http": lambda folder, stack: Place("http", stack.enter_context(MjpegCamera()).url, SystemClock()),
    "rtsp": lambda folder, stack: Place("rtsp", stack.enter_context(RtspCamera()).url, SystemClock()),
}


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.slow] * (name == "rtsp")) for name in MAKERS])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        yield MAKERS[request.param](tmp_path, stack)


def read(camera: Camera, frames: int) -> list[Frame]:
    try:
        return [camera.read() for _ in range(frames)]
    finally:
        camera.close()


def test_frames_are_numbered_pictures_with_their_time(place: Place) -> None:
    frames = read(place.open(), 4)
    assert [frame.number for frame in frames] == [0, 1, 2, 3]
    for frame in frames:
        assert (frame.image.shape, frame.image.dtype) == ((240, 320, 3), np.uint8)
        assert frame.captured_s <= place.clock.monotonic_s()
        assert frame.captured_at.tzinfo is UTC
    moments = [frame.captured_s for frame in frames]
    assert moments == sorted(set(moments))


def test_wall_time_goes_with_monotonic_time(place: Place) -> None:
    first, *_, last = read(place.open(), 4)
    wall_s = (last.captured_at - first.captured_at).total_seconds()
    assert wall_s == pytest.approx(last.captured_s - first.captured_s, abs=0.01)


def test_close_is_final_and_idempotent(place: Place) -> None:
    camera = place.open()
    camera.read()
    camera.close()
    camera.close()
    with pytest.raises(CameraLost, match="closed"):
        camera.read()


def test_closes_while_another_thread_reads(place: Place) -> None:
    camera = place.open()
    camera.read()
    ended: list[str] = []

    def pump() -> None:
        try:
            while True:
                camera.read()
        except (CameraLost, EndOfVideo) as error:
            ended.append(type(error).__name__)

    thread = threading.Thread(target=pump)
    thread.start()
    camera.close()
    thread.join(30)
    assert ended


def test_a_camera_that_was_never_read_closes(place: Place) -> None:
    place.open().close()


def test_probe_tells_what_came(place: Place) -> None:
    camera = place.open()
    with Standstill() as still:
        facts = probe(camera, place.clock, frames=4)
        stood_s = still.stood_s
    camera.close()
    assert (facts.name, facts.width_px, facts.height_px) == (camera.name, 320, 240)
    assert facts.fps > 0
    assert 0 <= facts.oldest_s < 1 + stood_s
