"""A program on one of the hosts: started there, heard through its log, stopped or killed, started again."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tests.faults.three_hosts.network import Host, command

ROOT = Path(__file__).resolve().parents[3]
LONGEST_S = 300.0
"""For what comes within seconds: a machine at work on other things is slow, and nothing here is to fail for that."""
LOOK_EVERY_S = 0.05

Found = TypeVar("Found")


class NeverCame(AssertionError):
    """What was waited for did not come; str() has the end of the log."""


class Machine:
    """`python -m MODULE WORDS` on a host. Its errors go to NAME.log, what it says to NAME.out, both appended to."""

    def __init__(self, folder: Path, name: str, host: Host, module: str, words: Sequence[str]) -> None:
        self._command = [*command(host), sys.executable, "-m", module, *words]
        self._log, self._out = folder / f"{name}.log", folder / f"{name}.out"
        self._log.touch()
        self._out.touch()
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        with self._log.open("a") as errors, self._out.open("a") as said:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=said, stderr=errors
            )

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """As a power cut would."""
        self.stop(signal.SIGKILL)

    def say(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def mark(self) -> int:
        """Where the log ends now."""
        return len(self.log())

    def log(self, after: int = 0) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[after:]

    def said(self) -> list[dict[str, Any]]:
        """Every whole line of its output, as JSON."""
        lines = self._out.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def wait_for(self, pattern: str, after: int = 0, longest_s: float = LONGEST_S) -> re.Match[str]:
        """The first match in the log after a mark. Raises NeverCame."""

        def found() -> re.Match[str] | None:
            return re.search(pattern, self.log(after), re.MULTILINE)

        return self.wait_until(found, f"{pattern!r} in {self._log.name}", longest_s)

    def wait_until(self, found: Callable[[], Found | None], what: str, longest_s: float = LONGEST_S) -> Found:
        """What found() returns once it is something. Raises NeverCame, also when the program has ended."""
        ends_s = time.monotonic() + longest_s
        while True:
            result = found()
            if result:
                return result
            dead = self._process is not None and self._process.poll() is not None
            if dead or time.monotonic() > ends_s:
                why = "the program has ended" if dead else f"not within {longest_s:g} s"
                raise NeverCame(f"{what}: {why}\n{self.log()[-3000:]}")
            time.sleep(LOOK_EVERY_S)
