"""What the lane tells its station and does for it: best effort, nothing twice, nothing lost that still matters."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from controller.clock import ManualClock
from controller.errors import HardwareError, ServiceSilent
from controller.outbound.outbox import Message, MessageState, Outbox
from controller.outbound.statefile import StateFile
from controller.records import (
    CharacterRead,
    Colour,
    Frame,
    LampChange,
    LampColour,
    PlateRead,
    Reading,
    VisitSummary,
    Vote,
)
from controller.telling.panel import LanePanel
from controller.telling.reporter import Reporter, ReporterSettings
from controller.telling.unit_messages import UnitMessages
from controller.telling.visit_reports import MOST_LINES, VisitReports
from tests.controller.lanes import AT, NOW_S, PATHS, PLATE, allow, walk
from tests.controller.plates import corners
from wire.codec import decode, encode
from wire.live import LaneStatus, Order, OrderKind, OrderOutcome, OrderResult, Stage, VisitReport
from wire.questions import Question
from wire.reasons import Reason, Verdict


class Line:
    """A StationLink that remembers, and is silent when told so."""

    def __init__(self) -> None:
        self.silent = False
        self.statuses: list[LaneStatus] = []
        self.visits: list[VisitReport] = []
        self.waiting: list[Order] = []
        self.done: list[OrderOutcome] = []

    def _speak(self) -> None:
        if self.silent:
            raise ServiceSilent("nobody there")

    def tell_status(self, status: LaneStatus, deadline_s: float) -> None:
        self._speak()
        self.statuses.append(decode(LaneStatus, encode(status)))

    def tell_visit(self, report: VisitReport, deadline_s: float) -> None:
        self._speak()
        self.visits.append(decode(VisitReport, encode(report)))

    def orders(self, done: tuple[OrderOutcome, ...], wait_s: float, deadline_s: float) -> tuple[Order, ...]:
        self._speak()
        self.done += done
        return tuple(self.waiting)

    def close(self) -> None: ...


class Worker:
    """A reporter with everything around it."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.state = StateFile(folder / "lane.sqlite3", self.clock)
        self.outbox = Outbox(self.state, self.clock)
        self.panel = LanePanel("S1", "L1", self.clock, lambda: None, lambda: None)
        self.visit_reports = VisitReports("S1", "L1", self.clock)
        self.link = Line()
        self.woken = 0
        self.messages = UnitMessages(self.outbox, self._wake_courier)
        self.reporter = Reporter(self.link, self.panel, self.visit_reports, self.messages, self.clock, _encode)

    def _wake_courier(self) -> None:
        self.woken += 1

    def park(self) -> Message:
        number = self.outbox.put("fuelling", "D1/1", {"a": 1})
        self.outbox.park(number, "impossible_fuelling", "its end is below its start")
        return self.outbox.parked()[0]


def _encode(image: Any) -> bytes:
    if image is None:
        raise HardwareError("no picture")
    return b"\xff\xd8\xff" + bytes(image)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    made = Worker(tmp_path)
    yield made
    made.state.close()


def frame(number: int, image: Any = b"x") -> Frame:
    return Frame(number, image, NOW_S + number, AT)


def read(probability: float, plate: str = PLATE) -> Reading:
    characters = tuple(CharacterRead(character, probability) for character in plate)
    return Reading((PlateRead(characters, corners(), Colour.BLUE, "blue", 1, 0.9),))


def asked_about(plate: str) -> Question:
    return Question(
        visit="v1", station="S1", lane="L1", plate=plate, typed=False, captured_at=AT, confidence=0.9, weakest=0.9
    )


def visit(worker: Worker) -> None:
    """A visit that turns green."""
    visit_reports = worker.visit_reports
    visit_reports.visit_opened("v1", NOW_S, AT)
    visit_reports.frame_read("v1", frame(1, b"dim"), read(0.7))
    visit_reports.frame_read("v1", frame(2, b"clear"), read(0.99))
    visit_reports.voted("v1", Vote(PLATE, Reason.OK, PLATE, 0.99, 0.98, 3, "all agree"), NOW_S + 2)
    visit_reports.asked("v1", asked_about(PLATE), NOW_S + 2)
    visit_reports.answered("v1", allow(), Reason.OK, "", NOW_S + 2.1)
    visit_reports.lamp_changed("v1", LampChange(NOW_S + 2.1, LampColour.GREEN), Reason.OK)


def test_a_status_goes_out_at_a_change_and_now_and_then(worker: Worker) -> None:
    worker.reporter.tell_once()
    assert worker.link.statuses == []
    worker.panel.saw(walk(PATHS["green"])[0], NOW_S)
    worker.reporter.tell_once()
    worker.reporter.tell_once()
    assert [s.plate for s in worker.link.statuses] == [PLATE]
    worker.clock.advance(10.0)
    worker.reporter.tell_once()
    assert len(worker.link.statuses) == 2


def test_parked_messages_are_told_with_their_reason(worker: Worker) -> None:
    message = worker.park()
    worker.panel.saw(walk(PATHS["empty"])[0], NOW_S)
    worker.reporter.tell_once()
    received = worker.link.statuses[0].parked[0]
    assert (received.id, received.reason, received.detail) == (
        message.id,
        "impossible_fuelling",
        "its end is below its start",
    )


def test_a_visit_is_told_from_frame_to_lamp_with_its_best_picture_once(worker: Worker) -> None:
    visit(worker)
    worker.reporter.tell_once()
    report = worker.link.visits[0]
    stages = [link.stage for link in report.story]
    assert stages == [Stage.SEEN, Stage.READ, Stage.READ, Stage.VOTED, Stage.ASKED, Stage.ANSWERED, Stage.LAMP]
    assert (report.plate, report.decision, report.limit_fen) == (PLATE, Verdict.ALLOW, 10_000)
    assert report.picture == "/9j/Y2xlYXI="
    worker.visit_reports.noted("v1", "something", NOW_S + 3)
    worker.reporter.tell_once()
    assert worker.link.visits[1].picture is None


def test_how_many_reads_agree_is_said_once_and_in_english(worker: Worker) -> None:
    worker.visit_reports.visit_opened("v1", NOW_S, AT)
    said = {
        1: "only 1 of 3 reads agree",
        2: "the text has no plate's format",
        3: "3 reads agree",
        0: "no plate was seen",
    }
    for reads, detail in said.items():
        worker.visit_reports.voted("v1", Vote(None, Reason.UNSURE, PLATE, 0.4, 0.5, reads, detail), NOW_S)
    worker.visit_reports.voted("v1", Vote(None, Reason.UNSURE, PLATE, 0.4, 0.5, 1, said[2]), NOW_S)
    worker.reporter.tell_once()
    (report,) = worker.link.visits
    assert [line.words for line in report.story if line.stage is Stage.VOTED] == [
        "only 1 of 3 reads agree",
        "2 reads agree, the text has no plate's format",
        "3 reads agree",
        "no plate was seen",
        "1 read, the text has no plate's format",
    ]


def test_the_picture_of_a_visit_is_never_of_the_vehicle_behind(worker: Worker) -> None:
    visit(worker)
    worker.visit_reports.frame_read("v1", frame(3, b"next vehicle"), read(0.999, "沪A8K526"))
    worker.reporter.tell_once()
    assert [v.picture for v in worker.link.visits] == ["/9j/Y2xlYXI="]


def test_a_better_read_vehicle_gives_way_to_the_one_that_was_asked_about(worker: Worker) -> None:
    worker.visit_reports.visit_opened("v1", NOW_S, AT)
    worker.visit_reports.frame_read("v1", frame(1, b"neighbour"), read(0.999, "沪A8K526"))
    worker.visit_reports.asked("v1", asked_about(PLATE), NOW_S + 2)
    worker.visit_reports.frame_read("v1", frame(2, b"clear"), read(0.9))
    worker.visit_reports.frame_read("v1", frame(3, b"neighbour"), read(0.999, "沪A8K526"))
    worker.reporter.tell_once()
    assert [v.picture for v in worker.link.visits] == ["/9j/Y2xlYXI="]


def test_what_could_not_be_told_is_told_later_with_its_picture(worker: Worker) -> None:
    visit(worker)
    worker.link.silent = True
    with pytest.raises(ServiceSilent):
        worker.reporter.tell_once()
    worker.link.silent = False
    worker.reporter.tell_once()
    assert [v.picture for v in worker.link.visits] == ["/9j/Y2xlYXI="]


def test_the_charge_comes_after_the_visit(worker: Worker) -> None:
    visit(worker)
    summary = VisitSummary("v1", PLATE, False, Verdict.ALLOW, Reason.OK, AT, NOW_S, NOW_S, NOW_S, NOW_S + 60, ())
    worker.visit_reports.visit_closed(summary)
    receipt = {
        "dispenser": "D1",
        "sequence": 1,
        "charged_fen": 6400,
        "captured_fen": 6400,
        "overrun_fen": 0,
        "released_fen": 3600,
        "balance_fen": None,
        "flags": [],
    }
    now = datetime(2026, 1, 1, tzinfo=UTC)
    body = {"visit": "v1"}
    message = Message(1, "fuelling", "D1/1", body, MessageState.SENT, now, 1, None, None, now, receipt)
    received = worker.visit_reports.charged(message, receipt)
    assert received is not None
    assert (received[0], received[1].charged_fen) == ("v1", 6400)
    worker.reporter.tell_once()
    report = worker.link.visits[0]
    assert (report.over, report.charged_fen, report.story[-1].stage) == (True, 6400, Stage.CHARGED)


def test_a_long_visit_stays_within_what_one_report_may_hold(worker: Worker) -> None:
    visit(worker)
    for number in range(300):
        worker.visit_reports.noted("v1", f"note {number} " + "长" * 300, NOW_S + number)
    worker.reporter.tell_once()
    story = worker.link.visits[0].story
    assert (len(story), story[0].stage, story[-1].words[:8]) == (
        MOST_LINES,
        Stage.SEEN,
        "note 299",
    )


def test_orders_are_done_once_and_their_outcome_told(worker: Worker) -> None:
    message = worker.park()
    worker.link.waiting = [Order(id="7", kind=OrderKind.DISCARD, by="wang", message=message.id, why="counted twice")]
    for _ in range(3):
        worker.reporter.listen_once()
    assert [(d.order, d.result) for d in worker.link.done] == [("7", OrderResult.TAKEN)] * 2
    action = worker.outbox.actions(message.id)
    assert [(a.action, a.who, a.why) for a in action] == [("discard", "wang", "counted twice")]
    assert worker.woken == 1


def test_an_order_that_cannot_be_done_says_why(worker: Worker) -> None:
    worker.link.waiting = [Order(id="8", kind=OrderKind.RETRY, by="wang", message=99)]
    worker.reporter.listen_once()
    worker.link.waiting = []
    worker.reporter.listen_once()
    assert [(d.result, d.detail) for d in worker.link.done] == [
        (OrderResult.FAILED, "message 99: not one that was refused for good")
    ]


def test_where_one_worker_is_heard_the_other_tries_at_once(worker: Worker) -> None:
    """A status that went through makes panels take plates for the lane: it must not be deaf to them for long."""
    worker.reporter = Reporter(
        worker.link,
        worker.panel,
        worker.visit_reports,
        worker.messages,
        worker.clock,
        _encode,
        ReporterSettings(gap_s=0.01, beat_s=60.0, retry_first_s=60.0),
    )
    calls, refuse = threading.Semaphore(0), [True]

    def orders(*_: object) -> tuple[Order, ...]:
        calls.release()
        time.sleep(0.01)
        if refuse[0]:
            raise ServiceSilent("nobody there")
        return ()

    worker.link.orders = orders  # type: ignore[method-assign]
    worker.reporter.start()
    try:
        assert calls.acquire(timeout=30)
        time.sleep(0.2)
        assert not calls.acquire(blocking=False), "it waits"
        worker.panel.changed()
        assert not calls.acquire(timeout=0.3), "nothing was told, so nobody was heard"
        refuse[0] = False
        state, _ = walk(PATHS["green"])
        worker.panel.saw(state, NOW_S)
        assert calls.acquire(timeout=30)
    finally:
        worker.reporter.close()
