"""Time: the machine's clock, one that tests and recorded video move by hand, and what to think of the wall clock."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from controller.ports import Clock
from wire.flags import LaneFlag

FIRST_SANE_YEAR = 2025
"""A board without a battery wakes up in 1970 or at its image's date; this software is younger than that."""

JUMP_S = 2.0
"""The wall clock moved against the monotonic one by more than a slew can explain (NTP slews 0.5 ms a second)."""


class SystemClock:
    """The machine's own clocks."""

    def monotonic_s(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))


class ManualClock:
    """A clock that stands until it is advanced; sleeping advances it. Safe to read from several threads."""

    def __init__(self, start: datetime = datetime(2026, 1, 5, 8, 0, tzinfo=UTC), monotonic_s: float = 0.0) -> None:
        self._lock = threading.Lock()
        self._start = start
        self._monotonic_s = monotonic_s
        self._elapsed_s = 0.0

    def monotonic_s(self) -> float:
        with self._lock:
            return self._monotonic_s

    def now(self) -> datetime:
        with self._lock:
            return self._start + timedelta(seconds=self._elapsed_s)

    def sleep(self, seconds: float) -> None:
        self.advance(max(0.0, seconds))

    def advance(self, seconds: float) -> None:
        """Both clocks go forward. Raises ValueError for a step back."""
        if seconds < 0:
            raise ValueError(f"a clock cannot be advanced by {seconds} s")
        with self._lock:
            self._monotonic_s += seconds
            self._elapsed_s += seconds

    def advance_to(self, monotonic_s: float) -> None:
        """Forward to that moment; a moment already past changes nothing."""
        self.advance(max(0.0, monotonic_s - self.monotonic_s()))

    def set_wall(self, now: datetime) -> None:
        """The wall clock alone jumps, as when the time is set by hand or by NTP."""
        with self._lock:
            self._start = now - timedelta(seconds=self._elapsed_s)


@dataclass(frozen=True, slots=True)
class ClockState:
    """Whether times may be believed: unset is a wall clock before 2025, jump_s how far it jumped since last time."""

    unset: bool
    jump_s: float = 0.0

    @property
    def jumped(self) -> bool:
        return abs(self.jump_s) > JUMP_S

    @property
    def flags(self) -> tuple[str, ...]:
        """As fuelling reports carry them (wire.fuellings.Fuelling.flags)."""
        unset = (LaneFlag.CLOCK_UNSET,) if self.unset else ()
        return unset + ((LaneFlag.CLOCK_JUMPED,) if self.jumped else ())


class ClockWatch:
    """Compares the wall clock with the monotonic one, check by check."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_s = self._offset()

    def check(self) -> ClockState:
        """The state since the check before; a jump is told once."""
        offset_s = self._offset()
        moved_s = offset_s - self._offset_s
        jumped = abs(moved_s) > JUMP_S
        if jumped:
            self._offset_s = offset_s
        return ClockState(self._clock.now().year < FIRST_SANE_YEAR, moved_s if jumped else 0.0)

    def _offset(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic_s()
