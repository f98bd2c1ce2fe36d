"""Visits as observers hear them, for the tests of traces and explanations."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from controller.ports import VisitObserver
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
from wire.fuellings import Fuelling, FuellingReceipt
from wire.questions import Decision, Question
from wire.reasons import Reason, Verdict

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
PLATE = "粤B12345"


def plate_read(text: str = PLATE, probability: float = 0.98, width: float = 140.0) -> PlateRead:
    characters = tuple(CharacterRead(s, probability if i == 3 else 0.999) for i, s in enumerate(text))
    corners = ((500.0, 400.0), (500.0 + width, 402.0), (500.0 + width, 446.0), (500.0, 444.0))
    return PlateRead(characters, corners, Colour.BLUE, "blue", 1, 0.97)


@dataclass
class PlayedVisit:
    """Tells an observer a visit that began 100 s after the clock's start."""

    observer: VisitObserver
    visit: str = "lane-1-20260105T080000-3f9ac1"
    start_s: float = 100.0
    first_seen_at: datetime = START
    frames: int = 0
    lamp: list[LampChange] = field(default_factory=list)

    def opened(self) -> PlayedVisit:
        self.observer.visit_opened(self.visit, self.start_s, self.first_seen_at)
        self.shines(0.1, LampColour.RED, Reason.NO_PLATE)
        return self

    def read(self, at_s: float, *plates: PlateRead, size: tuple[int, int] = (1280, 720)) -> PlayedVisit:
        self.frames += 1
        image = np.full((size[1], size[0], 3), self.frames % 256, np.uint8)
        frame = Frame(self.frames, image, self.start_s + at_s, self.first_seen_at + timedelta(seconds=at_s))
        self.observer.frame_read(self.visit, frame, Reading(plates, {"detect": 12.5, "recognise": 3.25}))
        return self

    def voted(self, at_s: float, vote: Vote) -> PlayedVisit:
        self.observer.voted(self.visit, vote, self.start_s + at_s)
        return self

    def asked(self, at_s: float, typed: bool = False) -> PlayedVisit:
        question = Question(
            visit=self.visit,
            station="s",
            lane="1",
            plate=PLATE,
            typed=typed,
            captured_at=self.first_seen_at,
            confidence=0.97,
            weakest=0.98,
        )
        self.observer.asked(self.visit, question, self.start_s + at_s)
        return self

    def answered(self, at_s: float, decision: Decision | None, reason: Reason, detail: str = "") -> PlayedVisit:
        self.observer.answered(self.visit, decision, reason, detail, self.start_s + at_s)
        return self

    def shines(self, at_s: float, colour: LampColour, reason: Reason) -> PlayedVisit:
        self.lamp.append(LampChange(self.start_s + at_s, colour))
        self.observer.lamp_changed(self.visit, self.lamp[-1], reason)
        return self

    def closed(self, at_s: float, plate: str | None, decision: Verdict, reason: Reason, **more: Any) -> PlayedVisit:
        gone_s = self.start_s + at_s
        self.observer.visit_closed(
            VisitSummary(
                visit=self.visit,
                plate=plate,
                decision=decision,
                reason=reason,
                first_seen_at=self.first_seen_at,
                first_seen_s=self.start_s,
                read_s=None,
                decided_s=None,
                gone_s=gone_s,
                lamp=tuple(self.lamp),
                **{"typed": False, **more},
            )
        )
        return self


CERTAIN = Vote(PLATE, Reason.OK, PLATE, 0.97, 0.98, 3, "3 reads agree")
UNSURE = Vote(None, Reason.UNSURE, PLATE, 0.4, 0.5, 2, "the weakest character is too weak")


def allowed(visit: str) -> Decision:
    return Decision(
        visit=visit,
        plate=PLATE,
        decision=Verdict.ALLOW,
        reason=Reason.OK,
        authorisation="a1",
        limit_fen=20_000,
        expires_at=START + timedelta(minutes=5),
    )


def refused(visit: str, reason: Reason) -> Decision:
    return Decision(visit=visit, plate=PLATE, decision=Verdict.REFUSE, reason=reason)


def fuelling(visit: str, sequence: int = 7) -> Fuelling:
    return Fuelling(
        station="s",
        lane="1",
        dispenser="d1",
        sequence=sequence,
        visit=visit,
        authorisation="a1",
        plate=PLATE,
        started_at=START,
        ended_at=START + timedelta(seconds=30),
        volume_ml=20_500,
        amount_fen=16_400,
        unit_price_fen_per_l=800,
        product="92",
        totaliser_before_ml=0,
        totaliser_after_ml=20_500,
    )


RECEIPT = FuellingReceipt(
    dispenser="d1",
    sequence=7,
    charged_fen=16_400,
    captured_fen=16_400,
    overrun_fen=0,
    released_fen=3600,
    balance_fen=83_600,
)


def green_visit(observer: VisitObserver, fuels: bool = True, **how: Any) -> PlayedVisit:
    """A card with money, and 20.5 litres."""
    played = PlayedVisit(observer, **how).opened()
    played.read(0.3).read(0.6, plate_read("粤B12845", 0.4, 70)).read(0.9, plate_read()).read(1.2, plate_read())
    played.voted(0.9, UNSURE).voted(1.2, CERTAIN).asked(1.21)
    played.answered(1.25, allowed(played.visit), Reason.OK).shines(1.26, LampColour.GREEN, Reason.OK)
    if fuels:
        observer.fuelling_started(played.visit, played.start_s + 10)
        observer.fuelling_ended(played.visit, fuelling(played.visit), played.start_s + 40)
        played.shines(40.1, LampColour.RED, Reason.VISIT_OVER)
    return played.read(41, plate_read()).closed(45, PLATE, Verdict.ALLOW, Reason.OK, authorisation="a1")


def refused_visit(observer: VisitObserver, reason: Reason = Reason.BELOW_PRESET, **how: Any) -> PlayedVisit:
    played = PlayedVisit(observer, **how).opened().read(0.3, plate_read()).read(0.6, plate_read()).voted(0.6, CERTAIN)
    played.asked(0.61).answered(0.7, refused(played.visit, reason), reason)
    return played.closed(9, PLATE, Verdict.REFUSE, reason)
