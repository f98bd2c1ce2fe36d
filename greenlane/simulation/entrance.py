"""Plays a clip of a station's entrance: what the entry camera reads there is asked ahead, over real HTTP."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from controller.entrance import EntranceParts, EntranceRunner
from controller.errors import EndOfVideo, VideoDamaged
from controller.outbound.expected import HttpAheadLink
from controller.parts import Read
from controller.ports import PlateReader
from controller.worker import InlineWorker
from greenlane.simulation.play import Opener, unpaced
from greenlane.simulation.world import World
from models.change import ThumbnailChangeMeter
from wire.ahead import AskedAhead, Expected

BEFORE_S = 60.0


@dataclass(frozen=True, slots=True)
class EntranceResult:
    """plates: asked ahead, in order. error: why the clip could not be played to its end."""

    plates: tuple[str, ...]
    error: str | None = None


class _Noting:
    """The world's line, and which plates went over it."""

    def __init__(self, link: HttpAheadLink) -> None:
        self._link = link
        self.plates: list[str] = []

    def ask_ahead(self, asked: AskedAhead, deadline_s: float) -> None:
        self._link.ask_ahead(asked, deadline_s)
        self.plates.append(asked.plate)

    def expected(self, number: int, wait_s: float, deadline_s: float) -> Expected:
        return self._link.expected(number, wait_s, deadline_s)

    def close(self) -> None:
        """The world's own line stays open."""


def play_entrance(world: World, reader: PlateReader, clip: Path, opened: Opener = unpaced) -> EntranceResult:
    """A clip that ends too early gives what there was before, and its error."""
    world.clock.advance(BEFORE_S)
    numbers, link = count(1), _Noting(world.ahead)
    reading: InlineWorker[Read] = InlineWorker()
    sending: InlineWorker[str] = InlineWorker()
    parts = EntranceParts(
        world.clock, reader, ThumbnailChangeMeter(), link, reading, sending, lambda: f"entry-{next(numbers):04d}"
    )
    runner = EntranceRunner(parts, world.settings)
    with closing(opened(clip, world.clock)) as camera:
        while True:
            try:
                frame = camera.read()
            except EndOfVideo as end:
                return EntranceResult(tuple(link.plates), str(end) if isinstance(end, VideoDamaged) else None)
            world.clock.advance_to(frame.captured_s)
            runner.tick(frame)
