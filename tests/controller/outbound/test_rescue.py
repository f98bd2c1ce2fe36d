"""A damaged state file gives way to a new one: nothing that can be read is lost, wherever the power is cut."""

from __future__ import annotations

import os
import random
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


def forget_layout(path: Path) -> None:
    """As greenlane wrote files before it kept their tables a second time."""
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("DROP TABLE layout")
        raw.commit()
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def expect_all(path: Path) -> None:
    """What fill() left there."""
    pump = Pump(path)
    assert (len(pump.outbox.waiting()), len(pump.outbox.parked())) == (400, 1)
    assert [f.volume_ml for f in pump.reported] == [3000]
    assert pump.journal.load().totaliser.total_ml == 3000
    pump.state.close()


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
    with full_disk(), pytest.raises((OSError, sqlite3.OperationalError)):
        replace(path, ManualClock().now(), 1)
    assert list(tmp_path.glob(f"{NAME}.new*")) == []
    _, saved = replace(path, ManualClock().now(), 1)
    assert saved["message"] == 400


def test_a_table_whose_statement_is_spoilt_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / NAME
    fill(path)
    forget_layout(path)
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
    kept = path.read_bytes()
    forget_layout(path)
    content = path.read_bytes()
    at = content.index(right, content.index(b"CREATE TABLE open_fuelling"))
    path.write_bytes(content[:at] + wrong + content[at + len(wrong) :])
    pump = Pump(path)
    assert (pump.journal.interrupted, len(pump.outbox.waiting())) == (None, 399)
    pump.state.close()
    at = kept.index(right, kept.index(b"CREATE TABLE open_fuelling"))
    path.write_bytes(kept[:at] + wrong + kept[at + len(wrong) :])
    expect_all(path)


@pytest.mark.parametrize("spoilt", ["an index", "the table's statement"])
def test_the_number_of_a_lost_message_is_not_given_again(tmp_path: Path, spoilt: str) -> None:
    """Actions of people and a station's grants name messages by their numbers."""
    path = tmp_path / NAME
    fill(path)
    forget_layout(path)
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


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("last", [16, 24, 100])
def test_a_spoilt_head_costs_no_row(tmp_path: Path, last: int, kept: bool) -> None:
    path = tmp_path / NAME
    fill(path)
    if not kept:
        forget_layout(path)
    path.write_bytes(os.urandom(last) + path.read_bytes()[last:])
    expect_all(path)
    assert len(damaged_copies(path)) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == [NAME, damaged_copies(path)[0].name, f"{NAME}.lock"]


@pytest.mark.parametrize("in_log", [True, False])
def test_a_lost_first_page_costs_no_row(tmp_path: Path, in_log: bool) -> None:
    """in_log: the process was killed, and rows are still in the log beside the file."""
    path = tmp_path / "whole" / NAME
    path.parent.mkdir()
    fill(path)
    pump = Pump(path)
    for number in range(100):
        pump.outbox.put("late", str(number), {})
    copy = shutil.copytree(path.parent, tmp_path / "copy") / NAME
    pump.state.close()
    damaged = copy if in_log else path
    content = damaged.read_bytes()
    damaged.write_bytes(bytes(4096) + content[4096:])
    pump = Pump(damaged)
    assert len(damaged_copies(damaged)) == 1
    assert (len(pump.outbox.waiting()), len(pump.outbox.parked())) == (500, 1)
    pump.state.close()


@pytest.mark.parametrize(("place", "value"), [(18, 3), (18, 0), (47, 5), (60, 1), (61, 128), (62, 1)])
def test_no_byte_of_the_head_stops_the_unit(tmp_path: Path, place: int, value: int) -> None:
    """Not one that forbids SQLite to write, nor one that looks like a later greenlane's."""
    path = tmp_path / NAME
    fill(path)
    with path.open("r+b") as file:
        file.seek(place)
        file.write(bytes([value]))
    expect_all(path)


def test_both_ends_of_a_table_are_lost(tmp_path: Path) -> None:
    path = tmp_path / NAME
    fill(path)
    with closing(sqlite3.connect(path)) as raw:
        query = "SELECT pageno FROM dbstat WHERE name = 'message' AND pagetype = 'leaf' ORDER BY path"
        try:
            leaves = [page for (page,) in raw.execute(query)]
        except sqlite3.OperationalError:
            pytest.skip("this SQLite does not tell which page is a table's")
    content = bytearray(path.read_bytes())
    for page in (leaves[0], leaves[-1]):
        content[(page - 1) * 4096 : page * 4096] = bytes(4096)
    path.write_bytes(content)
    with StateFile(path, ManualClock(), use=StateUse.OWN) as state:
        assert len(Outbox(state, ManualClock()).waiting()) > 200


def test_a_text_that_is_none_costs_its_row_and_a_time_that_is_none_nothing(tmp_path: Path) -> None:
    """Either kept the courier from every other message, for ever."""
    path, clock = tmp_path / NAME, later()
    fill(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("UPDATE message SET queued_at = 'soon' WHERE id = 2")
        raw.execute("UPDATE message SET queued_at = '2026-01-05' WHERE id = 3")
        raw.execute("UPDATE message SET last_error = CAST(x'ff' AS TEXT) WHERE id = 4")
    with StateFile(path, clock, use=StateUse.OWN) as state:
        waiting = {message.id: message.queued_at for message in Outbox(state, clock).waiting()}
        assert (waiting[2], waiting[3].tzinfo is None, 4 in waiting, len(waiting)) == (clock.now(), False, False, 398)
    assert len(damaged_copies(path)) == 1


@pytest.mark.sample(5)
@pytest.mark.parametrize("seed", range(20))
def test_no_spoilt_bit_stops_the_unit(tmp_path: Path, seed: int) -> None:
    """Wherever it is, the next start serves the pump again, and the courier has its messages."""
    rng = random.Random(seed)
    path = tmp_path / NAME
    pump = Pump(path)
    for litres in range(3, 9):
        pump.fuel(litres)
    pump.outbox.park(1, "internal", "mended later")
    pump.outbox.retry(1, "li", "mended")
    pump.lift()
    pump.flow(3, 5)
    pump.meter.suspend()
    pump.state.close()
    content = path.read_bytes()
    for place in rng.sample([at for at, byte in enumerate(content) if byte], 10):
        bit = 1 << rng.randrange(8)
        path.write_bytes(content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :])
        pump = Pump(path, later())
        assert len(pump.outbox.waiting()) >= 1, (place, bit)
        assert all(pump.outbox.head(kind) for kind in pump.outbox.waiting_kinds()), (place, bit)
        assert pump.outbox.newest_actions(9) is not None
        fuelled = pump.fuel(1)
        assert (fuelled is not None and fuelled.volume_ml) == 1000, (place, bit)
        pump.state.close()
