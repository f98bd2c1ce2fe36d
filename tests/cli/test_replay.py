"""Replay: kept frames through another reader, and the difference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from controller.clock import ManualClock
from controller.records import PlateRead, Reading, Region
from controller.settings_records import Settings
from controller.traces.recorder import TraceRecorder
from controller.traces.records import VisitTrace
from controller.traces.store import TraceStore
from controller.worker import InlineWorker
from greenlane import cli
from greenlane.cli import replay
from hardware.jpeg import encode_jpeg
from tests.controller.visits import PLATE, START, green_visit, plate_read


class Scripted:
    """A reader that finds the same plates in every picture."""

    name = "scripted reader"

    def __init__(self, *plates: PlateRead) -> None:
        self.plates = plates
        self.shapes: list[tuple[int, ...]] = []

    def read(self, image: Any, region: Region | None = None) -> Reading:
        self.shapes.append(image.shape)
        return Reading(self.plates, {"detect": 2.0, "recognise": 1.0})


@pytest.fixture
def store(tmp_path: Path) -> TraceStore:
    store = TraceStore(tmp_path / "traces", ManualClock(START))
    green_visit(TraceRecorder(store, InlineWorker[OSError | None](), encode_jpeg, 3, "reader of then"), visit="one")
    return store


def test_each_kept_frame_is_compared(store: TraceStore) -> None:
    reader = Scripted(plate_read())
    compared = replay.compare(store.load("one"), store.find("one"), reader, Settings())
    assert reader.shapes == [(720, 1280, 3)] * 3
    assert [(c.then.text if c.then else None, c.now.text if c.now else None, c.same) for c in compared] == [
        ("粤B12845", PLATE, False),
        (PLATE, PLATE, True),
        (PLATE, PLATE, True),
    ]
    assert [c.ms for c in compared] == [3.0] * 3


def test_a_reader_that_finds_nothing_differs(store: TraceStore) -> None:
    compared = replay.compare(store.load("one"), store.find("one"), Scripted(), Settings())
    assert [c.same for c in compared] == [False] * 3


def test_the_vote_is_counted_up_to_its_decision(store: TraceStore) -> None:
    again = replay.vote_again(store.load("one"), Settings())
    assert again.candidate == PLATE
    assert again.reads == 2, "the read after the decision does not count"


def test_the_command_prints_the_difference(
    store: TraceStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from greenlane import wiring

    monkeypatch.setattr(wiring, "reader_of", lambda settings: Scripted(plate_read()))
    words = ["replay", "one", "--traces", str(store.root)]
    assert cli.main(words) == 1, "one text differs"
    out = capsys.readouterr().out
    assert "DIFFER     0.60 s  then 粤B12845 40%" in out
    assert out.count("same  ") == 2
    assert "vote then: certain of 粤B12345" in out
    assert cli.main([*words, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert [f["same"] for f in document["frames"]] == [False, True, True]
    assert (document["reader_then"], document["reader_now"]) == ("reader of then", "scripted reader")


def test_a_damaged_picture_and_pictures_that_are_gone_are_told(
    store: TraceStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from greenlane import wiring

    monkeypatch.setattr(wiring, "reader_of", lambda settings: Scripted())
    words = ["replay", "one", "--traces", str(store.root)]
    for picture in store.find("one").glob("*.jpg"):
        picture.write_bytes(b"no picture")
    assert cli.main(words) == 1
    assert "a kept picture is damaged" in capsys.readouterr().err
    for picture in store.find("one").glob("*.jpg"):
        picture.unlink()
    assert cli.main(words) == 1
    assert "its pictures have all been deleted" in capsys.readouterr().err


def test_of_a_visit_that_never_ended_no_picture_was_deleted(
    store: TraceStore, capsys: pytest.CaptureFixture[str]
) -> None:
    store.write(VisitTrace("stopped", START, "reader of then"), {})
    assert cli.main(["replay", "stopped", "--traces", str(store.root)]) == 1
    assert "no picture was kept: they are written when a visit is over" in capsys.readouterr().err


def test_a_page_is_of_one_visit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The list was printed, and the page that was asked for never written."""
    page = tmp_path / "why.html"
    assert cli.main(["explain", "--list", "--html", str(page), "--traces", str(tmp_path)]) == 1
    assert "--html writes one VISIT" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["explain", "replay"])
def test_an_empty_name_is_no_part_of_every_id(
    command: str, store: TraceStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([command, " ", "--traces", str(store.root)]) == 1
    assert f"greenlane {command}: an empty name: give the id of a visit" in capsys.readouterr().err
