"""What a lane unit tells Prometheus: counts of visits, questions and reads, and the text format they travel in."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from controller.ports import Clock
from controller.records import Frame, LampChange, LampColour, Reading, VisitSummary
from controller.telling.observers import SilentObserver
from wire.fuellings import Fuelling
from wire.questions import Decision
from wire.reasons import Reason

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Series:
    """One metric with its values by labels. kind: "counter" or "gauge"; the name says the unit."""

    name: str
    kind: str
    help: str
    values: Mapping[Labels, float] = field(default_factory=dict)


def gauge(name: str, words: str, value: float) -> Series:
    """A gauge without labels."""
    return Series(name, "gauge", words, {(): value})


def exposition(series: Iterable[Series]) -> str:
    """Prometheus' text format, version 0.0.4."""
    lines = []
    for one in series:
        lines += [f"# HELP {one.name} {_escaped(one.help)}", f"# TYPE {one.name} {one.kind}"]
        for labels, value in sorted(one.values.items()):
            inner = ",".join(f'{name}="{_escaped(text, quote=True)}"' for name, text in labels)
            lines.append(f"{one.name}{{{inner}}} {_number(value)}" if inner else f"{one.name} {_number(value)}")
    return "\n".join(lines) + "\n"


class LaneMetrics(SilentObserver):
    """Counts what the lane's observers hear. The lane's threads call it, the metrics server reads it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._visits: Counter[tuple[str, str]] = Counter()
        self._failed: Counter[str] = Counter()
        self._stage_ms: Counter[str] = Counter()
        self._frames = 0
        self._fuellings = 0
        self._lamp = LampColour.RED
        self._frame_s: float | None = None

    def frame_read(self, visit: str | None, frame: Frame, reading: Reading) -> None:
        with self._lock:
            self._frames += 1
            self._frame_s = frame.captured_s
            for stage, took_ms in reading.ms.items():
                self._stage_ms[stage] += took_ms  # type: ignore[assignment]

    def answered(self, visit: str, answer: Decision | None, reason: Reason, detail: str, at_s: float) -> None:
        if answer is None:
            with self._lock:
                self._failed[reason.value] += 1

    def lamp_changed(self, visit: str | None, change: LampChange, reason: Reason) -> None:
        with self._lock:
            self._lamp = change.colour

    def fuelling_ended(self, visit: str | None, fuelling: Fuelling | None, at_s: float) -> None:
        if fuelling is not None:
            with self._lock:
                self._fuellings += 1

    def visit_opened(self, visit: str, first_seen_s: float, first_seen_at: datetime) -> None:
        """Counted when it is over."""

    def visit_closed(self, summary: VisitSummary) -> None:
        with self._lock:
            self._visits[summary.decision.value, summary.reason.value] += 1

    def series(self) -> list[Series]:
        """Everything counted so far; the age of the last read frame is NaN until there is one."""
        with self._lock:
            visits: dict[Labels, float] = {
                (("decision", d), ("reason", r)): float(n) for (d, r), n in self._visits.items()
            }
            lamp: dict[Labels, float] = {(("colour", c.value),): float(c is self._lamp) for c in LampColour}
            stages: dict[Labels, float] = {(("stage", s),): took_ms / 1000 for s, took_ms in self._stage_ms.items()}
            failed: dict[Labels, float] = {(("reason", reason),): float(n) for reason, n in self._failed.items()}
            age_s = math.nan if self._frame_s is None else self._clock.monotonic_s() - self._frame_s
            return [
                Series("greenlane_lane_visits_total", "counter", "Visits that are over.", visits),
                Series("greenlane_lane_lamp", "gauge", "1 for the colour that shows.", lamp),
                Series("greenlane_lane_questions_failed_total", "counter", "Questions without an answer.", failed),
                Series("greenlane_lane_read_seconds_total", "counter", "Time spent reading, by stage.", stages),
                Series("greenlane_lane_frames_read_total", "counter", "Pictures read.", {(): float(self._frames)}),
                Series("greenlane_lane_fuellings_total", "counter", "Fuellings ended.", {(): float(self._fuellings)}),
                gauge("greenlane_lane_frame_age_seconds", "Age of the last picture that was read.", age_s),
            ]


def _escaped(text: str, quote: bool = False) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    return escaped.replace('"', '\\"') if quote else escaped


def _number(value: float) -> str:
    return "NaN" if math.isnan(value) else repr(value)
