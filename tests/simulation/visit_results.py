"""Made-up visits for tests of the report and the JSON document."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from controller.records import CharacterRead, Colour, LampChange, LampColour, PlateRead, VisitSummary, Vote
from greenlane.simulation.results import AnsweredQuestion, ClipResult, Fuelled, Picture, Seen, VisitResult
from wire.fuellings import Fuelling, FuellingReceipt
from wire.questions import Decision, Question
from wire.reasons import Reason, Verdict

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
CORNERS = ((579.0, 556.0), (727.0, 556.0), (727.0, 604.0), (579.0, 604.0))


def plate_read(text: str, sureness: float = 0.999, colour: Colour = Colour.BLUE) -> PlateRead:
    characters = tuple(CharacterRead(character, sureness) for character in text)
    return PlateRead(characters, CORNERS, colour, "blue", 1, 0.97)


def allowed(jpeg: bytes, start_s: float = 100.0) -> VisitResult:
    plate, visit = "沪A8K526", "lane-1-20260105-0001"
    lamp = (
        LampChange(start_s + 1.7, LampColour.OFF),
        LampChange(start_s + 2.6, LampColour.RED),
        LampChange(start_s + 3.4, LampColour.GREEN),
        LampChange(start_s + 13.4, LampColour.OFF),
    )
    vote = Vote(plate, Reason.OK, plate, 0.998, 0.999, 9, "")
    question = Question(
        visit=visit,
        station="demo",
        lane="lane-1",
        plate=plate,
        typed=False,
        captured_at=START,
        confidence=0.998,
        weakest=0.999,
    )
    answer = Decision(
        visit=visit,
        plate=plate,
        decision=Verdict.ALLOW,
        reason=Reason.OK,
        authorisation="a-1",
        limit_fen=10_000,
        expires_at=START + timedelta(minutes=5),
    )
    report = Fuelling(
        station="demo",
        lane="lane-1",
        dispenser="dispenser-1",
        sequence=1,
        visit=visit,
        authorisation="a-1",
        plate=plate,
        started_at=START,
        ended_at=START,
        volume_ml=4000,
        amount_fen=3000,
        unit_price_fen_per_l=750,
        product="92",
        totaliser_before_ml=0,
        totaliser_after_ml=4000,
    )
    receipt = FuellingReceipt(
        dispenser="dispenser-1",
        sequence=1,
        charged_fen=3000,
        captured_fen=3000,
        overrun_fen=0,
        released_fen=7000,
        balance_fen=57_000,
    )
    reads = [Seen(2.4, plate_read("沪A8K52G", 0.8))] + [
        Seen(2.6 + i * 0.15, plate_read(plate, 0.97 + i * 0.005)) for i in range(6)
    ]
    summary = VisitSummary(
        visit,
        plate,
        False,
        Verdict.ALLOW,
        Reason.OK,
        START,
        start_s + 1.7,
        start_s + 3.0,
        start_s + 3.4,
        start_s + 13.4,
        lamp,
        vote,
        "a-1",
        10_000,
    )
    picture = Picture(jpeg, 1280, 720, 4.0, plate_read(plate), None)
    return VisitResult(
        "lane.mp4",
        1,
        summary,
        start_s,
        tuple(reads),
        ((3.0, vote),),
        (AnsweredQuestion(question, 3.0, 3.4, 12.0, answer, "ok", ""),),
        Fuelled(5.0, 11.0, report, receipt),
        picture,
    )


def unsure(jpeg: bytes, start_s: float = 100.0) -> VisitResult:
    visit = "lane-1-20260105-0002"
    lamp = (
        LampChange(start_s + 16.0, LampColour.OFF),
        LampChange(start_s + 22.0, LampColour.RED),
        LampChange(start_s + 27.0, LampColour.OFF),
    )
    vote = Vote(None, Reason.UNSURE, "皖C4M79U", 0.21, 0.34, 3, "reads differ")
    summary = VisitSummary(
        visit,
        None,
        False,
        Verdict.REFUSE,
        Reason.UNSURE,
        START,
        start_s + 16.0,
        None,
        start_s + 22.0,
        start_s + 27.0,
        lamp,
        vote,
    )
    reads = (
        Seen(18.0, plate_read("皖C4M79U", 0.7)),
        Seen(18.5, plate_read("皖C<script>", 0.5)),
        Seen(19.0, plate_read("", 0.0)),
    )
    picture = Picture(jpeg, 1280, 720, 20.0, plate_read("皖C4M79U", 0.8), None)
    return VisitResult(
        "lane.mp4", 2, summary, start_s, reads, ((20.0, vote),), (), None, picture, ((22.0, "reading timed out"),)
    )


def result(jpeg: bytes) -> ClipResult:
    first, second = allowed(jpeg), unsure(jpeg)
    return ClipResult("lane.mp4", (first, second), 450, 60, 30.0, 6.0, (*first.lamp, *second.lamp), 100.0)
