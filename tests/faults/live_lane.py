"""A lane unit in its own process, as the boot service runs it, and what it writes to its log."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

GREENLANE = "import sys; from greenlane.cli import main; sys.exit(main())"

SETTINGS = """
[lane]
reask_longest_s = 2.0
[camera]
kind = "{kind}"
source = "{source}"
max_age_s = 3.0
reconnect_longest_s = 1.0
[lamp]
pins = "mock"
[service]
url = "{service}"
deadline_s = 1.0
[trace]
state_dir = "{state}"
{more}
"""


class LiveLane:
    """`greenlane run` with mock pins. Its log is read as it comes."""

    def __init__(self, folder: Path, kind: str, source: str, service: str, more: str = "") -> None:
        config = folder / "lane.toml"
        text = SETTINGS.format(kind=kind, source=source, service=service, state=folder / "state", more=more)
        config.write_text(text, encoding="utf-8")
        command = [sys.executable, "-c", GREENLANE, "run", "--config", str(config)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, encoding="utf-8")
        self._lines: list[str] = []
        self._came = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._came:
                self._lines.append(line.rstrip())
                self._came.notify_all()

    @property
    def log(self) -> str:
        with self._came:
            return "\n".join(self._lines)

    def mark(self) -> int:
        """Where the log ends now."""
        with self._came:
            return len(self._lines)

    def wait_for(self, pattern: str, after: int = 0, within_s: float = 30.0) -> str:
        """The first log line after a mark that matches; fails the test when none comes in time."""
        deadline_s = time.monotonic() + within_s
        with self._came:
            while True:
                found = next((line for line in self._lines[after:] if re.search(pattern, line)), None)
                if found is not None:
                    return found
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    raise AssertionError(f"no line like {pattern!r} within {within_s} s:\n" + "\n".join(self._lines))
                self._came.wait(left_s)

    def count(self, pattern: str, after: int = 0) -> int:
        with self._came:
            return sum(bool(re.search(pattern, line)) for line in self._lines[after:])

    def lamps(self, after: int = 0) -> list[str]:
        """The colours shown, in order."""
        with self._came:
            found = [re.search(r"lamp (red|green|off)", line) for line in self._lines[after:]]
        return [m[1] for m in found if m]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        status = self.process.wait(30)
        self._reader.join(30)
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        assert self.process.stderr is not None
        self._reader.join(30)
        self.process.stderr.close()
