"""A camera that plays a script by the clock: pictures, outages, freezes, an end."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from controller.errors import CameraLost, EndOfVideo
from controller.ports import Clock
from controller.records import Frame
from hardware.cameras.stamps import Stamper
from hardware.resource import Resource


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture that arrives after_s after the one before and is late by age_s then."""

    image: Any
    after_s: float = 1 / 15
    age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Outage:
    """read() raises CameraLost for that long, once every retry_s."""

    lasts_s: float
    retry_s: float = 0.5
    why: str = "no picture for 2 s, or the stream ended"


Step = Shot | Outage


def noise_pictures(width_px: int, height_px: int, seed: int = 1) -> Iterator[Shot]:
    """An empty lane for ever: grey with a sensor's noise, no two pictures alike."""
    random = np.random.default_rng(seed)
    ground = np.linspace(90, 140, height_px, dtype=np.float32)[:, None, None]
    while True:
        grain = random.normal(0, 3, (height_px, width_px, 3)).astype(np.float32)
        yield Shot(np.clip(ground + grain, 0, 255).astype(np.uint8))


class FakeCamera(Resource):
    """Plays the steps of its script and then raises EndOfVideo. Waiting is done by the clock."""

    def __init__(self, script: Iterable[Step], clock: Clock, name: str = "fake camera") -> None:
        self.name = name
        self._script = iter(script)
        self._clock = clock
        self._stamper = Stamper(clock)
        self._outage: Outage | None = None
        self._outage_ends_s = 0.0
        self._reading = threading.Lock()
        self._closed = False

    def read(self) -> Frame:
        with self._reading:
            if self._closed:
                raise CameraLost(f"{self.name} is closed")
            shot = self._next_shot()
            self._clock.sleep(shot.after_s)
            return self._stamper.frame(shot.image, shot.age_s)

    def close(self) -> None:
        self._closed = True

    def _next_shot(self) -> Shot:
        if self._outage is None or self._clock.monotonic_s() >= self._outage_ends_s:
            step = next(self._script, None)
            if step is None:
                raise EndOfVideo(f"{self.name}: the script is over")
            if isinstance(step, Shot):
                return step
            self._outage, self._outage_ends_s = step, self._clock.monotonic_s() + step.lasts_s
        self._clock.sleep(self._outage.retry_s)
        raise CameraLost(f"{self.name}: {self._outage.why}")
