"""Writes the story of each visit down while the lane plays."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

import cv2
import numpy as np

from controller.records import Frame, LampChange, LampColour, PlateRead, Reading, VisitSummary, Vote
from controller.telling.observers import SilentObserver
from controller.watching.calibration import size_mm
from greenlane.simulation.results import AnsweredQuestion, Fuelled, Picture, Seen, VisitResult
from wire.fuellings import Fuelling, FuellingReceipt
from wire.questions import Decision, Question
from wire.reasons import Reason

KEPT_TEXTS = 6
PICTURE_WIDTH_PX = 960
CROP_HEIGHT_PX = 112
JPEG_QUALITY = 82
ENOUGH_WIDTH_PX = 130.0
"""A wider plate makes no better picture: its vehicle may be leaving already."""
STANDS_BY_S = 3.0


@dataclass(slots=True)
class _Sight:
    score: float
    frame: Frame
    plate: PlateRead | None


@dataclass(slots=True)
class _Open:
    """What is known of one visit so far."""

    number: int
    reads: list[Seen] = field(default_factory=list)
    votes: list[tuple[float, Vote]] = field(default_factory=list)
    answers: list[AnsweredQuestion] = field(default_factory=list)
    lamp: list[LampChange] = field(default_factory=list)
    notes: list[tuple[float, str]] = field(default_factory=list)
    best: dict[str, _Sight] = field(default_factory=dict)
    nozzle_s: float | None = None
    fuelled: Fuelled | None = None
    first_seen_s: float = 0.0
    summary: VisitSummary | None = None
    picture: Picture | None = None


class Recorder(SilentObserver):
    """Collects the visits of one clip; start_s is the clock's moment of the clip's first frame.

    on_closed hears each visit's story when its vehicle has gone.
    """

    def __init__(self, clip: str, start_s: float, on_closed: Callable[[VisitResult], None]) -> None:
        self._clip = clip
        self._start_s = start_s
        self._on_closed = on_closed
        self._visits: dict[str, _Open] = {}
        self._receipts: dict[tuple[str, int], tuple[FuellingReceipt, float]] = {}
        self._ended_at = 0.0
        self._asked_at = 0.0
        self.lamp: list[LampChange] = []
        self.frames_read = 0

    def visit_opened(self, visit: str, first_seen_s: float, first_seen_at: datetime) -> None:
        lit = self.lamp[-1].colour if self.lamp else LampColour.RED
        self._visits[visit] = _Open(
            len(self._visits) + 1,
            lamp=[LampChange(first_seen_s, lit)],
            first_seen_s=first_seen_s,
        )

    def frame_read(self, visit: str | None, frame: Frame, reading: Reading) -> None:
        self.frames_read += 1
        if visit is None:
            return
        found = self._visits[visit]
        plate = reading.plates[0] if reading.plates else None
        if plate is not None:
            found.reads.append(Seen(self._at(frame.captured_s), plate))
        _keep(found.best, _Sight(_score(plate, frame.captured_s - found.first_seen_s), frame, plate))

    def voted(self, visit: str, vote: Vote, at_s: float) -> None:
        self._visits[visit].votes.append((self._at(at_s), vote))

    def asked(self, visit: str, question: Question, at_s: float) -> None:
        self._asked_at = time.perf_counter()
        self._visits[visit].answers.append(AnsweredQuestion(question, self._at(at_s)))

    def answered(self, visit: str, answer: Decision | None, reason: Reason, detail: str, at_s: float) -> None:
        found = self._visits[visit]
        if found.answers:
            found.answers[-1] = replace(
                found.answers[-1],
                answered_s=self._at(at_s),
                took_ms=round(1000 * (time.perf_counter() - self._asked_at), 1),
                decision=answer,
                reason=str(reason),
                detail=detail,
            )

    def lamp_changed(self, visit: str | None, change: LampChange, reason: Reason) -> None:
        self.lamp.append(change)
        if visit is not None:
            self._visits[visit].lamp.append(change)

    def fuelling_started(self, visit: str | None, at_s: float) -> None:
        if visit is not None:
            self._visits[visit].nozzle_s = self._at(at_s)

    def fuelling_ended(self, visit: str | None, fuelling: Fuelling | None, at_s: float) -> None:
        self._ended_at = time.perf_counter()
        if visit is None:
            return
        found = self._visits[visit]
        started_s = found.nozzle_s if found.nozzle_s is not None else self._at(at_s)
        if found.fuelled is None or fuelling is not None:
            found.fuelled = Fuelled(started_s, self._at(at_s), fuelling)

    def noted(self, visit: str | None, text: str, at_s: float) -> None:
        if visit is not None:
            self._visits[visit].notes.append((self._at(at_s), text))

    def receipt(self, receipt: FuellingReceipt) -> None:
        """The service took a fuelling."""
        took_ms = round(1000 * (time.perf_counter() - self._ended_at), 1)
        self._receipts.setdefault((receipt.dispenser, receipt.sequence), (receipt, took_ms))

    def visit_closed(self, summary: VisitSummary) -> None:
        found = self._visits[summary.visit]
        found.summary = summary
        found.picture = _picture(found.best, summary.plate, self._start_s)
        found.best.clear()
        self._on_closed(self._visit_result(found, summary))

    def cut(self, visit: str, summary: Callable[[tuple[LampChange, ...]], VisitSummary]) -> None:
        """The clip ended while this visit's vehicle was still in view: summary makes its end from its lamp changes."""
        self.visit_closed(summary(tuple(self._visits[visit].lamp)))

    def visit_results(self) -> tuple[VisitResult, ...]:
        """All visits that are over, in their order, with what was billed since."""
        return tuple(self._visit_result(v, v.summary) for v in self._visits.values() if v.summary is not None)

    def _visit_result(self, found: _Open, summary: VisitSummary) -> VisitResult:
        fuelled = found.fuelled
        if fuelled is not None and fuelled.report is not None:
            key = (fuelled.report.dispenser, fuelled.report.sequence)
            receipt, took_ms = self._receipts.get(key, (None, None))
            fuelled = replace(fuelled, receipt=receipt, receipt_ms=took_ms)
        return VisitResult(
            clip=self._clip,
            number=found.number,
            summary=summary,
            start_s=self._start_s,
            reads=tuple(found.reads),
            votes=tuple(found.votes),
            answers=tuple(found.answers),
            fuelled=fuelled,
            picture=found.picture,
            notes=tuple(found.notes),
        )

    def _at(self, moment_s: float) -> float:
        return round(moment_s - self._start_s, 3)


def _score(plate: PlateRead | None, since_s: float) -> float:
    """Sure reads of near plates make the best pictures; without a plate, the vehicle some seconds after it came."""
    if plate is None:
        return -1.0 - abs(since_s - STANDS_BY_S)
    return round(plate.confidence, 2) + min(plate.width_px, ENOUGH_WIDTH_PX) / 1000


def _keep(best: dict[str, _Sight], sight: _Sight) -> None:
    """Keep the best frame of each text that was read, of a few texts only."""
    text = sight.plate.text if sight.plate is not None else ""
    known = best.get(text)
    if known is None or sight.score > known.score:
        best[text] = sight
    if len(best) > KEPT_TEXTS:
        del best[min(best, key=lambda t: best[t].score)]


def _picture(best: dict[str, _Sight], plate: str | None, start_s: float) -> Picture | None:
    if not best:
        return None
    sight = best.get(plate or "") if plate else None
    sight = sight or max(best.values(), key=lambda s: s.score)
    image = sight.frame.image
    height, width = image.shape[:2]
    scale = min(1.0, PICTURE_WIDTH_PX / width)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
    return Picture(
        jpeg=_jpeg(small),
        width=width,
        height=height,
        at_s=round(sight.frame.captured_s - start_s, 3),
        plate=sight.plate,
        crop_jpeg=None if sight.plate is None else _crop(image, sight.plate),
    )


def _crop(image: object, plate: PlateRead) -> bytes:
    """The plate, flattened and enlarged, with a little of its surroundings."""
    height = CROP_HEIGHT_PX
    width_mm, height_mm, _ = size_mm(plate)
    width = round(height * width_mm / height_mm)
    rim = 8
    target = [[rim, rim], [width - rim, rim], [width - rim, height - rim], [rim, height - rim]]
    matrix = cv2.getPerspectiveTransform(np.array(plate.corners, np.float32), np.array(target, np.float32))
    return _jpeg(cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_CUBIC))


def _jpeg(image: object) -> bytes:
    ok, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not ok:
        raise ValueError("OpenCV could not encode a frame as JPEG")
    return bytes(data)
