"""Tells each visit from frame to lamp, for the station's page: an observer that keeps a few lines and one picture."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from controller.outbound.courier import FUELLING
from controller.outbound.outbox import Message
from controller.ports import Clock
from controller.records import Frame, LampChange, PlateRead, Reading, VisitSummary, Vote
from controller.telling.observers import SilentObserver
from controller.watching.own_reads import own_reads
from wire.codec import WireError, decode
from wire.fuellings import Fuelling, FuellingReceipt
from wire.live import LampState, Stage, StoryLine, VisitReport
from wire.questions import Decision, Question
from wire.reasons import Reason, Verdict

MOST_LINES = 80
MOST_READS = 12
RECENT = 6
"""Visits remembered: a charge comes after its visit is over."""


@dataclass(slots=True)
class _OpenReport:
    """A visit so far."""

    first_seen_s: float
    first_seen_at: datetime
    lines: list[StoryLine] = field(default_factory=list)
    plate: str | None = None
    typed: bool = False
    decision: Verdict = Verdict.REFUSE
    reason: Reason = Reason.NO_PLATE
    over: bool = False
    limit_fen: int | None = None
    charged_fen: int | None = None
    reads: int = 0
    frame: Frame | None = None
    reading: Reading | None = None
    score: float = -1.0
    is_new: bool = True
    has_new_picture: bool = False


@dataclass(frozen=True, slots=True)
class PendingReport:
    """A report to send, and the frame whose picture goes with it, where there is a new one."""

    report: VisitReport
    frame: Frame | None


class VisitReports(SilentObserver):
    """changed is called after every step worth telling. take() and charged() may come from other threads."""

    def __init__(self, station: str, lane: str, clock: Clock) -> None:
        self.changed: Callable[[], None] = lambda: None
        self._place = (station, lane)
        self._clock = clock
        self._lock = threading.Lock()
        self._open_reports: OrderedDict[str, _OpenReport] = OrderedDict()

    def take(self) -> list[PendingReport]:
        """What is new since the last call."""
        with self._lock:
            pending = []
            for visit, open_report in self._open_reports.items():
                if open_report.is_new:
                    open_report.is_new = False
                    shown = open_report.frame if open_report.has_new_picture else None
                    open_report.has_new_picture = False
                    pending.append(PendingReport(self._report(visit, open_report), shown))
                    if open_report.over:
                        open_report.frame = None
            return pending

    def again(self, visit: str, frame: Frame | None) -> None:
        """A report could not be sent: tell it again."""
        with self._lock:
            open_report = self._open_reports.get(visit)
            if open_report is not None:
                open_report.is_new = True
                if frame is not None and not open_report.has_new_picture:
                    open_report.frame, open_report.has_new_picture = frame, True

    def visit_opened(self, visit: str, first_seen_s: float, first_seen_at: datetime) -> None:
        with self._lock:
            self._open_reports[visit] = _OpenReport(first_seen_s, first_seen_at)
            while len(self._open_reports) > RECENT:
                self._open_reports.popitem(last=False)
        self._add_line(visit, Stage.SEEN, first_seen_s)

    def frame_read(self, visit: str | None, frame: Frame, reading: Reading) -> None:
        with self._lock:
            open_report = self._open_reports.get(visit or "")
            if open_report is None:
                return
            best = max(reading.plates, key=lambda plate: plate.confidence, default=None)
            score = _score(reading, open_report.plate)
            if score > open_report.score:
                open_report.frame, open_report.score, open_report.has_new_picture = frame, score, True
                open_report.reading = reading
            open_report.reads += 1
        if open_report.reads <= MOST_READS:
            words = "no plate" if best is None else _read(best)
            self._add_line(visit, Stage.READ, frame.captured_s, words, plate=best.text if best else None, quiet=True)

    def voted(self, visit: str, vote: Vote, at_s: float) -> None:
        words = _agreeing(vote)
        reason = None if vote.certain else vote.reason
        self._add_line(visit, Stage.VOTED, at_s, words, reason=reason, plate=vote.candidate)

    def asked(self, visit: str, question: Question, at_s: float) -> None:
        self._set(visit, plate=question.plate, typed=question.typed)
        self._judge_picture(visit, question.plate)
        self._add_line(visit, Stage.ASKED, at_s, "typed" if question.typed else "read", plate=question.plate)

    def answered(self, visit: str, answer: Decision | None, reason: Reason, detail: str, at_s: float) -> None:
        self._set(visit, decision=answer.decision if answer else Verdict.REFUSE, reason=reason)
        if answer is not None and answer.limit_fen is not None:
            self._set(visit, limit_fen=answer.limit_fen)
        self._add_line(visit, Stage.ANSWERED, at_s, detail, reason=reason)

    def lamp_changed(self, visit: str | None, change: LampChange, reason: Reason) -> None:
        self._add_line(visit, Stage.LAMP, change.at_s, reason=reason, lamp=LampState(change.colour.value))

    def fuelling_started(self, visit: str | None, at_s: float) -> None:
        self._add_line(visit, Stage.FUELLING, at_s, "nozzle lifted")

    def fuelling_ended(self, visit: str | None, fuelling: Fuelling | None, at_s: float) -> None:
        words = "nozzle hung up, nothing flowed"
        if fuelling is not None:
            words = f"nozzle hung up, {fuelling.volume_ml / 1000:.2f} L, {fuelling.amount_fen / 100:.2f} yuan"
        self._add_line(visit, Stage.FUELLING, at_s, words)

    def noted(self, visit: str | None, text: str, at_s: float) -> None:
        self._add_line(visit, Stage.NOTE, at_s, text)

    def visit_closed(self, summary: VisitSummary) -> None:
        self._set(
            summary.visit,
            over=True,
            plate=summary.plate,
            typed=summary.typed,
            decision=summary.decision,
            reason=summary.reason,
            limit_fen=summary.limit_fen,
        )
        self._add_line(summary.visit, Stage.GONE, summary.gone_s)

    def charged(self, message: Message, receipt: Mapping[str, Any] | None) -> tuple[str, FuellingReceipt] | None:
        """The service took a message: visit and receipt of a posted fuelling, None for anything else."""
        visit = message.body.get("visit")
        if message.kind != FUELLING or receipt is None or not isinstance(visit, str):
            return None
        try:
            posted = decode(FuellingReceipt, receipt)
        except WireError:
            return None
        charged_fen = posted.charged_fen
        self._set(visit, charged_fen=charged_fen)
        self._add_line(visit, Stage.CHARGED, self._clock.monotonic_s(), f"{charged_fen / 100:.2f} yuan")
        return visit, posted

    def _judge_picture(self, visit: str, plate: str) -> None:
        """The plate is known now: a picture that does not show it gives way to the next that does."""
        with self._lock:
            open_report = self._open_reports.get(visit)
            if open_report is not None and open_report.reading is not None:
                open_report.score = _score(open_report.reading, plate)

    def _set(self, visit: str, **facts: Any) -> None:
        with self._lock:
            open_report = self._open_reports.get(visit)
            if open_report is not None:
                for name, value in facts.items():
                    setattr(open_report, name, value)

    def _add_line(
        self,
        visit: str | None,
        stage: Stage,
        at_s: float,
        words: str = "",
        *,
        reason: Reason | None = None,
        plate: str | None = None,
        lamp: LampState | None = None,
        quiet: bool = False,
    ) -> None:
        with self._lock:
            open_report = self._open_reports.get(visit or "")
            if open_report is None:
                return
            shown = "".join(c if c.isprintable() else " " for c in words[:200])
            short_plate = plate[:12] if plate else None
            at_s = round(at_s - open_report.first_seen_s, 2)
            line = StoryLine(at_s=at_s, stage=stage, words=shown, reason=reason, plate=short_plate, lamp=lamp)
            open_report.lines.append(line)
            if len(open_report.lines) > MOST_LINES:
                del open_report.lines[MOST_LINES // 2]
            open_report.is_new = open_report.is_new or not quiet
        if not quiet:
            self.changed()

    def _report(self, visit: str, open_report: _OpenReport) -> VisitReport:
        station, lane = self._place
        return VisitReport(
            station=station,
            lane=lane,
            visit=visit,
            first_seen_at=open_report.first_seen_at,
            at=self._clock.now(),
            plate=open_report.plate,
            typed=open_report.typed,
            decision=open_report.decision,
            reason=open_report.reason,
            over=open_report.over,
            limit_fen=open_report.limit_fen,
            charged_fen=open_report.charged_fen,
            story=tuple(open_report.lines),
        )


def _score(reading: Reading, plate: str | None) -> float:
    return max((read.confidence for read in own_reads(reading, plate)), default=0.0)


def _read(plate: PlateRead) -> str:
    doubted = f", doubted: {', '.join(plate.doubts)}" if plate.doubts else ""
    return f"weakest character {plate.weakest:.2f}, {plate.kind.replace('_', ' ')}{doubted}"


def _agreeing(vote: Vote) -> str:
    """How many reads agree, once, and what the vote says of them."""
    if not vote.reads or vote.detail.endswith("reads agree"):
        return vote.detail
    return ", ".join(filter(None, ("1 read" if vote.reads == 1 else f"{vote.reads} reads agree", vote.detail)))
