"""Pulses that come though the nozzle hangs: noise on the wire while they are few, fuel when they are many."""

from __future__ import annotations

from collections import deque
from fractions import Fraction

from controller.fuelling.totaliser import Totaliser

FEWEST_PULSES = 2
"""So many are noise whatever they are worth: a coarse pulser gives a litre with each."""


def most_pulses(noise_ml: int, pulses_per_l: Fraction) -> int:
    """How many pulses within the window may still be noise."""
    return max(FEWEST_PULSES, int(noise_ml * pulses_per_l / 1000))


class Strays:
    """Counts them over a window of window_s: slow noise never adds up to a flow, a real one passes the limit soon."""

    def __init__(self, most: int, window_s: float) -> None:
        self._most = most
        self._window_s = window_s
        self._seen: deque[tuple[float, int, Totaliser]] = deque()

    def saw(self, pulses: int, before: Totaliser, now_s: float) -> Totaliser | None:
        """More pulses; the totaliser before the flow they belong to, None while all of them may be noise."""
        while self._seen and now_s - self._seen[0][0] > self._window_s:
            self._seen.popleft()
        self._seen.append((now_s, pulses, before))
        if sum(count for _, count, _ in self._seen) <= self._most:
            return None
        began = self._seen[0][2]
        self.clear()
        return began

    def clear(self) -> None:
        """What came so far is settled."""
        self._seen.clear()
