"""A lane unit's metering at full speed, in a process that its parent kills.

Run as `python -m tests.faults.crashing_unit`, it forks a child for each line on stdin (FOLDER SEED RUN THREADED) and
prints its pid; the child meters, delivers and tells its parent of every fuelling that ended, until it is killed.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from controller.clock import ManualClock
from controller.errors import ServiceSilent
from controller.fuelling.journal import FuellingJournal
from controller.fuelling.meter import FuellingMeter
from controller.fuelling.open_fuelling import Ended, MeterSettings, UnitPrice
from controller.lane.records import FlowContext
from controller.outbound.courier import FUELLING, Courier
from controller.outbound.outbox import Outbox
from controller.outbound.statefile import StateError, StateFile, StateUse
from controller.records import DispenserReading
from controller.worker import InlineWorker, ThreadWorker, Worker

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
STATE = "lane.sqlite3"
ACKNOWLEDGED = "acknowledged"
POSTED = "posted"


def noted(path: Path, text: str) -> None:
    """Append one line, in one write."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(handle, f"{text}\n".encode())
    os.close(handle)


def posting(folder: Path, rng: random.Random) -> Any:
    """A service that takes a message, then often fails to say so."""

    def send(body: Mapping[str, Any], deadline_s: float) -> Mapping[str, Any]:
        noted(folder / POSTED, f"{body['sequence']} {body['volume_ml']}")
        if rng.random() < 0.3:
            raise ServiceSilent("the answer was lost")
        return {"sequence": body["sequence"]}

    return send


class Unit:
    """One life of the unit. The clock is moved by hand, so that hours of fuelling pass in a second."""

    def __init__(self, folder: Path, seed: int, run: int, threaded: bool) -> None:
        self.folder = folder
        self.rng = random.Random(seed)
        self.threaded = threaded
        self.clock = ManualClock(START + timedelta(hours=run))
        self.state = StateFile(folder / STATE, self.clock, use=StateUse.OWN)
        self.outbox = Outbox(self.state, self.clock)
        journal = FuellingJournal(self.state, self.outbox, self.clock, self.rng, "d1", Fraction(100))
        self.worker: Worker[StateError | None] = ThreadWorker("disk", 1, lambda: None) if threaded else InlineWorker()
        rules = MeterSettings("s", "1", "92")
        self.meter = FuellingMeter(rules, journal, self.worker, self.clock, lambda: UnitPrice(800))
        self.courier = Courier(self.outbox, {FUELLING: posting(folder, self.rng)}, self.clock, self.rng)
        self.pulses = 0
        self.visits = 0
        self.polls = 0

    def live(self) -> None:
        """Refuel one vehicle after another, for ever."""
        while True:
            self.visits += 1
            context = FlowContext(f"v{self.visits}", f"a{self.visits}", "粤B12345", 50_000)
            for _ in range(self.rng.randrange(1, 40)):
                self.poll(True, self.rng.randrange(0, 30), context)
            for _ in range(8):
                self.poll(False, self.rng.randrange(0, 3) if self.rng.random() < 0.2 else 0, context)
            self.courier.step()

    def poll(self, lifted: bool, pulses: int, context: FlowContext) -> None:
        self.clock.advance(0.1)
        self.pulses += pulses
        for event in self.meter.poll(DispenserReading(lifted, self.pulses), context):
            if isinstance(event, Ended) and event.fuelling is not None:
                noted(self.folder / ACKNOWLEDGED, f"{event.fuelling.sequence} {event.fuelling.volume_ml}")
        if self.threaded and self.polls % 5 == 0:
            self.let_the_disk_catch_up()
        self.polls += 1

    def let_the_disk_catch_up(self) -> None:
        """The hand-moved clock outruns any disk; a real one is never half a second behind for long."""
        while self.meter.unwritten:
            time.sleep(0.0001)
            self.meter.flush()


def main() -> None:
    for line in sys.stdin:
        folder, seed, run, threaded = line.split()
        child = os.fork()
        if child == 0:
            try:
                Unit(Path(folder), int(seed), int(run), threaded == "1").live()
            finally:
                os._exit(70)
        print(child, flush=True)
        os.waitpid(child, 0)
        print("ended", flush=True)


if __name__ == "__main__":
    main()
