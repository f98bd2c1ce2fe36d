"""Explanations: the link that failed, every step, and what to do."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from controller.clock import ManualClock
from controller.records import LampColour
from controller.traces.recorder import TraceRecorder
from controller.traces.store import TraceStore
from controller.worker import InlineWorker
from greenlane import cli, language
from greenlane.report.explanation import REMEDIES, LinkOutcome, explain
from hardware.jpeg import encode_jpeg
from tests.controller.traces.test_traces import charged
from tests.controller.visits import (
    CERTAIN,
    PLATE,
    START,
    UNSURE,
    PlayedVisit,
    allowed,
    green_visit,
    plate_read,
    refused_visit,
)
from wire.reasons import Reason, Verdict


@pytest.fixture
def store(tmp_path: Path) -> TraceStore:
    return TraceStore(tmp_path / "traces", ManualClock(START))


@pytest.fixture
def listener(store: TraceStore) -> TraceRecorder:
    return TraceRecorder(store, InlineWorker[OSError | None](), encode_jpeg, 3, "reader 1")


def test_a_green_visit_is_all_good(store: TraceStore, listener: TraceRecorder) -> None:
    played = green_visit(listener)
    listener.charged(*charged(played.visit))
    explanation = explain(store.load("last"))
    assert explanation.headline == f"GREEN: {PLATE}"
    assert [link.outcome for link in explanation.links] == [LinkOutcome.GOOD] * 6
    texts = [step.text for step in explanation.steps]
    assert texts[0] == "a vehicle came into view"
    assert "read 粤B12845 once, 70 px wide, weakest character 2 40%" in texts
    assert "allowed up to 200.00 yuan" in texts
    assert "the nozzle was hung up: 20.50 L of 92 for 164.00 yuan" in texts
    assert "charged 164.00 yuan, balance 836.00 yuan" in texts
    assert texts[-1] == "the vehicle left"
    assert [s.at_s for s in explanation.steps] == sorted(s.at_s for s in explanation.steps)


def test_what_a_phone_pays_is_told_as_such(store: TraceStore, listener: TraceRecorder) -> None:
    message, receipt = charged(green_visit(listener).visit)
    listener.charged(message, {**receipt, "balance_fen": None, "by_phone": True})
    texts = [step.text for step in explain(store.load("last")).steps]
    assert "charged 164.00 yuan, by phone" in texts
    assert language.catalogue("zh").sentence("charged 164.00 yuan, by phone") == "手机扣款 164.00 元"


def test_a_read_that_several_frames_made_together_is_told_once(store: TraceStore, listener: TraceRecorder) -> None:
    together = replace(plate_read(probability=0.99), frames=6)
    played = (
        PlayedVisit(listener).opened().read(0.3, plate_read(probability=0.4)).read(0.8, together).read(1.3, together)
    )
    played.closed(9, None, Verdict.REFUSE, Reason.UNSURE)
    told = [(step.at_s, step.text) for step in explain(store.load("last")).steps if "as one" in step.text]
    assert told == [(0.8, f"6 frames read as one: {together.text}")]


def unseen(listener: TraceRecorder) -> PlayedVisit:
    return PlayedVisit(listener).opened().read(0.3).read(2).closed(9, None, Verdict.REFUSE, Reason.NO_PLATE)


def unsure(listener: TraceRecorder) -> PlayedVisit:
    played = PlayedVisit(listener).opened().read(0.3, plate_read(probability=0.3)).voted(0.3, UNSURE)
    return played.closed(9, None, Verdict.REFUSE, Reason.UNSURE)


def blind(listener: TraceRecorder) -> PlayedVisit:
    played = PlayedVisit(listener).opened().read(0.3, plate_read()).voted(0.3, CERTAIN)
    played.shines(0.5, LampColour.RED, Reason.CAMERA_LOST)
    return played.closed(9, None, Verdict.REFUSE, Reason.CAMERA_LOST)


def silent(listener: TraceRecorder) -> PlayedVisit:
    played = PlayedVisit(listener).opened().read(0.3, plate_read()).voted(0.3, CERTAIN).asked(0.4)
    played.answered(3.4, None, Reason.SERVICE_SILENT, "no complete answer within 3 s")
    return played.closed(9, PLATE, Verdict.REFUSE, Reason.SERVICE_SILENT)


def poor(listener: TraceRecorder) -> PlayedVisit:
    return refused_visit(listener)


def dark(listener: TraceRecorder) -> PlayedVisit:
    played = PlayedVisit(listener).opened().read(0.3, plate_read()).voted(0.3, CERTAIN).asked(0.4)
    played.answered(0.5, allowed(played.visit), Reason.OK)
    return played.closed(9, PLATE, Verdict.ALLOW, Reason.OK)


@pytest.mark.parametrize(
    ("tell", "link", "headline"),
    [
        (unseen, "plate seen", "RED: no certain plate"),
        (unsure, "reads agree", "RED: no certain plate"),
        (blind, "camera", "RED: no certain plate"),
        (silent, "service answers", f"RED: {PLATE}"),
        (poor, "it allows", f"RED: {PLATE}"),
        (dark, "lamp green", f"ALLOWED, but the lamp never turned green: {PLATE}"),
    ],
)
def test_the_link_that_failed_is_named(
    store: TraceStore, listener: TraceRecorder, tell: Any, link: str, headline: str
) -> None:
    tell(listener)
    explanation = explain(store.load("last"))
    assert [one.name for one in explanation.links if one.outcome is LinkOutcome.BAD] == [link]
    assert explanation.headline == headline
    assert explanation.remedy
    assert explanation.chinese


def test_one_read_is_not_several(store: TraceStore, listener: TraceRecorder) -> None:
    seen = PlayedVisit(listener).opened().read(0.2, plate_read())
    seen.voted(0.2, replace(UNSURE, reads=1)).closed(9, None, Verdict.REFUSE, Reason.UNSURE)
    told = {link.name: link.detail for link in explain(store.load("last")).links}
    assert told["camera"] == "1 frame read, 1280x720"
    assert told["reads agree"] == f"{PLATE}, 1 read, weakest character 50%: the weakest character is too weak"
    chinese = language.catalogue("zh").sentence
    assert chinese(told["camera"]) == "识别 1 帧，1280x720"
    assert chinese(told["reads agree"]) == f"{PLATE}，识别 1 次，最弱字符 50%：最弱字符没有把握"


def test_a_typed_plate_does_not_blame_the_reader(store: TraceStore, listener: TraceRecorder) -> None:
    played = PlayedVisit(listener).opened().read(0.3, plate_read(probability=0.2)).voted(0.3, UNSURE)
    played.asked(8, typed=True).answered(8.1, allowed(played.visit), Reason.OK)
    played.shines(8.2, LampColour.GREEN, Reason.OK)
    played.closed(30, PLATE, Verdict.ALLOW, Reason.OK, typed=True)
    explanation = explain(store.load("last"))
    assert explanation.headline == f"GREEN: {PLATE}"
    assert not any(one.outcome is LinkOutcome.BAD for one in explanation.links)


def test_a_visit_cut_short_says_so(store: TraceStore, listener: TraceRecorder) -> None:
    played = PlayedVisit(listener).opened().read(0.3, plate_read()).voted(0.3, CERTAIN).asked(0.4)
    played.answered(0.5, allowed(played.visit), Reason.OK)
    explanation = explain(store.load("last"))
    assert explanation.headline == "UNFINISHED: 粤B12345"
    assert "in the middle of this visit" in explanation.english
    assert "greenlane doctor" in explanation.remedy


def test_every_reason_has_a_remedy() -> None:
    assert set(REMEDIES) == set(Reason)


def test_the_command_explains_lists_and_writes_a_page(
    store: TraceStore, listener: TraceRecorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    green_visit(listener, visit="one")
    refused_visit(listener, visit="two", first_seen_at=START + timedelta(minutes=5))
    where = ["--traces", str(store.root)]
    assert cli.main(["explain", "last", *where]) == 0
    out = capsys.readouterr().out
    assert "RED: 粤B12345" in out
    assert "余额不足" in out
    assert "What to do: Top the card up" in out
    assert "FAIL  it allows" in out
    assert cli.main(["explain", "--list", *where]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines] == ["two", "one"]
    page = tmp_path / "why.html"
    assert cli.main(["explain", "one", *where, "--html", str(page)]) == 0
    html = page.read_text()
    assert html.count("data:image/jpeg;base64,") == 3
    assert "http" not in html.replace("http-equiv", "")
    capsys.readouterr()
    assert cli.main(["explain", "one", *where, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["visit"] == "one"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["explain"], "name one VISIT"),
        (["explain", "x", "--list"], "name one VISIT"),
        (["explain", "last", "--traces", "/nowhere"], "no such folder"),
    ],
)
def test_wrong_use_is_told(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 1
    assert said in capsys.readouterr().err


def test_a_page_without_its_pictures_says_that_they_are_gone(
    store: TraceStore, listener: TraceRecorder, tmp_path: Path
) -> None:
    green_visit(listener, visit="one")
    for picture in store.find("one").glob("*.jpg"):
        picture.unlink()
    assert cli.main(["explain", "one", "--traces", str(store.root), "--html", str(tmp_path / "x.html")]) == 0
    assert "deleted after their time" in (tmp_path / "x.html").read_text()


def test_hostile_text_in_a_trace_is_shown_not_run(store: TraceStore, listener: TraceRecorder, tmp_path: Path) -> None:
    played = refused_visit(listener)
    file = store.find(played.visit) / "trace.json"
    file.write_text(file.read_text().replace("reader 1", "<script>alert(1)</script>"))
    assert cli.main(["explain", "last", "--traces", str(store.root), "--html", str(tmp_path / "x.html")]) == 0
    assert "<script>" not in (tmp_path / "x.html").read_text()


DAMAGED: tuple[Any, ...] = (None, -1, 10**400, float("nan"), float("inf"), "x", "\ud800", [], {}, True, [None])


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value of a JSON document, itself included."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from leaves(part, (*path, key))


def with_value(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    holder = document.copy()
    holder[path[0]] = with_value(document[path[0]], path[1:], value)
    return holder


@pytest.mark.slow
def test_a_damaged_trace_is_told_in_one_line(
    store: TraceStore, listener: TraceRecorder, capsys: pytest.CaptureFixture[str]
) -> None:
    played = green_visit(listener)
    listener.charged(*charged(played.visit))
    file = store.find("last") / "trace.json"
    whole = json.loads(file.read_bytes())
    ways = list(leaves(whole))
    texts = [json.dumps(with_value(whole, way, DAMAGED[n % len(DAMAGED)])) for n, way in enumerate(ways)]
    damaged = 0
    for text in [*texts, "", "{", "[" * 100_000, "null", "1" * 5000]:
        file.write_text(text, encoding="utf-8")
        status = cli.main(["explain", "last", "--traces", str(store.root)])
        printed = capsys.readouterr()
        (printed.out + printed.err).encode()
        if status:
            damaged += 1
            assert (printed.out, printed.err.count("\n")) == ("", 1)
            assert played.visit in printed.err
    assert damaged > len(ways) / 2


def test_a_page_is_never_written_over_a_trace_and_takes_no_file_from_elsewhere(
    store: TraceStore, listener: TraceRecorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = store.find(green_visit(listener).visit)
    where = ["explain", "last", "--traces", str(store.root), "--html"]
    before = (folder / "trace.json").read_bytes()
    os.mkfifo(tmp_path / "pipe")
    letter = tmp_path / "letter.html"
    letter.write_text("<!doctype html><html><title>mine</title>")
    for target in (folder / "trace.json", tmp_path, tmp_path / "absent" / "x.html", tmp_path / "pipe", letter):
        assert cli.main([*where, str(target)]) == 1
    assert "mine" in letter.read_text()
    assert (folder / "trace.json").read_bytes() == before
    secret = tmp_path / "secret"
    secret.write_bytes(b"not for others")
    trace = json.loads(before)
    trace["pictures"][0]["file"] = str(secret)
    (folder / "trace.json").write_text(json.dumps(trace), encoding="utf-8")
    for _ in range(2):
        assert cli.main([*where, str(tmp_path / "x.html")]) == 0
    assert base64.b64encode(secret.read_bytes()).decode() not in (tmp_path / "x.html").read_text(encoding="utf-8")
