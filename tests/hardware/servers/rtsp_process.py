"""Starts, freezes and kills the RTSP server, which lives in a process of its own with a Python that has GStreamer."""

from __future__ import annotations

import functools
import signal
import socket
import subprocess
from pathlib import Path
from typing import Self

import pytest

SYSTEM_PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("rtsp.py")
NEEDS = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


@functools.cache
def missing() -> str:
    """Why no RTSP server can be had here, or nothing."""
    try:
        subprocess.run([SYSTEM_PYTHON, "-c", NEEDS], check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return "no RTSP server: apt install python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good"
    return ""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RtspCamera:
    """One server process. Skips the test where GStreamer's RTSP server is not installed."""

    def __init__(self, user: str = "", password: str = "") -> None:
        if missing():
            pytest.skip(missing())
        self.port = free_port()
        self._credentials = [user, password] if user else []
        self._process: subprocess.Popen[str] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/lane"

    def start(self) -> None:
        command = [SYSTEM_PYTHON, str(SERVER), str(self.port), *self._credentials]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def freeze(self, frozen: bool) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
