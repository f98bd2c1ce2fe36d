"""Which engine a lane unit gets: ONNX Runtime where it is installed and passes its self-test, else OpenCV.

The self-test runs in a process of its own, because a build that is not made for the processor dies at import.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from statistics import median
from typing import Any

from models.engines import DEFAULT_ENGINE

DEFAULT, QUICKER = DEFAULT_ENGINE, "onnxruntime"

TIMEOUT_S = 120.0
"""A small board that is busy takes half a minute; what takes longer is stuck."""

TRIES = 5
"""Reads of the one picture whose median time is told."""


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine and why, as a sentence for people."""

    engine: str
    why: str


@cache
def choose() -> EngineChoice:
    """The engine for this machine; the self-test runs once in a process."""
    if find_spec(QUICKER) is None:
        return EngineChoice(DEFAULT, "ONNX Runtime, which takes less processor time, is not installed here")
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return EngineChoice(DEFAULT, f"the self-test of ONNX Runtime did not end: {error}")
    return judge(done.returncode, done.stdout, done.stderr)


def judge(status: int, printed: str, complaints: str) -> EngineChoice:
    """What follows from the self-test's exit status and output."""
    if status < 0:
        return EngineChoice(DEFAULT, f"the self-test of ONNX Runtime died of signal {-status}")
    if status > 0 or not printed.strip():
        reason = (complaints.strip().splitlines() or [f"exit {status}"])[-1]
        return EngineChoice(DEFAULT, f"the self-test of ONNX Runtime failed: {reason}")
    found: dict[str, Any] = json.loads(printed)
    own, other = found[QUICKER], found[DEFAULT]
    if own["plates"] != other["plates"] or not own["plates"]:
        return EngineChoice(DEFAULT, "the self-test of ONNX Runtime failed: it reads other plates than OpenCV")
    return EngineChoice(QUICKER, f"passed its self-test: {own['ms']:.1f} ms a picture, OpenCV {other['ms']:.1f} ms")


def self_test() -> dict[str, dict[str, Any]]:
    """What each engine reads on the bundled clip's first standing vehicle, and its median milliseconds of processor.

    Raises ReaderError, CastError.
    """
    import cv2

    from greenlane.simulation.cast import bundled
    from models.build import build_reader

    shown = bundled()
    clip = cv2.VideoCapture(str(shown.clip))
    clip.set(cv2.CAP_PROP_POS_MSEC, 1000.0 * (shown.visits[0]["stands_s"] + 1.0))
    picture = clip.read()[1]
    clip.release()
    return {engine: _tried(build_reader(engine), picture) for engine in (DEFAULT, QUICKER)}


def _tried(reader: Any, picture: Any) -> dict[str, Any]:
    """The certain plates and the milliseconds of one reader."""
    plates = sorted(plate.text for plate in reader.read(picture).plates if plate.certain)
    spent = []
    for _ in range(TRIES):
        began = time.process_time()
        reader.read(picture)
        spent.append(time.process_time() - began)
    return {"plates": plates, "ms": 1000 * median(spent)}


if __name__ == "__main__":
    print(json.dumps(self_test()))
