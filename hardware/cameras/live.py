"""A live camera that is lost and found again: one link at a time, a pause that grows between attempts."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Protocol

from controller.errors import CameraLost
from controller.ports import Clock
from controller.records import Frame
from hardware.cameras.stamps import Stamper
from hardware.resource import Resource
from wire.errors import GreenlaneError

FIRST_PAUSE_S = 0.5
LONGEST_BLOCK_S = 0.5
"""read() waits no longer than this for its turn to connect, so that its caller stays able to close."""

log = logging.getLogger(__name__)


class LinkLost(GreenlaneError):
    """This link is over; str() says what was seen, without credentials."""


class Link(Protocol):
    """One open connection to a camera."""

    def next_picture(self) -> tuple[Any, float]:
        """A BGR uint8 array (height, width, 3) and its age in seconds. Raises LinkLost."""

    def close(self) -> None: ...


class Pause:
    """The growing pause between attempts to connect: 0.5 s, doubled up to longest_s."""

    def __init__(self, clock: Clock, longest_s: float) -> None:
        self._clock = clock
        self._longest_s = longest_s
        self._next_s = FIRST_PAUSE_S
        self._until_s = clock.monotonic_s()

    def failed(self) -> float:
        """Begin a pause; its length in seconds."""
        pause_s = min(self._next_s, self._longest_s)
        self._next_s = 2 * pause_s
        self._until_s = self._clock.monotonic_s() + pause_s
        return pause_s

    def worked(self) -> None:
        self._next_s = FIRST_PAUSE_S

    def wait(self, longest_s: float) -> float:
        """Sleep until the pause ends, for longest_s at most; the seconds that remain, 0 when it is over."""
        self._clock.sleep(min(longest_s, max(0.0, self._until_s - self._clock.monotonic_s())))
        return max(0.0, self._until_s - self._clock.monotonic_s())


class LiveCamera(Resource):
    """Reads from a link made by connect(), and makes a new one after each loss: a dead capture never comes back.

    connect: returns an open Link or raises LinkLost; called in the reading thread.
    longest_pause_s: between two attempts to connect.
    """

    def __init__(self, name: str, connect: Callable[[], Link], clock: Clock, longest_pause_s: float = 10.0) -> None:
        self.name = name
        self._connect = connect
        self._stamper = Stamper(clock)
        self._pause = Pause(clock, longest_pause_s)
        self._link: Link | None = None
        self._reading = threading.Lock()
        self._closed = False

    def read(self) -> Frame:
        """The next frame. Raises CameraLost when there is none now; the next call goes on connecting."""
        with self._reading:
            if self._closed:
                raise CameraLost(f"{self.name} is closed")
            try:
                link = self._link = self._link or self._open()
                image, age_s = link.next_picture()
            except LinkLost as lost:
                raise self._lose(lost) from lost
            self._pause.worked()
            return self._stamper.frame(image, age_s)

    def close(self) -> None:
        """Waits for a read() that is under way: a capture must not be released under it."""
        self._closed = True
        with self._reading:
            self._drop()

    def _open(self) -> Link:
        left_s = self._pause.wait(LONGEST_BLOCK_S)
        if left_s > 0:
            raise CameraLost(f"{self.name}: connecting again in {left_s:.1f} s")
        return self._connect()

    def _lose(self, lost: LinkLost) -> CameraLost:
        self._drop()
        return CameraLost(f"{self.name}: {lost}; connecting again in {self._pause.failed():.1f} s")

    def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()
