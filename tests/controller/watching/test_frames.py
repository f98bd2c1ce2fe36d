"""The frame pump: only the newest frame, loss told once, death not hidden."""

from __future__ import annotations

import logging
import queue
import threading
from datetime import UTC, datetime

import pytest

from controller.errors import CameraLost, EndOfVideo
from controller.records import Frame
from controller.watching.frames import FramePump, FrameUpdate
from wire.reasons import Reason

AT = datetime(2026, 1, 5, tzinfo=UTC)
WAIT_S = 30.0


class ScriptedCamera:
    """read() gives what it is fed, an exception by raising it."""

    name = "scripted"

    def __init__(self) -> None:
        self.feed: queue.Queue[Frame | Exception] = queue.Queue()
        self.closed = 0

    def read(self) -> Frame:
        item = self.feed.get()
        if isinstance(item, Exception):
            raise item
        return item

    def close(self) -> None:
        self.closed += 1


class Pumped:
    """A pump with a bell that counts."""

    def __init__(self) -> None:
        self.camera = ScriptedCamera()
        self.rung = threading.Semaphore(0)
        self.pump = FramePump(self.camera, self.rung.release)
        self.pump.start()

    def feed(self, *items: Frame | Exception) -> FrameUpdate:
        for item in items:
            self.camera.feed.put(item)
            assert self.rung.acquire(timeout=WAIT_S)
        return self.pump.take()


def frame(number: int) -> Frame:
    return Frame(number, None, float(number), AT)


def test_only_the_newest_frame_waits_and_is_taken_once() -> None:
    pumped = Pumped()
    assert pumped.feed(frame(1), frame(2), frame(3)).frame == frame(3)
    assert pumped.pump.take() == FrameUpdate()


def test_loss_and_return_are_logged_once_each(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    pumped = Pumped()
    glimpse = pumped.feed(frame(1), CameraLost("cut"), CameraLost("cut"), CameraLost("cut"))
    assert glimpse == FrameUpdate(None, Reason.CAMERA_LOST), "a frame from before the loss is not handed out"
    assert pumped.feed(frame(5)) == FrameUpdate(frame(5))
    words = [r.getMessage() for r in caplog.records]
    assert words == ["camera lost: cut", "camera back: scripted"]


def test_the_end_of_a_video_is_told_after_its_last_frame() -> None:
    pumped = Pumped()
    assert pumped.feed(frame(1), EndOfVideo("over")) == FrameUpdate(frame(1))
    assert pumped.pump.take() == FrameUpdate(over=True)


def test_a_pump_that_died_raises_in_the_lane() -> None:
    pumped = Pumped()
    with pytest.raises(MemoryError):
        pumped.feed(MemoryError("no memory"))
    with pytest.raises(MemoryError):
        pumped.pump.take()


def test_closing_ends_the_thread_and_closes_the_camera() -> None:
    pumped = Pumped()
    pumped.camera.feed.put(CameraLost("cut"))
    assert pumped.rung.acquire(timeout=WAIT_S)
    pumped.pump.close()
    assert pumped.camera.closed == 1
    pumped.pump.close()


def test_a_pump_never_started_closes_its_camera() -> None:
    camera = ScriptedCamera()
    FramePump(camera, lambda: None).close()
    assert camera.closed == 1
