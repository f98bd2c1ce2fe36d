"""What an earlier version has left on the disk is read by this one: state files, traces and settings.

The files of kept/ were written by the code of version 7a563ad. Databases: test_piece_by_piece.py, with the programs of
that version, and tests/service/store/test_migrations.py.
"""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from controller import settings
from controller.clock import ManualClock
from controller.fuelling.journal import FuellingJournal
from controller.fuelling.prices import PriceBook
from controller.outbound.outbox import Outbox
from controller.outbound.statefile import StateFile
from controller.traces.store import TraceStore
from greenlane.cli import main
from station.prices import PRICES
from station.store.state_store import StateStore
from wire.flags import LaneFlag
from wire.reasons import Reason, Verdict

KEPT = Path(__file__).with_name("kept")
START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
PLATE = "粤B12345"
FIRST = 1_767_600_000
"""The first sequence of that lane unit's dispenser."""


def restored(name: str, folder: Path) -> Path:
    """The SQLite file of a dump in kept/."""
    path = folder / f"{name}.sqlite3"
    with closing(sqlite3.connect(path)) as made:
        made.executescript((KEPT / f"{name}.sql").read_text(encoding="utf-8"))
    return path


def test_a_lanes_outbox_journal_and_prices_are_taken_over(tmp_path: Path) -> None:
    clock = ManualClock(START + timedelta(minutes=5))
    with StateFile(restored("lane", tmp_path), clock) as state:
        outbox = Outbox(state, clock)
        (waiting,), (parked,) = outbox.waiting(), outbox.parked()
        assert (waiting.key, waiting.attempts, waiting.last_error) == (f"d1/{FIRST}", 1, "no answer")
        assert (parked.key, parked.reason) == (f"d1/{FIRST + 1}", "key_reused")
        journal = FuellingJournal(state, outbox, clock, random.Random(1), "d1", Fraction(100))
        cut = journal.interrupted
        assert cut is not None, "the fuelling that was in progress is reported"
        assert (cut.sequence, cut.volume_ml, cut.flags) == (FIRST + 2, 20_500, (LaneFlag.POWER_CUT,))
        now = journal.load()
        assert (now.next_sequence, now.totaliser.total_ml) == (FIRST + 3, 61_500)
        assert [message.key for message in outbox.waiting()] == [f"d1/{FIRST}", f"d1/{FIRST + 2}"]
        price = PriceBook(state, clock, lambda _deadline_s: []).unit_price("92", otherwise_fen_per_l=1)
        assert (price.fen_per_l, price.from_settings) == (812, False)


def test_an_operator_handles_what_an_earlier_version_parked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    restored("lane", tmp_path)
    assert main(["outbox", "list", "--state", str(tmp_path), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [message["key"] for message in listed["waiting"]] == [f"d1/{FIRST}"]
    assert [(message["key"], message["reason"]) for message in listed["parked"]] == [(f"d1/{FIRST + 1}", "key_reused")]


def test_a_stations_answers_grants_and_facts_are_taken_over(tmp_path: Path) -> None:
    clock = ManualClock(START + timedelta(seconds=60))
    with StateFile(restored("station", tmp_path), clock) as state:
        store = StateStore(state, Outbox(state, clock), clock)
        answered = store.answers.find("v1")
        assert answered is not None
        question, decision = answered
        assert (question.plate, decision.authorisation, decision.limit_fen) == (PLATE, "off-0001", 20_000)
        assert store.answers.lane_of("off-0001") == ("s", "1")
        (grant,) = store.grants.unsent()
        assert (grant.authorisation, grant.card, grant.list_version) == ("off-0001", "C1", 3)
        assert store.grants.is_used("off-0001")
        assert store.grants.exposure_fen() == 16_400, "what was fuelled under it and not told yet still counts"
        assert json.loads(store.facts.get(PRICES) or "")[0]["unit_price_fen_per_l"] == 812


def test_a_trace_is_read_and_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "traces" / "2026-01-05" / "lane-1-20260105T080000-3f9ac1"
    folder.mkdir(parents=True)
    shutil.copy(KEPT / "trace.json", folder)
    trace = TraceStore(tmp_path / "traces", ManualClock(START)).load("last")
    assert trace.summary is not None
    assert (trace.summary.decision, trace.summary.reason) == (Verdict.ALLOW, Reason.OK)
    texts = [plate.text for read in trace.reads for plate in read.plates]
    assert texts == ["粤B12845", PLATE, PLATE, PLATE], "its field for characters was spelt signs"
    assert main(["explain", "last", "--traces", str(tmp_path / "traces")]) == 0
    said = capsys.readouterr().out
    assert PLATE in said
    assert "20.50 L" in said


def test_settings_as_an_earlier_version_wrote_them_are_read() -> None:
    read = settings.load(KEPT / "lane.toml")
    assert (read.lane.station, read.lane.name) == ("station-1", "lane-1")
