"""What happened in one visit of a simulated lane, for the live line, the JSON document and the report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from controller.records import LampChange, PlateRead, VisitSummary, Vote
from controller.settings_records import VoteSettings
from controller.watching.vote import evidence_of
from wire.fuellings import Fuelling, FuellingReceipt
from wire.questions import Decision, Question


@dataclass(frozen=True, slots=True)
class Seen:
    """The most prominent plate that one frame gave; at_s is seconds of the video."""

    at_s: float
    plate: PlateRead


@dataclass(frozen=True, slots=True)
class Picture:
    """A kept frame as JPEG with the plate it shows; width and height are those of the frame in pixels."""

    jpeg: bytes = field(repr=False)
    width: int
    height: int
    at_s: float
    plate: PlateRead | None
    crop_jpeg: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AnsweredQuestion:
    """One question and what came back; times are seconds of the video, took_ms is real time."""

    question: Question
    asked_s: float
    answered_s: float | None = None
    took_ms: float | None = None
    decision: Decision | None = None
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Fuelled:
    """The fuelling of a visit; receipt is None while the service has not taken it.

    receipt_ms is real time from the lane's end of the fuelling to the service's receipt.
    """

    started_s: float
    ended_s: float
    report: Fuelling | None
    receipt: FuellingReceipt | None = None
    receipt_ms: float | None = None


@dataclass(frozen=True, slots=True)
class PayerFacts:
    """Whose hour a visit was: kind "card", "phone", "owner" or "none", and the card or name."""

    kind: str
    id: str | None


@dataclass(frozen=True, slots=True)
class ChargeFacts:
    """A charge to a person for one visit; paid_s in seconds of the video, period as 08:00-16:00."""

    visit: str
    phone: str
    amount_fen: int
    state: str
    period: str | None
    paid_s: float | None


@dataclass(frozen=True, slots=True)
class VisitResult:
    """Everything about one visit. Times ending in _s are seconds of the clip's video."""

    clip: str
    number: int
    summary: VisitSummary
    start_s: float
    """The clock's moment of the clip's first frame: what the summary's times are counted from."""
    reads: tuple[Seen, ...] = ()
    votes: tuple[tuple[float, Vote], ...] = ()
    answers: tuple[AnsweredQuestion, ...] = ()
    fuelled: Fuelled | None = None
    picture: Picture | None = None
    notes: tuple[tuple[float, str], ...] = ()
    payer: PayerFacts | None = None

    def at(self, moment_s: float | None) -> float | None:
        """A moment of the clock as seconds of the video, to the millisecond."""
        return None if moment_s is None else round(moment_s - self.start_s, 3)

    @property
    def vote(self) -> Vote | None:
        return self.votes[-1][1] if self.votes else self.summary.vote

    @property
    def typed(self) -> str | None:
        """The plate that was typed last and asked about."""
        return next((a.question.plate for a in reversed(self.answers) if a.question.typed), None)

    @property
    def read(self) -> str | None:
        """What the camera read: the certain plate, else the best read with wire.typed.UNSEEN where it is not sure."""
        seen = None if self.vote is None else evidence_of(self.vote, VoteSettings())
        return None if seen is None else seen.text

    @property
    def lamp(self) -> tuple[LampChange, ...]:
        return self.summary.lamp


@dataclass(frozen=True, slots=True)
class ClipResult:
    """One clip played: duration_s of video, wall_s of real time; error says why it could not be played to its end."""

    clip: str
    visits: tuple[VisitResult, ...]
    frames: int
    reads: int
    duration_s: float
    wall_s: float
    lamp: tuple[LampChange, ...] = ()
    start_s: float = 0.0
    error: str | None = None
    charges: tuple[ChargeFacts, ...] = ()


def document(results: tuple[ClipResult, ...]) -> dict[str, Any]:
    """The JSON document of `simulate --json`; a clip that failed has its error under "clips"."""
    frames = sum(r.frames for r in results)
    wall_s = sum(r.wall_s for r in results)
    return {
        "visits": [visit_facts(v) for r in results for v in r.visits],
        "charges": [charge_facts(c) for r in results for c in r.charges],
        "frames": frames,
        "frames_per_s": round(frames / wall_s, 1) if wall_s > 0 else 0.0,
        "wall_s": round(wall_s, 3),
        "clips": [_clip_facts(r) for r in results],
    }


def charge_facts(charge: ChargeFacts) -> dict[str, Any]:
    """One charge as the JSON document has it."""
    begin, _, end = (charge.period or "").partition("-")
    return {
        "visit": charge.visit,
        "phone": charge.phone,
        "amount_fen": charge.amount_fen,
        "state": charge.state,
        "period": {"from": begin, "to": end} if end else None,
        "paid_s": charge.paid_s,
    }


def _clip_facts(result: ClipResult) -> dict[str, Any]:
    return {
        "clip": result.clip,
        "visits": len(result.visits),
        "frames": result.frames,
        "frames_read": result.reads,
        "video_s": round(result.duration_s, 3),
        "wall_s": round(result.wall_s, 3),
        "error": result.error,
    }


def visit_facts(visit_result: VisitResult) -> dict[str, Any]:
    """One visit as the JSON document has it."""
    summary = visit_result.summary
    return {
        "clip": visit_result.clip,
        "visit": summary.visit,
        "plate": summary.plate,
        "typed": visit_result.typed,
        "read": visit_result.read,
        "decision": str(summary.decision),
        "reason": str(summary.reason),
        "first_seen_s": visit_result.at(summary.first_seen_s),
        "read_s": visit_result.at(summary.read_s),
        "decided_s": visit_result.at(summary.decided_s),
        "gone_s": visit_result.at(summary.gone_s),
        "lamp": [[visit_result.at(change.at_s), str(change.colour)] for change in summary.lamp],
        "reads": len(visit_result.reads),
        "confidence": None if visit_result.vote is None else round(visit_result.vote.confidence, 4),
        "limit_fen": summary.limit_fen,
        "payer": None if visit_result.payer is None else {"kind": visit_result.payer.kind, "id": visit_result.payer.id},
        "fuelling": _fuelling_facts(visit_result.fuelled),
    }


def _fuelling_facts(fuelled: Fuelled | None) -> dict[str, Any] | None:
    if fuelled is None or fuelled.report is None:
        return None
    report, receipt = fuelled.report, fuelled.receipt
    return {
        "started_s": round(fuelled.started_s, 3),
        "ended_s": round(fuelled.ended_s, 3),
        "volume_ml": report.volume_ml,
        "unit_price_fen_per_l": report.unit_price_fen_per_l,
        "amount_fen": report.amount_fen,
        "charged_fen": None if receipt is None else receipt.charged_fen,
        "released_fen": None if receipt is None else receipt.released_fen,
        "balance_fen": None if receipt is None else receipt.balance_fen,
        "flags": sorted({*report.flags, *(receipt.flags if receipt else ())}),
    }
