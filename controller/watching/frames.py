"""The frame pump: a thread that empties a camera and keeps only the newest frame."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from controller.errors import CameraLost, EndOfVideo
from controller.ports import Camera
from controller.records import Frame
from wire.reasons import Reason

log = logging.getLogger(__name__)

PAUSE_AFTER_LOSS_S = 0.2
"""A camera that fails at once must not spin; live cameras make their own longer pauses."""

DEAF_AFTER_S = 3.0


@dataclass(frozen=True, slots=True)
class FrameUpdate:
    """What the pump has now. frame: the newest one not taken before. trouble: why no frames come. over: video ended."""

    frame: Frame | None = None
    trouble: Reason | None = None
    over: bool = False


class FramePump:
    """Reads a camera in its own thread until it is closed; loss and return are logged once each.

    notify is called after every frame and change of state. An error nobody planned is raised by the next take().
    """

    def __init__(self, camera: Camera, notify: Callable[[], None]) -> None:
        self._camera = camera
        self._notify = notify
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._frame: Frame | None = None
        self._lost = False
        self._over = False
        self._death: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="frames", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def take(self) -> FrameUpdate:
        """The newest frame, once, and how the camera is."""
        with self._lock:
            if self._death is not None:
                raise self._death
            frame, self._frame = self._frame, None
            return FrameUpdate(frame, Reason.CAMERA_LOST if self._lost else None, self._over and frame is None)

    def close(self) -> None:
        """End the thread and close the camera. Idempotent."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(DEAF_AFTER_S)
        if self._thread.is_alive():
            log.error("%s: the camera does not come back from a read and is left behind", self._camera.name)
        else:
            self._camera.close()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._pump()
        except EndOfVideo as end:
            log.info("%s: %s", self._camera.name, end)
            self._over = True
        except BaseException as error:
            self._death = error
        self._notify()

    def _pump(self) -> None:
        try:
            frame = self._camera.read()
        except CameraLost as lost:
            if not self._lost and not self._stopping.is_set():
                log.error("camera lost: %s", lost)
            with self._lock:
                self._lost, self._frame = True, None
            self._notify()
            self._stopping.wait(PAUSE_AFTER_LOSS_S)
            return
        if self._lost:
            log.warning("camera back: %s", self._camera.name)
        with self._lock:
            self._lost, self._frame = False, frame
        self._notify()
