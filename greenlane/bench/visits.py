"""What a decided visit costs the processor: a clip through the real lane loop, the reads counted and timed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from controller.errors import VideoDamaged
from controller.ports import Clock, PlateReader
from controller.records import Reading, Region
from controller.settings_records import Settings
from greenlane.simulation.cast import bundled
from greenlane.simulation.play import ClipPlayer, Watching
from greenlane.simulation.results import VisitResult
from greenlane.simulation.world import World
from models.build import build_reader

PRESET_FEN = 10_000


@dataclass(frozen=True, slots=True)
class VisitCost:
    """Reads from arrival to answer of a clip's decided visits, and the processor seconds that those reads took."""

    engine: str
    clip: str
    visits: int
    decided: int
    reads_median: float
    reads_p90: float
    cpu_median_s: float
    cpu_p90_s: float

    def line(self) -> str:
        return (
            f"{self.engine}: {self.decided} of {self.visits} visits of {self.clip} decided, from arrival to answer "
            f"{self.reads_median:g} frames read (90 %: {self.reads_p90:g}), "
            f"{self.cpu_median_s:.3f} s of the processor (90 %: {self.cpu_p90_s:.3f})"
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """One read: when by the lane's clock, and what it took of the processor."""

    at_s: float
    cpu_s: float


class CountedReader:
    """A reader that remembers when each picture was read and what that cost its thread."""

    def __init__(self, reader: PlateReader, clock: Clock) -> None:
        self.name = reader.name
        self._reader, self._clock = reader, clock
        self.costs: list[Cost] = []

    def read(self, image: Any, area: Region | None = None) -> Reading:
        began = time.thread_time()
        reading = self._reader.read(image) if area is None else self._reader.read(image, area)
        self.costs.append(Cost(self._clock.monotonic_s(), time.thread_time() - began))
        return reading


def measure_visits(engine: str, threads: int, clip: Path | None) -> VisitCost:
    """The visits of a clip, or of the bundled one with its own cards. Raises GreenlaneError."""
    own = bundled() if clip is None else None
    played = clip or bundled().clip
    cards, phones = (own.cards, own.phones) if own else ((), ())
    quiet = Watching(lambda name, frames: None, lambda: None, lambda visit: None)
    with World(Settings(), list(cards), own.preset_fen if own else PRESET_FEN, list(phones)) as world:
        reader = CountedReader(build_reader(engine, threads), world.clock)
        result = ClipPlayer(world, reader, own.litres if own else {}, 1.0).play(played, quiet)
    if result.error:
        raise VideoDamaged(result.error)
    return cost_of(engine, "the bundled clip" if own else played.name, result.visits, reader.costs)


def cost_of(engine: str, clip: str, visits: Sequence[VisitResult], costs: Sequence[Cost]) -> VisitCost:
    """Counts and sums of the reads of each visit that came to an answer; all 0 where none did."""
    spans = [
        (visit.summary.first_seen_s, visit.start_s + answered_s)
        for visit in visits
        if (answered_s := _answered_s(visit)) is not None
    ]
    spent = [[cost.cpu_s for cost in costs if begin <= cost.at_s <= end] for begin, end in spans]
    reads, cpu = [float(len(each)) for each in spent], [sum(each) for each in spent]
    return VisitCost(
        engine,
        clip,
        len(visits),
        len(spans),
        _middle(reads),
        _most(reads),
        round(_middle(cpu), 4),
        round(_most(cpu), 4),
    )


def _answered_s(visit: VisitResult) -> float | None:
    """When the first question was answered, in seconds of the video."""
    return next((answer.answered_s for answer in visit.answers if answer.answered_s is not None), None)


def _middle(values: Sequence[float]) -> float:
    return median(values) if values else 0.0


def _most(values: Sequence[float]) -> float:
    """The 90th percentile, between the two values that it lies between."""
    if len(values) < 2:
        return _middle(values)
    return quantiles(values, n=10, method="inclusive")[-1]
