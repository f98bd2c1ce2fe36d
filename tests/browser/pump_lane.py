"""A real lane unit on a drawn clip in which a lorry without a plate drives up and stays, talking to a real service."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from controller.settings_records import (
    CameraSettings,
    DispenserSettings,
    LampSettings,
    LaneSettings,
    ServiceSettings,
    Settings,
    TraceSettings,
)
from greenlane.wiring import LaneUnit
from hardware.dispensers.simulated import SimulatedDispenser

WIDTH, HEIGHT, FPS = 320, 240, 4
STEP = 32
"""So many pixels the lorry drives from one picture to the next: one that was there at once would be another view."""


def draw_clip(path: Path, seconds: int = 200, arrives_s: int = 8) -> None:
    """The empty lane, then a box with wheels that drives in and fills half of it; a little noise as sensors have it."""
    rng = np.random.default_rng(7)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT))
    for number in range(seconds * FPS):
        image: Any = np.full((HEIGHT, WIDTH, 3), (120, 125, 122), np.uint8)
        cv2.rectangle(image, (0, 0), (WIDTH, 60), (175, 165, 150), -1)
        if number >= arrives_s * FPS:
            left = min(0, (number - arrives_s * FPS) * STEP - WIDTH)
            cv2.rectangle(image, (left + 60, 50), (left + 260, 190), (70, 60, 140), -1)
            cv2.rectangle(image, (left + 80, 65), (left + 240, 110), (60, 50, 40), -1)
            for x in (95, 225):
                cv2.circle(image, (left + x, 195), 24, (25, 25, 25), -1)
        noise = rng.integers(-4, 5, image.shape, np.int16)
        writer.write(np.clip(image.astype(np.int16) + noise, 0, 255).astype(np.uint8))
    writer.release()


def settings(folder: Path, url: str, key_file: Path, clip: Path) -> Settings:
    return Settings(
        lane=LaneSettings(station="S1", name="L1"),
        camera=CameraSettings(kind="file", source=str(clip), width_px=WIDTH, height_px=HEIGHT, max_age_s=3.0),
        lamp=LampSettings(kind="fake"),
        service=ServiceSettings(url=url, key_file=str(key_file)),
        dispenser=DispenserSettings(kind="simulated", name="S1-D1", customer_litres=0.0),
        trace=TraceSettings(state_dir=str(folder / "state")),
    )


@contextmanager
def running_unit(made: Settings) -> Iterator[SimulatedDispenser]:
    """The unit at work in a thread; yields its dispenser."""
    with LaneUnit(made) as unit:
        thread = threading.Thread(target=unit.run, name="lane", daemon=True)
        thread.start()
        try:
            assert isinstance(unit.dispenser, SimulatedDispenser)
            yield unit.dispenser
        finally:
            unit.stop()
            thread.join(30)
