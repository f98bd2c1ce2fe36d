"""Whether pictures still carry their sensor's noise: one that stands still under a running clock does not."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median

from controller.records import Change

NOISY = 0.3
"""A stream whose still pictures change in this share of tiles, frame by frame, is known to carry noise."""

QUIET = 0.35
"""Below this share of the usual noise the sensor is not heard any more. Keyframes of a frozen picture do change it:
medians of seconds are compared."""

STILL = 0.01
LIGHT_SHARE, LIGHT_LEVELS = 0.1, 4.0
"""Usual noise holds for usual light: a compressed stream in the dark hardly carries any."""

KNOWN_S = 5
REMEMBERED_S = 60

FEW_TILES = 0.1
SILENT_AFTER_S = 60.0
"""A stream that never carries noise (a dark scene at a low bit rate) shows its keyframes at least this often."""


@dataclass(frozen=True, slots=True)
class Second:
    """One second of still pictures: when it ended, its median noise and light."""

    at_s: float
    noise: float
    light: float


class NoiseWatch:
    """Takes the changes of frames in order of capture; frozen() judges the last after_s seconds of them."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._recent: deque[tuple[float, Change]] = deque()
        self._second: list[tuple[float, Change]] = []
        self._usual: deque[Second] = deque(maxlen=REMEMBERED_S)
        self._silent_since_s: float | None = None

    def saw(self, at_s: float, change: Change) -> None:
        self._recent.append((at_s, change))
        while at_s - self._recent[0][0] > self._after_s:
            self._recent.popleft()
        if _noise(change) > FEW_TILES or self._silent_since_s is None:
            self._silent_since_s = at_s
        self._second.append((at_s, change))
        if at_s - self._second[0][0] >= 1.0:
            self._end_second()

    def frozen(self) -> bool:
        """Whether the noise that these pictures had is gone, or none came for so long that no stream explains it."""
        if not self._recent:
            return False
        now_s = self._recent[-1][0]
        if self._silent_since_s is not None and now_s - self._silent_since_s >= SILENT_AFTER_S:
            return True
        usual = self._usual_noise(now_s)
        if usual is None or now_s - self._recent[0][0] < 0.9 * self._after_s:
            return False
        latest = [change for at_s, change in self._recent if now_s - at_s <= 1.0]
        return max(_median(latest), _median([change for _, change in self._recent])) < QUIET * usual

    def _end_second(self) -> None:
        changes = [change for _, change in self._second]
        ended_s, noise = self._second[-1][0], _median(changes)
        usual = self._usual_noise(ended_s)
        if max(change.motion for change in changes) < STILL and (usual is None or noise >= QUIET * usual):
            self._usual.append(Second(ended_s, noise, median(change.light for change in changes)))
        self._second.clear()

    def _usual_noise(self, now_s: float) -> float | None:
        """The median noise before the time in question in the light of now; None where it is not known or too low."""
        light = self._recent[-1][1].light
        near = max(LIGHT_LEVELS, LIGHT_SHARE * light)
        before = [s.noise for s in self._usual if s.at_s <= now_s - self._after_s and abs(s.light - light) <= near]
        usual = median(before) if len(before) >= KNOWN_S else 0.0
        return usual if usual >= NOISY else None


def _noise(change: Change) -> float:
    return 0.0 if change.same else change.noise


def _median(changes: list[Change]) -> float:
    return median(_noise(change) for change in changes)
