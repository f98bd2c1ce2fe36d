"""`greenlane demo --live` as a process of its own, and what it printed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import cv2

from greenlane.simulation.cast import bundled
from tests.standstill import Standstill

COMMAND = (sys.executable, "-c", "from greenlane.cli import main; raise SystemExit(main())", "demo", "--live")
SCENES_S = ((0.0, 14.8), (46.4, 60.0))
"""The vehicle with a card and the one that a phone pays for; between them the clip has those that are refused."""


@dataclass(frozen=True)
class Printed:
    """One page of the list. who: the name to log in with, or the pairing code."""

    title: str
    who: str
    url: str

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{urlsplit(self.url).port}"

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc


class LiveDemo:
    """Started when it is entered, in a temporary folder of its own; ended by Ctrl-C at the latest when it is left."""

    def __init__(self, temporary: Path, *options: str) -> None:
        self._lines: list[str] = []
        self._environment = os.environ | {"TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"}
        self._options = options

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [*COMMAND, *self._options],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.interrupt(60)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line.rstrip("\n"))

    @property
    def text(self) -> str:
        return "\n".join(self._lines)

    def wait_for(self, pattern: str, longest_s: float = 240.0) -> str:
        """The first line in which the pattern is found."""
        until_s = time.monotonic() + longest_s
        while time.monotonic() < until_s:
            found = next((line for line in list(self._lines) if re.search(pattern, line)), None)
            if found is not None:
                return found
            assert self.process.poll() is None, self.text
            time.sleep(0.1)
        raise AssertionError(f"no {pattern!r} in\n{self.text}")

    def interrupt(self, longest_s: float) -> tuple[int, float]:
        """Ctrl-C; the exit status and how long the end took."""
        with Standstill() as still:
            self.process.send_signal(signal.SIGINT)
            status = self.process.wait(longest_s)
            self._reading.join(30)
            return status, still.took_s

    @property
    def start(self) -> str:
        found = re.search(r"http://127\.0\.0\.1:\d+/demo/\S+", self.text)
        assert found
        return found.group()

    @property
    def password(self) -> str:
        return self.wait_for("everybody's password is").rpartition(" ")[2]

    @property
    def pages(self) -> dict[str, Printed]:
        """By the last part of their path."""
        self.wait_for("Ctrl-C ends it")
        pattern = r"^(.+?) \((?:as|pairing code) (\S+)\): .+\n  (http://\S+)$"
        found = [Printed(*groups) for groups in re.findall(pattern, self.text, re.MULTILINE)]
        return {urlsplit(page.url).path.strip("/").split("/")[0]: page for page in found}


def short_clip(path: Path) -> Path:
    """The two vehicles of the bundled clip that refuel."""
    source = cv2.VideoCapture(str(bundled().clip))
    fps = source.get(cv2.CAP_PROP_FPS)
    size = int(source.get(cv2.CAP_PROP_FRAME_WIDTH)), int(source.get(cv2.CAP_PROP_FRAME_HEIGHT))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, size)
    number = 0
    while True:
        read, image = source.read()
        if not read:
            break
        if any(begin <= number / fps < end for begin, end in SCENES_S):
            writer.write(image)
        number += 1
    source.release()
    writer.release()
    return path
