"""Live cameras through OpenCV: RTSP and HTTP streams by FFmpeg, local devices by V4L2."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urlsplit

import cv2

from controller.errors import SettingsError
from controller.ports import Clock
from hardware.cameras.live import Link, LinkLost, LiveCamera
from hardware.cameras.stamps import StreamAge, believable_age_s
from hardware.quiet import silence_decoders

OPEN_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 2.0
"""OpenCV's own 30 s would leave a lane waiting for a dead camera."""

LONGEST_BACKLOG_S = 5.0
"""FFmpeg keeps the pictures it saw while it looked for the stream's format (1.9 s of H.264 at 15 fps were measured)."""

SECRET_WORDS = re.compile(r"(?i)\b(user(?:name)?|pass(?:word|wd)?|pwd|token|key|auth)=[^&/;]*")


def without_credentials(url: str) -> str:
    """The address as logs may show it: no user, no password, no query."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port else ""
    path = SECRET_WORDS.sub(r"\1=***", parts.path)
    return f"{parts.scheme}://{host}{port}{path}"


class StreamLink:
    """One open network stream. Its first pictures are a backlog and are dropped."""

    def __init__(self, url: str, clock: Clock, timed: bool) -> None:
        self._clock = clock
        self._age = StreamAge() if timed else None
        self._capture = _open_stream(url)
        self._grabbed = False
        self._drop_backlog()

    def next_picture(self) -> tuple[Any, float]:
        if not self._grabbed and not self._grab():
            raise LinkLost("no picture for 2 s, or the stream ended")
        self._grabbed = False
        age_s = self._age_now_s()
        ok, image = self._capture.retrieve()
        if not ok or image is None:
            raise LinkLost("the stream sent a picture that cannot be decoded")
        return image, age_s

    def close(self) -> None:
        self._capture.release()

    def _grab(self) -> bool:
        """A grab that lasts as long as the time-out hands out a last old picture and calls it a success."""
        asked_s = self._clock.monotonic_s()
        return self._capture.grab() and self._clock.monotonic_s() - asked_s < 0.95 * READ_TIMEOUT_S

    def _age_now_s(self) -> float:
        if self._age is None:
            return 0.0
        return self._age.age_s(self._clock.monotonic_s(), self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)

    def _drop_backlog(self) -> None:
        """Grab until a picture had to be waited for: that one is live."""
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        fps = fps if 1 <= fps <= 120 else 25.0
        for _ in range(int(LONGEST_BACKLOG_S * fps)):
            asked_s = self._clock.monotonic_s()
            self._grabbed = self._capture.grab()
            if not self._grabbed or self._clock.monotonic_s() - asked_s > 0.3 / fps:
                return
            self._age_now_s()


def _open_stream(url: str) -> cv2.VideoCapture:
    """One decoding thread: each further one keeps a picture back, and a frozen server shows after 6 s, not 2."""
    silence_decoders()
    capture = cv2.VideoCapture(
        url,
        cv2.CAP_FFMPEG,
        [
            *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(OPEN_TIMEOUT_S * 1000)),
            *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(READ_TIMEOUT_S * 1000)),
            *(cv2.CAP_PROP_N_THREADS, 1),
        ],
    )
    if not capture.isOpened():
        raise LinkLost("no stream there: check address, user and password, and that the camera is on")
    return capture


class DeviceLink:
    """One open V4L2 device. OpenCV takes its time-out from the environment only, in whole seconds, once."""

    def __init__(self, device: str, clock: Clock, width_px: int, height_px: int, fps: float) -> None:
        self._clock = clock
        silence_decoders()
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(int(READ_TIMEOUT_S)))
        wishes = (cv2.CAP_PROP_FRAME_WIDTH, width_px), (cv2.CAP_PROP_FRAME_HEIGHT, height_px), (cv2.CAP_PROP_FPS, fps)
        parameters = [int(part) for wish in wishes for part in wish]
        self._capture = cv2.VideoCapture(device, cv2.CAP_V4L2, parameters)
        if not self._capture.isOpened():
            raise LinkLost("the device does not open: is it plugged in, and may this user read it (group video)?")

    def next_picture(self) -> tuple[Any, float]:
        ok, image = self._capture.read()
        if not ok or image is None:
            raise LinkLost("the device does not give a picture")
        return image, self._age_now_s()

    def close(self) -> None:
        self._capture.release()

    def _age_now_s(self) -> float:
        """The kernel stamps a complete picture with CLOCK_MONOTONIC, which is also the system clock's monotonic_s()."""
        return believable_age_s(self._clock.monotonic_s() - self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)


def stream_camera(url: str, clock: Clock, schemes: tuple[str, ...], longest_pause_s: float) -> LiveCamera:
    """A network camera. Raises SettingsError for an address of another scheme."""
    scheme = url.partition("://")[0].lower()
    if scheme not in schemes:
        raise SettingsError(f"camera address {without_credentials(url)!r} should begin with {' or '.join(schemes)}://")

    def connect() -> Link:
        return StreamLink(url, clock, timed=scheme.startswith("rtsp"))

    return LiveCamera(without_credentials(url), connect, clock, longest_pause_s)


def device_camera(
    device: str, clock: Clock, width_px: int, height_px: int, fps: float, longest_pause_s: float
) -> LiveCamera:
    """A V4L2 camera: "/dev/video0", "0" or a link under /dev/v4l/by-id."""
    path = f"/dev/video{device}" if device.isdecimal() else device

    def connect() -> Link:
        return DeviceLink(path, clock, width_px, height_px, fps)

    return LiveCamera(path, connect, clock, longest_pause_s)
