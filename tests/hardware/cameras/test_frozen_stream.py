"""What codecs leave of a sensor's noise: a frozen picture under a clock is noticed, a dark lane is believed."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from controller.records import Change, Frame, Region
from controller.settings_records import CameraSettings
from controller.watching.freshness import Freshness
from models.change import ThumbnailChangeMeter

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg here: apt-get install ffmpeg"),
]

FPS, WIDTH, HEIGHT = 15, 960, 540
CAMERA = CameraSettings(kind="rtsp")
H264_LOW = ("-c:v", "libx264", "-preset", "veryfast", "-b:v", "256k", "-maxrate", "256k", "-bufsize", "512k")
H265_LOW = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-b:v", "256k")
H264_USUAL = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "25")


def lane(level: float) -> NDArray[np.float32]:
    """A still lane with a vehicle in it, of that mean grey level."""
    texture = np.random.default_rng(5).normal(level, level / 4, (HEIGHT // 9, WIDTH // 8)).astype(np.float32)
    ground = cv2.resize(texture, (WIDTH, HEIGHT))
    cv2.rectangle(ground, (300, 260), (680, 520), (1.6 * level,), -1)
    cv2.rectangle(ground, (420, 420), (560, 464), (3.0 * level,), -1)
    return np.asarray(ground, np.float32)


def film(path: Path, codec: tuple[str, ...], level: float, seconds: int, clock: bool, freezes_s: float) -> Path:
    """Sensor's noise over a still lane until it freezes; the clock, drawn by the camera, goes on."""
    command = ["ffmpeg", "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{WIDTH}x{HEIGHT}"]
    command += ["-r", str(FPS), "-i", "-", *codec, "-pix_fmt", "yuv420p", str(path)]
    random, still = np.random.default_rng(7), lane(level)
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None
        for n in range(seconds * FPS):
            if n < freezes_s * FPS:
                grain = random.normal(0, 3 if level > 50 else 1.5, (HEIGHT // 2, WIDTH // 2)).astype(np.float32)
                seen = np.clip(still + cv2.resize(grain, (WIDTH, HEIGHT)), 0, 255).astype(np.uint8)
            shown = seen.copy()
            if clock:
                words = f"2026-11-28 12:00:{n // FPS:02d}"
                cv2.putText(shown, words, (320, 300), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (230,), 2)
            encoder.stdin.write(shown.tobytes())
        encoder.stdin.close()
        assert encoder.wait() == 0
    return path


def changes(path: Path) -> list[Change]:
    """What the lane's meter says of every frame."""
    meter, capture, found = ThumbnailChangeMeter(), cv2.VideoCapture(str(path)), []
    for _ in count():
        good, picture = capture.read()
        if not good:
            break
        found.append(meter.measure(picture, Region()))
    assert found
    return found


def unusable(seen: list[Change]) -> list[float]:
    """The seconds of frames that are not believed."""
    freshness, at = Freshness(CAMERA), datetime(2026, 1, 5, tzinfo=UTC)
    return [n / FPS for n, c in enumerate(seen) if not freshness.saw(Frame(n, None, n / FPS, at), c, n / FPS)]


@pytest.mark.parametrize("clock", [False, True])
@pytest.mark.parametrize("codec", [H264_LOW, H265_LOW], ids=["h264", "h265"])
def test_an_hour_of_a_dark_still_lane_is_believed(codec: tuple[str, ...], clock: bool, tmp_path: Path) -> None:
    """Forty seconds with two keyframes and more, shown ninety times over."""
    minute = changes(film(tmp_path / "dark.mp4", codec, 20.0, 40, clock, 1e9))
    assert unusable(minute * 90) == []


@pytest.mark.parametrize("clock", [False, True])
def test_a_frozen_picture_is_none_within_frozen_after_s(clock: bool, tmp_path: Path) -> None:
    bad = unusable(changes(film(tmp_path / "frozen.mp4", H264_USUAL, 90.0, 50, clock, 20.0)))
    assert 20.0 < bad[0] <= 20.0 + CAMERA.frozen_after_s
    assert bad[-1] > 49.0
    assert len(bad) > 0.95 * (50.0 - bad[0]) * FPS
