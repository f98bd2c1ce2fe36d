"""Listens to visits and leaves a trace of each; a disk that fails never stops the lane."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from controller.outbound.courier import FUELLING
from controller.outbound.outbox import Message
from controller.records import Frame, LampChange, Reading, VisitSummary, Vote
from controller.traces.frame_picker import FramePicker
from controller.traces.records import (
    TracedAnswer,
    TracedFuelling,
    TracedLamp,
    TracedNote,
    TracedRead,
    TracedVote,
    TraceError,
    VisitTrace,
)
from controller.traces.store import TraceStore
from controller.worker import Worker
from wire.codec import WireError, decode
from wire.fuellings import Fuelling, FuellingReceipt
from wire.questions import Decision, Question
from wire.reasons import Reason

log = logging.getLogger(__name__)

MOST_READS = 200
"""Kept per visit, the first half and the last; a vehicle that stands all day must not fill the disk."""
MOST_EVENTS = 500
RECENT = 4
"""Closed visits whose fuelling may still end."""

EncodeJpeg = Callable[[Any], bytes]
"""JPEG of one BGR uint8 image (height, width, 3)."""


class _Visit:
    """A trace in the making."""

    def __init__(self, trace: VisitTrace, first_seen_s: float, pictures: int) -> None:
        self.trace = trace
        self.first_seen_s = first_seen_s
        self.picker = FramePicker(pictures)

    def at(self, moment_s: float) -> float:
        return moment_s - self.first_seen_s

    def add_read(self, read: TracedRead) -> None:
        reads = (*self.trace.reads, read)
        over = len(reads) - MOST_READS
        if over > 0:
            half = MOST_READS // 2
            reads = reads[:half] + reads[half + over :]
        self.trace = replace(self.trace, reads=reads, dropped_reads=self.trace.dropped_reads + max(0, over))

    def add(self, field: str, fact: Any) -> None:
        facts = getattr(self.trace, field)
        if len(facts) < MOST_EVENTS:
            changed: dict[str, Any] = {field: (*facts, fact)}
            self.trace = replace(self.trace, **changed)


class TraceRecorder:
    """A controller.ports.VisitObserver. Its calls are quick: pictures are encoded and files written by `worker`.

    pictures: frames kept per visit. reader: engine and weights in words. `charged` may come from another thread.
    """

    def __init__(
        self, store: TraceStore, worker: Worker[OSError | None], encode: EncodeJpeg, pictures: int, reader: str
    ) -> None:
        self._store = store
        self._worker = worker
        self._encode = encode
        self._pictures = pictures
        self._reader = reader
        self._lock = threading.RLock()
        self._visits: dict[str, _Visit] = {}
        self._failing = False
        self._behind = False

    def visit_opened(self, visit: str, first_seen_s: float, first_seen_at: datetime) -> None:
        with self._lock:
            trace = VisitTrace(visit, first_seen_at, self._reader)
            self._visits[visit] = _Visit(trace, first_seen_s, self._pictures)

    def frame_read(self, visit: str | None, frame: Frame, reading: Reading) -> None:
        with self._lock:
            found = self._visits.get(visit or "")
            if found is None:
                return
            width, height = frame.size
            at_s = found.at(frame.captured_s)
            found.add_read(TracedRead(at_s, frame.number, width, height, reading.plates, dict(reading.ms)))
            found.picker.add(frame, at_s, reading)

    def voted(self, visit: str, vote: Vote, at_s: float) -> None:
        self._note(visit, "votes", lambda found: TracedVote(found.at(at_s), vote))

    def asked(self, visit: str, question: Question, at_s: float) -> None:
        with self._lock:
            found = self._visits.get(visit)
            if found is not None:
                found.picker.name(question.plate)
                found.add("answers", TracedAnswer(question, found.at(at_s)))

    def answered(self, visit: str, answer: Decision | None, reason: Reason, detail: str, at_s: float) -> None:
        with self._lock:
            found = self._visits.get(visit)
            if found is None or not found.trace.answers:
                return
            *before, last = found.trace.answers
            done = replace(last, answered_s=found.at(at_s), decision=answer, reason=reason, detail=detail)
            found.trace = replace(found.trace, answers=(*before, done))
            self._write(found)

    def lamp_changed(self, visit: str | None, change: LampChange, reason: Reason) -> None:
        self._note(visit, "lamp", lambda found: TracedLamp(found.at(change.at_s), change.colour, reason))

    def fuelling_started(self, visit: str | None, at_s: float) -> None:
        self._note(visit, "fuellings", lambda found: TracedFuelling(found.at(at_s)))

    def fuelling_ended(self, visit: str | None, fuelling: Fuelling | None, at_s: float) -> None:
        with self._lock:
            found = self._visits.get(visit or "")
            if found is None:
                return
            *before, last = found.trace.fuellings or (TracedFuelling(found.at(at_s)),)
            done = replace(last, ended_s=found.at(at_s), report=fuelling)
            found.trace = replace(found.trace, fuellings=(*before, done))
            self._write(found)

    def noted(self, visit: str | None, text: str, at_s: float) -> None:
        self._note(visit, "notes", lambda found: TracedNote(found.at(at_s), text))

    def visit_closed(self, summary: VisitSummary) -> None:
        with self._lock:
            found = self._visits.get(summary.visit)
            if found is None:
                return
            found.trace = replace(found.trace, summary=_relative(summary))
            self._write(found)
            closed = [v for v, one in self._visits.items() if one.trace.summary is not None]
            for visit in closed[:-RECENT]:
                del self._visits[visit]

    def charged(self, message: Message, receipt: Mapping[str, Any] | None) -> None:
        """The service took a message; a fuelling's receipt is added to its visit.

        For controller.outbound.courier's on_sent.
        """
        visit = message.body.get("visit")
        if message.kind != FUELLING or receipt is None or not isinstance(visit, str):
            return
        try:
            posted = decode(FuellingReceipt, receipt)
        except WireError as error:
            log.error("the receipt of %s cannot be read: %s", message.key, error)
            return
        with self._lock:
            found = self._visits.get(visit)
            if found is not None:
                found.trace = _with_receipt(found.trace, posted)
                self._write(found)
            else:
                self._submit(functools.partial(self._add_receipt, visit, posted))

    def _note(self, visit: str | None, field: str, fact: Callable[[_Visit], Any]) -> None:
        with self._lock:
            found = self._visits.get(visit or "")
            if found is not None:
                found.add(field, fact(found))

    def _write(self, found: _Visit) -> None:
        """Hand over what is known now; pictures only once the visit is over, and each once."""
        frames = found.picker.take() if found.trace.summary is not None else {}
        if frames:
            pictures = tuple(kept.fact for kept in frames.values())
            found.trace = replace(found.trace, pictures=pictures)
        self._submit(functools.partial(self._store_trace, found.trace, {n: k.frame for n, k in frames.items()}))

    def _submit(self, job: Callable[[], None]) -> None:
        taken = self._worker.submit(functools.partial(_guarded, job))
        for error in self._worker.results():
            self._tell(error)
        if not taken and not self._behind:
            log.error("traces: the disk is too slow, a trace is lost")
        self._behind = not taken

    def _store_trace(self, trace: VisitTrace, frames: Mapping[str, Frame]) -> None:
        self._store.write(trace, {name: self._encode(frame.image) for name, frame in frames.items()})
        self._store.sweep_if_due()

    def _add_receipt(self, visit: str, receipt: FuellingReceipt) -> None:
        try:
            self._store.write(_with_receipt(self._store.load(visit), receipt), {})
        except TraceError as error:
            log.info("the receipt of a fuelling comes after its trace: %s", error)

    def _tell(self, error: OSError | None) -> None:
        if error is not None and not self._failing:
            log.error("traces cannot be written: %s", error)
        if error is None and self._failing:
            log.warning("traces are written again")
        self._failing = error is not None


def _guarded(job: Callable[[], None]) -> OSError | None:
    """Run a job of the writer; whatever fails in it, the lane goes on without a trace."""
    try:
        job()
    except OSError as error:
        return error
    except Exception as error:
        log.exception("traces: a trace is lost")
        return OSError(str(error))
    return None


def _relative(summary: VisitSummary) -> VisitSummary:
    """The same with times counted from first_seen_s."""
    start_s = summary.first_seen_s

    def moved(moment_s: float | None) -> float | None:
        return None if moment_s is None else moment_s - start_s

    lamp = tuple(LampChange(change.at_s - start_s, change.colour) for change in summary.lamp)
    return replace(
        summary,
        first_seen_s=0.0,
        read_s=moved(summary.read_s),
        decided_s=moved(summary.decided_s),
        gone_s=summary.gone_s - start_s,
        lamp=lamp,
    )


def _with_receipt(trace: VisitTrace, receipt: FuellingReceipt) -> VisitTrace:
    fuellings = tuple(
        replace(f, receipt=receipt)
        if f.report is not None and (f.report.dispenser, f.report.sequence) == (receipt.dispenser, receipt.sequence)
        else f
        for f in trace.fuellings
    )
    return replace(trace, fuellings=fuellings)
