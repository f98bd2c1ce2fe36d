"""The unit is killed at any moment, hundreds of times: each ended fuelling is in the outbox once, none is missing."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.clock import ManualClock
from controller.outbound.courier import FUELLING, Courier
from controller.outbound.outbox import MessageState, Outbox
from controller.outbound.rescue import damaged_copies
from controller.outbound.statefile import StateFile
from tests.faults.crashing_unit import ACKNOWLEDGED, POSTED, STATE, Unit, posting
from wire.codec import decode
from wire.fuellings import Fuelling

pytestmark = [pytest.mark.faults, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
KILLS = 250
MOST_KILLS = 6 * KILLS


@pytest.fixture
def forker() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.crashing_unit"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    yield process
    process.stdin.close()  # type: ignore[union-attr]
    process.wait(30)


def kill_at_random(forker: subprocess.Popen[str], folder: Path, threaded: bool) -> int:
    """Let the unit live for a moment, then kill it; again and again on the same files.

    On a busy machine a life ends before much has happened: then more lives follow, and longer ones. Returns how many.
    """
    assert forker.stdin is not None
    assert forker.stdout is not None
    rng = random.Random(1)
    longest_s = 0.09
    for run in range(MOST_KILLS):
        if run >= KILLS and spanned(folder) > KILLS / 2:
            return run
        if run % 50 == 49 and spanned(folder) < run / 2:
            longest_s *= 1.5
        forker.stdin.write(f"{folder} {run} {run} {int(threaded)}\n")
        forker.stdin.flush()
        child = int(forker.stdout.readline())
        time.sleep(rng.uniform(0.002, longest_s))
        os.kill(child, signal.SIGKILL)
        assert forker.stdout.readline() == "ended\n"
    return MOST_KILLS


def spanned(folder: Path) -> int:
    """How many fuellings lie between the first and the last that the unit said had ended."""
    sequences = [sequence for sequence, _ in lines(folder / ACKNOWLEDGED)]
    return max(sequences, default=0) - min(sequences, default=0)


def lines(path: Path) -> list[tuple[int, int]]:
    found = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return [(int(sequence), int(volume)) for sequence, volume in found]


@pytest.mark.parametrize("threaded", [False, True], ids=["inline", "threaded"])
def test_no_kill_loses_or_doubles_a_fuelling(
    tmp_path: Path, forker: subprocess.Popen[str], threaded: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    kills = kill_at_random(forker, tmp_path, threaded)
    Unit(tmp_path, 0, kills, False).state.close()
    clock = ManualClock()
    with StateFile(tmp_path / STATE, clock) as state:
        outbox = Outbox(state, clock)
        rows = state.rows("SELECT key FROM message WHERE kind = ? ORDER BY id", (FUELLING,))
        reports = [decode(Fuelling, m.body) for r in rows if (m := outbox.find(FUELLING, r["key"])) is not None]
        assert outbox.parked() == ()
        assert damaged_copies(tmp_path / STATE) == []
        check_books(reports)
        check_acknowledged(reports, lines(tmp_path / ACKNOWLEDGED), threaded)
        check_delivery(tmp_path, outbox, clock, reports)
    cut = sum("power_cut" in r.flags for r in reports)
    with capsys.disabled():
        print(f"\n{kills} kills: {len(reports)} fuellings, {cut} of them cut off", end=" ")
    assert cut > KILLS / 20, "the kills hit no fuelling: this test proves nothing"
    assert len(reports) > KILLS / 2


def check_books(reports: list[Fuelling]) -> None:
    """Sequences without a gap, and a totaliser that accounts for every millilitre."""
    assert [r.sequence for r in reports] == list(range(reports[0].sequence, reports[0].sequence + len(reports)))
    for before, after in itertools.pairwise(reports):
        assert after.totaliser_before_ml == before.totaliser_after_ml
    assert all(r.volume_ml == r.totaliser_after_ml - r.totaliser_before_ml > 0 for r in reports)


def check_acknowledged(reports: list[Fuelling], acknowledged: list[tuple[int, int]], threaded: bool) -> None:
    """What the unit said had ended is there as it said; with the disk behind, one may have been cut off after all."""
    by_sequence = {r.sequence: r for r in reports}
    missing = [s for s, _ in acknowledged if s not in by_sequence]
    changed = [s for s, ml in acknowledged if s in by_sequence and by_sequence[s].volume_ml != ml]
    assert missing == []
    assert threaded or changed == []
    assert all("power_cut" in by_sequence[s].flags for s in changed)


def check_delivery(folder: Path, outbox: Outbox, clock: ManualClock, reports: list[Fuelling]) -> None:
    """Delivered to the end, each reached the service at least once, always the same, and in order."""
    rng = random.Random(2)
    courier = Courier(outbox, {FUELLING: posting(folder, rng)}, clock, rng)
    while outbox.waiting():
        clock.advance(courier.step())
    posted: dict[int, set[int]] = defaultdict(set)
    first_seen: list[int] = []
    for sequence, volume in lines(folder / POSTED):
        if sequence not in posted:
            first_seen.append(sequence)
        posted[sequence].add(volume)
    assert {s: {r.volume_ml} for r in reports for s in [r.sequence]} == dict(posted)
    assert first_seen == sorted(first_seen)
    states = {outbox.find(FUELLING, f"d1/{r.sequence}").state for r in reports}  # type: ignore[union-attr]
    assert states == {MessageState.SENT}
