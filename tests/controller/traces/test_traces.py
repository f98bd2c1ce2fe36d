"""Traces: whole, bounded, private after their time, and never in the lane's way."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.clock import ManualClock
from controller.outbound.courier import FUELLING
from controller.outbound.outbox import Message, MessageState
from controller.records import LampColour
from controller.traces.recorder import MOST_READS, RECENT, TraceRecorder
from controller.traces.records import TraceError, VisitTrace, from_json, to_json
from controller.traces.store import TraceLimits, TraceStore, safe_name
from controller.worker import InlineWorker
from hardware.jpeg import decode_jpeg, encode_jpeg
from tests.controller.visits import (
    PLATE,
    RECEIPT,
    START,
    PlayedVisit,
    fuelling,
    green_visit,
    plate_read,
    refused_visit,
)
from wire.codec import encode
from wire.reasons import Reason, Verdict


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> TraceStore:
    return TraceStore(tmp_path / "traces", clock)


def recorder(store: TraceStore, pictures: int = 3, **how: Any) -> TraceRecorder:
    return TraceRecorder(store, InlineWorker[OSError | None](), encode_jpeg, pictures, "reader 1", **how)


def charged(visit: str) -> tuple[Message, dict[str, Any]]:
    body = encode(fuelling(visit))
    return Message(1, FUELLING, "d1/7", body, MessageState.SENT, START, 1, None, None, START, None), encode(RECEIPT)


def test_a_visit_is_told_again_as_it_was(store: TraceStore) -> None:
    played = green_visit(recorder(store))
    trace = store.load(played.visit)
    assert trace.first_seen_at == START
    assert [r.at_s for r in trace.reads] == [0.3, 0.6, 0.9, 1.2, 41.0]
    assert trace.reads[1].plates == (plate_read("粤B12845", 0.4, 70),)
    assert trace.reads[1].ms == {"detect": 12.5, "recognise": 3.25}
    assert [v.vote.certain for v in trace.votes] == [False, True]
    (answer,) = trace.answers
    assert (answer.asked_s, answer.answered_s, answer.reason) == (1.21, 1.25, Reason.OK)
    assert [(c.at_s, c.colour) for c in trace.lamp] == [
        (0.1, LampColour.RED),
        (1.26, LampColour.GREEN),
        (40.1, LampColour.RED),
    ]
    assert [(f.started_s, f.ended_s, f.report) for f in trace.fuellings] == [(10.0, 40.0, fuelling(played.visit))]
    assert trace.summary is not None
    assert (trace.plate, trace.summary.decision, trace.summary.gone_s) == (PLATE, Verdict.ALLOW, 45.0)
    assert [c.at_s for c in trace.summary.lamp] == pytest.approx([0.1, 1.26, 40.1])


def test_a_trace_that_calls_characters_signs_is_read(store: TraceStore) -> None:
    trace = store.load(green_visit(recorder(store)).visit)
    old = json.dumps(to_json(trace)).replace('"character":', '"sign":')
    reads = [
        {**read, "plates": [{("signs" if k == "characters" else k): v for k, v in p.items()} for p in read["plates"]]}
        for read in json.loads(old)["reads"]
    ]
    assert '"signs"' in json.dumps(reads)
    assert from_json(VisitTrace, {**json.loads(old), "reads": reads}) == trace


def test_first_best_and_last_frames_are_kept(store: TraceStore) -> None:
    played = green_visit(recorder(store))
    trace = store.load(played.visit)
    assert {(p.frame, p.role) for p in trace.pictures} == {(2, "first"), (3, "best"), (5, "last")}
    folder = store.find(played.visit)
    for picture in trace.pictures:
        image = decode_jpeg((folder / picture.file).read_bytes())
        assert image.shape == (720, 1280, 3)
        assert abs(int(image[0, 0, 0]) - picture.frame) <= 2


def test_the_best_frame_shows_the_plate_that_was_asked_about(store: TraceStore) -> None:
    neighbour = plate_read("沪A8K526", 0.999, 300)
    played = PlayedVisit(recorder(store)).opened().read(0.3, neighbour).asked(0.4)
    played.read(0.6, plate_read()).read(0.9, neighbour).closed(9, PLATE, Verdict.ALLOW, Reason.OK)
    assert {(p.frame, p.role) for p in store.load(played.visit).pictures} == {(1, "first"), (2, "best"), (3, "last")}


@pytest.mark.parametrize(("count", "kept"), [(0, 0), (1, 1), (2, 2), (5, 4), (10, 5)])
def test_as_many_pictures_as_wanted(store: TraceStore, count: int, kept: int) -> None:
    played = green_visit(recorder(store, count))
    assert len(list(store.find(played.visit).glob("*.jpg"))) == kept


def test_a_visit_without_a_plate_keeps_frames_too(store: TraceStore) -> None:
    played = PlayedVisit(recorder(store)).opened().read(0.3).read(0.6).closed(9, None, Verdict.REFUSE, Reason.NO_PLATE)
    assert [p.frame for p in store.load(played.visit).pictures] == [1, 2]


def test_a_unit_that_dies_in_a_visit_has_left_what_it_knew(store: TraceStore) -> None:
    played = PlayedVisit(recorder(store)).opened().read(0.3, plate_read()).asked(0.4)
    played.answered(0.5, None, Reason.SERVICE_SILENT, "no answer in time")
    trace = store.load(played.visit)
    assert trace.summary is None
    assert trace.answers[0].detail == "no answer in time"


def test_a_fuelling_that_ends_after_its_visit_is_added(store: TraceStore) -> None:
    listener = recorder(store)
    played = green_visit(listener, fuels=False)
    listener.fuelling_ended(played.visit, fuelling(played.visit), played.start_s + 50)
    trace = store.load(played.visit)
    assert [f.ended_s for f in trace.fuellings] == [50.0]
    assert trace.pictures, "the pictures stay"


@pytest.mark.parametrize("between", [0, 10])
def test_the_receipt_finds_its_visit(store: TraceStore, between: int) -> None:
    listener = recorder(store)
    played = green_visit(listener)
    for n in range(between):
        refused_visit(listener, visit=f"other-{n}")
    assert len(listener._visits) <= RECENT, "closed visits and their frames are let go"
    listener.charged(*charged(played.visit))
    trace = store.load(played.visit)
    assert [f.receipt for f in trace.fuellings] == [RECEIPT]
    assert len(trace.pictures) == 3


def test_a_receipt_without_a_trace_is_no_trouble(store: TraceStore) -> None:
    refused_visit(recorder(store))
    recorder(store).charged(*charged("never-seen"))


def test_a_vehicle_that_stands_all_day_stays_small(store: TraceStore) -> None:
    listener = recorder(store)
    played = PlayedVisit(listener).opened()
    for n in range(MOST_READS * 3):
        played.read(n, plate_read(), size=(8, 8))
        listener.noted(played.visit, "x" * 50, 100.0 + n)
    played.closed(1e4, PLATE, Verdict.REFUSE, Reason.UNSURE)
    trace = store.load(played.visit)
    assert len(trace.reads) == MOST_READS
    assert trace.dropped_reads == MOST_READS * 2
    assert (trace.reads[0].at_s, trace.reads[-1].at_s) == (0.0, MOST_READS * 3 - 1.0)
    assert (store.find(played.visit) / "trace.json").stat().st_size < 300_000


def test_pictures_go_after_three_days_and_records_after_ninety(store: TraceStore, clock: ManualClock) -> None:
    old = green_visit(recorder(store), visit="old")
    clock.advance(timedelta(hours=71).total_seconds())
    store.sweep()
    assert len(list(store.find(old.visit).glob("*.jpg"))) == 3
    clock.advance(timedelta(hours=2).total_seconds())
    new = green_visit(recorder(store), visit="new", first_seen_at=clock.now())
    store.sweep()
    assert not list(store.find(old.visit).glob("*.jpg"))
    assert len(list(store.find(new.visit).glob("*.jpg"))) == 3
    assert store.load(old.visit).plate == PLATE
    clock.advance(timedelta(days=88).total_seconds())
    store.sweep()
    with pytest.raises(TraceError):
        store.load(old.visit)
    assert store.load(new.visit).plate == PLATE
    assert len(list(store.root.iterdir())) == 1, "an empty day is tidied away"


def test_a_visit_of_before_the_clock_was_set_is_kept_as_long_as_others(store: TraceStore, clock: ManualClock) -> None:
    """A board without a battery wakes up in 1970; what it recorded until it heard the time went with the next sweep."""
    now = clock.now()
    clock.set_wall(datetime(1970, 1, 1, 1, tzinfo=UTC))
    early = green_visit(recorder(store), visit="early", first_seen_at=clock.now())
    store.sweep()
    clock.set_wall(now)
    later = green_visit(recorder(store), visit="later", first_seen_at=clock.now())
    store.sweep()
    assert len(list(store.find(early.visit).glob("*.jpg"))) == 3
    assert store.load("last").visit == later.visit
    clock.advance(timedelta(hours=73).total_seconds())
    store.sweep()
    assert not list(store.find(early.visit).glob("*.jpg"))
    clock.advance(timedelta(days=88).total_seconds())
    store.sweep()
    with pytest.raises(TraceError):
        store.load(early.visit)


def test_a_clock_that_is_years_ahead_until_it_hears_the_time_takes_no_record(
    store: TraceStore, clock: ManualClock
) -> None:
    visit = green_visit(recorder(store))
    now = clock.now()
    clock.set_wall(now + timedelta(days=4000))
    booted = TraceStore(store.root, clock)
    for _ in range(2):  # as a unit that wakes up with that clock, and as one that is set to it while it runs
        for one in (booted, store):
            one.sweep()
        clock.advance(1_700)
    assert store.load(visit.visit).plate == PLATE
    clock.set_wall(now + timedelta(hours=1))
    clock.advance(timedelta(days=1).total_seconds())
    for one in (booted, store):
        one.sweep()
        assert one.load(visit.visit).plate == PLATE
    clock.advance(timedelta(days=90).total_seconds())
    booted.sweep()
    with pytest.raises(TraceError):
        booted.load(visit.visit)


def test_the_oldest_pictures_go_when_it_is_too_much(tmp_path: Path, clock: ManualClock) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (720, 1280, 3), np.uint8)
    store = TraceStore(tmp_path, clock, TraceLimits(max_mb=3))
    listener = TraceRecorder(store, InlineWorker[OSError | None](), lambda image: encode_jpeg(noise), 1, "r")
    for n in range(8):
        refused_visit(listener, visit=f"v{n}", first_seen_at=START + timedelta(minutes=n))
        clock.advance(60)
    left = [bool(list(store.find(f"v{n}").glob("*.jpg"))) for n in range(8)]
    assert left == sorted(left)
    assert 1 <= sum(left) < 8
    total = sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file())
    assert total < 3.8 * 2**20


def test_a_full_disk_is_told_once_and_stops_nothing(
    store: TraceStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(store.root.parent)
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10 * 2**20))
        listener = recorder(store)
        for n in range(5):
            green_visit(listener, visit=f"full-{n}")
    assert len([r for r in caplog.records if r.levelname == "ERROR"]) == 1
    assert "only 10 MB free" in caplog.text
    green_visit(listener, visit="after")
    assert "written again" in caplog.text
    assert [t.visit for t in store.recent(10)] == ["after"]


def test_a_picture_that_cannot_be_encoded_stops_nothing(store: TraceStore, caplog: pytest.LogCaptureFixture) -> None:
    def broken(image: object) -> bytes:
        raise ValueError("no picture")

    listener = TraceRecorder(store, InlineWorker[OSError | None](), broken, 3, "r")
    green_visit(listener)
    assert "a trace is lost" in caplog.text


def test_events_of_no_visit_are_no_trouble(store: TraceStore) -> None:
    listener = recorder(store)
    PlayedVisit(listener, visit="never opened").read(1, plate_read()).voted(1, None).asked(1).closed(  # type: ignore[arg-type]
        2, None, Verdict.REFUSE, Reason.UNSURE
    )
    listener.noted(None, "x", 1.0)
    listener.fuelling_ended(None, None, 1.0)
    assert store.recent(5) == []


def test_a_visit_is_found_by_part_of_its_id(store: TraceStore) -> None:
    listener = recorder(store)
    for n, name in enumerate(("lane-1-a1", "lane-1-a2", "lane-1-b3")):
        refused_visit(listener, visit=name, first_seen_at=START + timedelta(minutes=n))
    assert store.load("b3").visit == store.load("last").visit == "lane-1-b3"
    assert [t.visit for t in store.recent(2)] == ["lane-1-b3", "lane-1-a2"]
    with pytest.raises(TraceError, match="several"):
        store.load("lane-1-a")
    with pytest.raises(TraceError, match=r"no visit has that id; the latest are: lane-1-b3"):
        store.load("zzz")


def test_a_damaged_trace_is_a_clear_error(store: TraceStore) -> None:
    played = refused_visit(recorder(store))
    file = store.find(played.visit) / "trace.json"
    whole = json.loads(file.read_text())
    for bad in ("", "[]", '{"visit": 3}', json.dumps({**whole, "lamp": [{"at_s": "soon"}]})):
        file.write_text(bad)
        with pytest.raises(TraceError):
            store.load("last")
        assert store.recent(3) == []
    file.write_text(json.dumps({**whole, "a_field_of_tomorrow": 1}))
    assert store.load("last").visit == played.visit


@given(st.text(max_size=200))
def test_no_visit_id_leads_out_of_the_folder(visit: str) -> None:
    name = safe_name(visit)
    assert name not in ("", ".", "..")
    assert "/" not in name
    assert "\0" not in name


def test_json_and_back_is_the_same(store: TraceStore) -> None:
    played = green_visit(recorder(store))
    trace = store.load(played.visit)
    assert from_json(VisitTrace, json.loads(json.dumps(to_json(trace)))) == trace


def test_files_are_not_for_everybody(store: TraceStore) -> None:
    played = green_visit(recorder(store))
    for path in store.find(played.visit).iterdir():
        assert path.stat().st_mode & 0o007 == 0
