"""How many refused reports of one device are kept word for word: enough for an operator, not enough to fill a disk."""

from __future__ import annotations

import time
from collections.abc import Callable

MOST_A_DAY = 100
LONGEST_KEPT = 4096
"""Characters of a body that could not be read."""
DAY_S = 86_400.0


class RejectBudget:
    """Counts by device for one process; a day is one of the monotonic clock."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._began_s = now_s()
        self._kept: dict[str, int] = {}

    def has_room(self, device: str) -> bool:
        """Whether one more of this device would be kept."""
        if self._now_s() - self._began_s >= DAY_S:
            self._began_s = self._now_s()
            self._kept.clear()
        return self._kept.get(device, 0) < MOST_A_DAY

    def note(self, device: str) -> None:
        """One of this device was refused."""
        self._kept[device] = self._kept.get(device, 0) + 1
