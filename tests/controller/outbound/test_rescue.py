"""A damaged state file gives way to a new one: nothing that can be read is lost, wherever the power is cut."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from controller.clock import ManualClock
from controller.outbound.outbox import Outbox
from controller.outbound.rescue import damaged_copies, replace
from controller.outbound.statefile import StateCorrupt, StateError, StateFile, StateUse
from station.store.state_store import StateStore
from tests.cli.test_damaged_outbox import fill, spoil_an_index
from tests.controller.fuelling.test_open_fuelling import FIRST, START, Pump
from tests.full_disk import full_disk

NAME = "lane.sqlite3"
MOST_STEPS = 60


def cut_at(step: int, work: Callable[[], object]) -> bool:
    """Let a process do the work and die before its so many-th opening, renaming or deleting; whether it came so far."""
    child = os.fork()
    if not child:
        left = step

        def count(event: str, given: tuple[object, ...]) -> None:
            nonlocal left
            if event in ("os.rename", "os.remove", "sqlite3.connect"):
                left -= 1
                if not left:
                    os._exit(9)

        sys.addaudithook(count)
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def later() -> ManualClock:
    return ManualClock(START + timedelta(seconds=1000))


def test_power_cut_while_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    fill(whole / NAME)
    spoil_an_index(whole / NAME)
    steps = 0
    while True:
        steps += 1
        assert steps < MOST_STEPS
        folder = tmp_path / str(steps)
        shutil.copytree(whole, folder)
        was_cut = cut_at(steps, lambda: Pump(folder / NAME, later()))  # noqa: B023 (called at once)
        pump = Pump(folder / NAME, later())
        assert (len(pump.outbox.waiting()), len(pump.outbox.parked())) == (400, 1), steps
        assert [f.volume_ml for f in pump.reported] == [3000], steps
        assert pump.journal.load().next_sequence >= FIRST + 1000, "beyond all that the damaged file can have used"
        (copy,) = damaged_copies(folder / NAME)
        assert copy.stat().st_size > 4096, "a person is told, and can look"
        pump.state.close()
        left = {path.name for path in folder.iterdir()} - {f"{NAME}-wal", f"{NAME}-shm"}
        assert left == {NAME, f"{NAME}.lock", copy.name}, steps
        if not was_cut:
            break
    assert steps > 5


def test_power_cut_while_a_new_file_is_begun(tmp_path: Path) -> None:
    """None is empty then, which would look like a lost one."""
    steps, was_cut = 0, True
    while was_cut:
        steps += 1
        folder = tmp_path / str(steps)
        folder.mkdir()
        was_cut = cut_at(steps, lambda: StateFile(folder / NAME, ManualClock(), use=StateUse.OWN))  # noqa: B023
        with StateFile(folder / NAME, ManualClock(), use=StateUse.OWN) as state:
            assert state.rescued_from is None, steps
    assert steps > 2
    assert list(tmp_path.glob("*/*.corrupt-*")) == []


def test_an_empty_file_is_a_lost_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It was taken for a new one, and nobody heard that its fuellings were gone."""
    path = tmp_path / NAME
    path.touch()
    path.with_name(f"{NAME}-wal").write_bytes(b"what may be left")
    for use in (StateUse.READ, StateUse.WRITE):
        with pytest.raises(StateCorrupt, match="the state file is damaged; start the lane"):
            StateFile(path, ManualClock(), use=use)
    with StateFile(path, ManualClock(), use=StateUse.OWN) as state:
        assert state.rescued_from is not None
        Outbox(state, ManualClock()).put("other", "1", {})
    (copy,) = damaged_copies(path)
    assert copy.with_name(f"{copy.name}-wal").read_bytes() == b"what may be left"
    assert "the state file is damaged (it is empty)" in caplog.text
    with StateFile(path, ManualClock(), use=StateUse.OWN) as again:
        assert len(Outbox(again, ManualClock()).waiting()) == 1


def test_what_was_rescued_is_known_until_its_owner_has_acted(tmp_path: Path) -> None:
    path = tmp_path / NAME
    fill(path)
    spoil_an_index(path)
    with StateFile(path, ManualClock(), use=StateUse.OWN) as state:
        assert state.rescued("message", "dispenser") == 401
        assert state.rescued("message", "dispenser") == 0
    with StateFile(path, ManualClock(), use=StateUse.OWN) as again:
        with suppress(ZeroDivisionError), again.transaction():
            assert again.rescued("open_fuelling") == 1
            raise ZeroDivisionError
        assert again.rescued("open_fuelling") == 1


def test_a_disk_without_room_leaves_the_damaged_file_in_place(tmp_path: Path) -> None:
    """A folder in the new one's way stands for whatever keeps it from being written."""
    path = tmp_path / NAME
    fill(path)
    spoil_an_index(path)
    (tmp_path / f"{NAME}.new").mkdir()
    content = path.read_bytes()
    with pytest.raises(StateError, match="unable to open it"):
        StateFile(path, ManualClock(), use=StateUse.OWN)
    assert damaged_copies(path) == []
    assert path.read_bytes() == content
    (tmp_path / f"{NAME}.new").rmdir()
    with StateFile(path, ManualClock(), use=StateUse.OWN) as state:
        assert len(Outbox(state, ManualClock()).waiting()) == 399


def test_nothing_half_is_left_on_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / NAME
    fill(path)
    with full_disk(), pytest.raises(sqlite3.OperationalError):
        replace(path, ManualClock().now(), 1)
    assert list(tmp_path.glob(f"{NAME}.new*")) == []
    _, saved = replace(path, ManualClock().now(), 1)
    assert saved["message"] == 400


def test_a_table_whose_statement_is_spoilt_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / NAME
    fill(path)
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA writable_schema = ON")
        spoilt = "UPDATE sqlite_master SET sql = replace(sql, 'json_valid', 'jsonvalid') WHERE name = 'open_fuelling'"
        raw.execute(spoilt)
    _, saved = replace(path, ManualClock().now(), 1)
    assert saved == {"message": 400, "message_action": 0, "dispenser": 1, "open_fuelling": 0}
    pump = Pump(path)
    assert (pump.journal.interrupted, len(pump.outbox.waiting())) == (None, 399)
    assert pump.state.rows("SELECT * FROM open_fuelling") == []
    pump.state.close()


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (b"pulses INTEGER NOT NULL\n    )", b"pulses INTEGER NO( NULL\n    )"),
        (b"dispenser TEXT PRIMARY KEY", b"dispenser;TEXT PRIMARY KEY"),
        (b"dispenser TEXT PRIMARY KEY", b"dispenser\0TEXT PRIMARY KEY"),
        (b"CREATE TABLE open_fuelling", b"CREATE TABLE open_fu\xff"),
    ],
)
def test_a_spoilt_byte_of_one_tables_statement_leaves_the_others(tmp_path: Path, right: bytes, wrong: bytes) -> None:
    """SQLite refuses the whole file then, and would show no table of it."""
    path = tmp_path / NAME
    fill(path)
    content = path.read_bytes()
    at = content.index(right, content.index(b"CREATE TABLE open_fuelling"))
    path.write_bytes(content[:at] + wrong + content[at + len(wrong) :])
    pump = Pump(path)
    assert (pump.journal.interrupted, len(pump.outbox.waiting())) == (None, 399)
    pump.state.close()


@pytest.mark.parametrize("spoilt", ["an index", "the table's statement"])
def test_the_number_of_a_lost_message_is_not_given_again(tmp_path: Path, spoilt: str) -> None:
    """Actions of people and a station's grants name messages by their numbers."""
    path = tmp_path / NAME
    fill(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("DELETE FROM message WHERE id > 300")
        if spoilt != "an index":
            raw.execute("PRAGMA writable_schema = ON")
            raw.execute("UPDATE sqlite_master SET sql = replace(sql, 'kind', ')kind') WHERE name = 'message'")
    if spoilt == "an index":
        spoil_an_index(path)
    with StateFile(path, ManualClock(), use=StateUse.OWN) as state:
        outbox = Outbox(state, ManualClock())
        assert len(outbox.waiting()) == (299 if spoilt == "an index" else 0)
        assert outbox.put("other", "next", {}) == 401


@pytest.mark.parametrize("content", [b"", None])
def test_a_station_tells_that_its_file_was_lost(tmp_path: Path, content: bytes | None) -> None:
    """None: an index is spoilt, and what the station must not forget is still there."""
    clock = ManualClock()
    with StateFile(tmp_path / NAME, clock, use=StateUse.OWN) as state:
        StateStore(state, Outbox(state, clock), clock).facts.keep("barred", "no")
    if content is None:
        spoil_an_index(tmp_path / NAME)
    else:
        (tmp_path / NAME).write_bytes(content)
    with StateFile(tmp_path / NAME, clock, use=StateUse.OWN) as state:
        store = StateStore(state, Outbox(state, clock), clock)
        assert store.damaged() == 1
        assert store.facts.get("barred") == ("no" if content is None else None)
