"""How long the machine stood still: what a promise in seconds may be late by, and no more."""

from __future__ import annotations

import threading
import time
from types import TracebackType

TICK_S = 0.02
"""A thread that sleeps this long and wakes later by more than it was kept from the processor."""


class Standstill:
    """Use as a context around what is timed. took_s: its length so far, less what the machine stood still.

    A thread of this process ticks meanwhile. What a busy processor, a paused machine or other threads keep it waiting
    is taken off, so an assertion on took_s holds the program to its promise and not the machine to a speed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._ticked_s = 0.0
        self._stood_s = 0.0
        self._began_s = 0.0
        self._thread = threading.Thread(target=self._tick, name="standstill", daemon=True)

    def __enter__(self) -> Standstill:
        self._began_s = self._ticked_s = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def took_s(self) -> float:
        with self._lock:
            now_s = time.monotonic()
            return now_s - self._began_s - self._stood_by_s(now_s)

    @property
    def stood_s(self) -> float:
        """How long the machine stood still so far."""
        with self._lock:
            return self._stood_by_s(time.monotonic())

    def _stood_by_s(self, now_s: float) -> float:
        return self._stood_s + max(0.0, now_s - self._ticked_s - TICK_S)

    def _tick(self) -> None:
        while not self._ended.wait(TICK_S):
            with self._lock:
                now_s = time.monotonic()
                late_s = now_s - self._ticked_s - TICK_S
                self._ticked_s = now_s
                if late_s > TICK_S:
                    self._stood_s += late_s
