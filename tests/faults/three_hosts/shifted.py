"""Clocks that are ahead by what a shared file says: an hour goes by for every host at once.

Run as `python -m tests.faults.three_hosts.shifted SHIFT_FILE WORDS`, it is `greenlane WORDS` under such clocks.
"""

from __future__ import annotations

import mmap
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import controller.clock
import service.store.clock


class Shift:
    """The file, mapped into every process that looks at it. Also a clock: that of all hosts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._seconds = memoryview(mmap.mmap(file.fileno(), 8)).cast("d")

    @property
    def seconds(self) -> float:
        return float(self._seconds[0])

    def move(self, seconds: float) -> None:
        """Let so much time go by on all hosts."""
        self._seconds[0] += seconds

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.seconds)

    def monotonic_s(self) -> float:
        return time.monotonic() + self.seconds

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))


@contextmanager
def clocks_shifted(shift: Shift) -> Iterator[None]:
    """The system clocks of this process are shifted. Commands take no clock from outside, so it is put under them."""
    with (
        patch.object(controller.clock.SystemClock, "now", lambda _: shift.now()),
        patch.object(controller.clock.SystemClock, "monotonic_s", lambda _: shift.monotonic_s()),
        patch.object(service.store.clock.SystemWallClock, "now", lambda _: shift.now()),
    ):
        yield


def main() -> int:
    from greenlane.cli import main as greenlane

    with clocks_shifted(Shift(Path(sys.argv[1]))):
        return greenlane(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
