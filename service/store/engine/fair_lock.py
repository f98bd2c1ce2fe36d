"""Turns between threads in the order of asking: a plain lock goes to whoever runs first, and can starve the others."""

from __future__ import annotations

import threading
from collections import deque


class FairLock:
    """take(), then hand_on(): the turn passes straight to who has waited longest."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._is_taken = False

    def take(self, longest_s: float) -> bool:
        """Whether it was this thread's turn within that time."""
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return True
            mine = threading.Event()
            self._waiting.append(mine)
        if mine.wait(longest_s):
            return True
        with self._lock:
            if mine.is_set():
                return True
            self._waiting.remove(mine)
            return False

    def hand_on(self) -> None:
        """By who has the turn."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._is_taken = False
