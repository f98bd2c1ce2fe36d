"""A real disk that is full: nothing acknowledged is lost, and all goes on by itself once there is room."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from controller.clock import ManualClock
from controller.fuelling.journal import FuellingJournal
from controller.fuelling.meter import FuellingMeter
from controller.fuelling.open_fuelling import Ended, MeterSettings, UnitPrice
from controller.lane.records import FlowContext
from controller.outbound.courier import FUELLING, Courier
from controller.outbound.outbox import Outbox
from controller.outbound.statefile import StateError, StateFile, StateFull
from controller.records import DispenserReading
from controller.traces.recorder import TraceRecorder
from controller.traces.store import TraceLimits, TraceStore
from controller.worker import InlineWorker
from hardware.jpeg import encode_jpeg
from tests.controller.visits import green_visit
from wire.codec import decode
from wire.fuellings import Fuelling

pytestmark = pytest.mark.faults

PAID = FlowContext("v1", "a1", "粤B12345", 50_000)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Leave no room at all."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return ballast


def put_until_full(outbox: Outbox, kept: list[str]) -> None:
    """Put messages and note those that were acknowledged."""
    for n in range(10_000):
        outbox.put("other", str(n), {"n": "x" * 500})
        kept.append(str(n))


class Pump:
    def __init__(self, path: Path) -> None:
        self.clock = ManualClock()
        self.state = StateFile(path, self.clock)
        self.outbox = Outbox(self.state, self.clock)
        self.journal = FuellingJournal(self.state, self.outbox, self.clock, random.Random(1), "d1", Fraction(100))
        admin = InlineWorker[StateError | None]()
        rules = MeterSettings("s", "1", "92")
        self.meter = FuellingMeter(rules, self.journal, admin, self.clock, lambda: UnitPrice(800))
        self.pulses = 0

    def fuel(self, turns: int = 20) -> Fuelling:
        for turn in range(turns + 8):
            self.clock.advance(0.1)
            self.pulses += 20 if turn < turns else 0
            for event in self.meter.poll(DispenserReading(turn < turns, self.pulses), PAID):
                if isinstance(event, Ended) and event.fuelling is not None:
                    return event.fuelling
        raise AssertionError("the fuelling did not end")


def test_a_full_disk_refuses_clearly_and_heals(small_disk: Path) -> None:
    clock = ManualClock()
    with StateFile(small_disk / "lane.sqlite3", clock) as state:
        outbox = Outbox(state, clock)
        kept: list[str] = []
        ballast = fill(small_disk)
        with pytest.raises(StateFull, match="the disk is full"):
            put_until_full(outbox, kept)
        assert [m.key for m in outbox.waiting()] == kept
        ballast.unlink()
        outbox.put("a", "after", {})
        assert [m.key for m in outbox.waiting()] == [*kept, "after"]
    with StateFile(small_disk / "lane.sqlite3", clock) as state:
        assert state.rescued_from is None
        assert [m.key for m in Outbox(state, clock).waiting()] == [*kept, "after"]


def test_fuellings_on_a_full_disk_are_kept_and_stored_later(small_disk: Path) -> None:
    pump = Pump(small_disk / "lane.sqlite3")
    ended = [pump.fuel()]
    ballast = fill(small_disk)
    for _ in range(200):
        ended.append(pump.fuel(5))
        if isinstance(pump.meter.trouble, StateFull):
            break
    assert isinstance(pump.meter.trouble, StateFull)
    ended += [pump.fuel() for _ in range(3)]
    ballast.unlink()
    pump.clock.advance(2)
    ended.append(pump.fuel())
    assert pump.meter.trouble is None
    assert pump.meter.unwritten == 0
    assert [decode(Fuelling, m.body) for m in pump.outbox.waiting()] == ended
    assert [e.sequence for e in ended] == list(range(ended[0].sequence, ended[0].sequence + len(ended)))
    pump.state.close()


def test_delivery_goes_on_when_its_notes_cannot_be_written(small_disk: Path) -> None:
    pump = Pump(small_disk / "lane.sqlite3")
    fuellings = [pump.fuel() for _ in range(5)]
    got: list[int] = []
    courier = Courier(
        pump.outbox, {FUELLING: lambda body, deadline_s: got.append(body["sequence"])}, pump.clock, random.Random(1)
    )
    ballast = fill(small_disk)
    with pytest.raises(StateFull):
        put_until_full(pump.outbox, [])
    for _ in range(3):
        pump.clock.advance(courier.step())
    ballast.unlink()
    for _ in range(3):
        pump.clock.advance(courier.step())
    assert [m.key for m in pump.outbox.waiting() if m.kind == FUELLING] == []
    assert sorted(set(got)) == [f.sequence for f in fuellings]
    pump.state.close()


def test_starting_on_a_full_disk_is_a_clear_error(small_disk: Path) -> None:
    fill(small_disk)
    with pytest.raises(StateError, match="full"):
        Pump(small_disk / "lane.sqlite3")


def test_traces_leave_room_and_stop_nothing(small_disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = TraceStore(small_disk / "traces", ManualClock(), TraceLimits(least_free_mb=1))
    listener = TraceRecorder(store, InlineWorker[OSError | None](), encode_jpeg, 3, "r")
    for n in range(200):
        green_visit(listener, visit=f"v{n}")
    assert len([r for r in caplog.records if r.levelname == "ERROR"]) == 1
    pump = Pump(small_disk / "lane.sqlite3")
    assert pump.fuel().volume_ml == 4000
    pump.state.close()
