"""When a picture was taken: numbers frames and judges how late a stream delivers."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from typing import Any

from controller.ports import Clock
from controller.records import Frame

WINDOW_S = 30.0
"""The quickest delivery of this long is taken for no delay: two clocks 100 ppm apart drift 3 ms in it."""


BELIEVABLE_AGE_S = 10.0
"""A driver's time stamp further off comes from another clock."""


def believable_age_s(age_s: float) -> float:
    """The age, or 0 where it cannot be: then the picture counts as taken when it arrived."""
    return age_s if 0.0 <= age_s < BELIEVABLE_AGE_S else 0.0


class Stamper:
    """Makes frames, numbered from 0, out of pictures and their age."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._number = 0

    def frame(self, image: Any, age_s: float = 0.0) -> Frame:
        """The picture as it was taken age_s ago."""
        number, self._number = self._number, self._number + 1
        captured_at = self._clock.now() - timedelta(seconds=age_s)
        return Frame(number, image, self._clock.monotonic_s() - age_s, captured_at)


class StreamAge:
    """How old each picture of a stream is, from the stream's own time stamps.

    The stream's clock and ours share no zero, so a picture's delay is measured against the least delayed one of the
    last WINDOW_S. A delay that lasts longer than that is invisible.
    """

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self._window_s = window_s
        self._least: deque[tuple[float, float]] = deque()
        self._stream_s = float("-inf")

    def age_s(self, arrived_s: float, stream_s: float) -> float:
        """The age, >= 0, of the picture stamped stream_s that came at arrived_s. Stamps that stand still begin anew."""
        if stream_s <= self._stream_s:
            self._least.clear()
        self._stream_s = stream_s
        delay_s = arrived_s - stream_s
        while self._least and self._least[-1][1] >= delay_s:
            self._least.pop()
        self._least.append((arrived_s, delay_s))
        while arrived_s - self._least[0][0] > self._window_s:
            self._least.popleft()
        return delay_s - self._least[0][1]
