"""Why a visit was green or red, link by link from the camera to the lamp, and what to do about it."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from controller.records import LampColour, PlateRead
from controller.traces.records import TracedAnswer, TracedFuelling, TracedLamp, VisitTrace
from service.station.words import meaning
from wire.reasons import Reason, Verdict

REMEDIES: dict[Reason, str] = {
    Reason.OK: "Nothing.",
    Reason.BELOW_PRESET: "Top the card up; the lane asks again by itself while the vehicle stands.",
    Reason.UNKNOWN_PLATE: "Compare the plate with the picture. If it is right, bind it: greenlane admin plate bind. "
    "If it is wrong, let the driver type it at the panel and check the camera: greenlane calibrate.",
    Reason.INVALID_PLATE: "Compare the plate with the picture and let the driver type it at the panel.",
    Reason.CARD_BLOCKED: "The operator of the card has to unblock it: greenlane admin card unblock.",
    Reason.PLATE_BLOCKED: "The operator has to unblock the plate: greenlane admin plate unblock.",
    Reason.NO_PAYER: "Give this hour a payer, or let the plate be refuelled in a covered period.",
    Reason.GAP: "Nothing, or open the hour: greenlane admin payer gap, greenlane admin payer set.",
    Reason.MANDATE_MISSING: "The payer signs on their phone for this plate; greenlane admin payer at says who it is.",
    Reason.MANDATE_PAUSED: "The payer ends the pause on their phone.",
    Reason.PAYER_OVERDUE: "The payer pays on their phone or at the counter: greenlane admin charge settle.",
    Reason.CLOCK_UNSURE: "Set the unit's clock: greenlane doctor.",
    Reason.UNPAID_CHARGE: "The charge has to be paid on the phone that got it, or by the plate's owner.",
    Reason.STALE_QUESTION: "Check the clocks of this unit and of the service: greenlane doctor.",
    Reason.NOT_CERTAIN: "Let the driver type the plate at the panel; check the camera: greenlane calibrate.",
    Reason.VISIT_OVER: "Nothing: the vehicle had left before the answer.",
    Reason.EXPIRED: "Let the driver type the plate at the panel, or drive up again.",
    Reason.OFFLINE_ALLOWED: "Nothing; the line to the server was down, see whether it is back: greenlane doctor.",
    Reason.TYPED_DIFFERS: "The camera read another plate: an attendant looks and confirms, or it is typed anew.",
    Reason.ATTENDANT_NEEDED: "An attendant confirms it on the station page; admin station set --typed has the rule.",
    Reason.PIN_NEEDED: "Type the plate with its card's PIN; `greenlane admin card set CARD --pin` sets one.",
    Reason.PIN_WRONG: "Type the right PIN; after five wrong ones it takes a quarter of an hour for each try.",
    Reason.TYPED_REFUSED: "This plate may not be typed (admin plate|card|station set --typed): make it readable.",
    Reason.OPEN_ELSEWHERE: "The other lane gives it back when its vehicle leaves; an attendant can move it at once.",
    Reason.NOZZLE_LIFTED: "Hang the nozzle up: the lane asks at once. If it hangs, its switch or the seat is at fault.",
    Reason.LIMIT_REACHED: "Hang the nozzle up; a higher preset amount of the card gives more.",
    Reason.OFFLINE_CAP: "Restore the line to the server; until then the cap stands.",
    Reason.UNSURE: "Let the driver type the plate at the panel. If it happens often, see the picture: clean the lens, "
    "then greenlane calibrate.",
    Reason.UNKNOWN_KIND: "See the picture. A plate of a kind that greenlane does not know can be neither typed nor "
    "bound: the cashier helps. If a character was misread, let the driver type it at the panel.",
    Reason.NO_PLATE: "Let the driver type the plate at the panel. If the picture shows one, check region and "
    "sharpness: greenlane calibrate.",
    Reason.READ_TIMEOUT: "Let the driver type the plate at the panel. If it happens often: greenlane calibrate.",
    Reason.SERVICE_SILENT: "Check network and balance service: greenlane doctor. The lane asks again by itself.",
    Reason.SERVICE_FAULT: "Read the balance service's own log for this time. The lane asks again by itself.",
    Reason.SERVICE_REJECTED: "The service refuses this unit's messages: check station name and key: greenlane doctor.",
    Reason.CAMERA_LOST: "Check the camera's power and cable: greenlane doctor.",
    Reason.CAMERA_STALE: "The camera hangs: switch it off and on, then greenlane doctor.",
    Reason.PLATE_CHANGED: "Nothing: another vehicle took the place.",
    Reason.INTERNAL: "Read the unit's log for this time: journalctl -u greenlane-lane.",
}


UNFINISHED = "If no vehicle stands there now, see whether the unit runs: greenlane doctor."


class LinkOutcome(enum.StrEnum):
    """GOOD links let the visit go on; at the first BAD one it stopped; OPEN ones were never reached."""

    GOOD = "ok"
    BAD = "failed"
    OPEN = "-"


@dataclass(frozen=True, slots=True)
class ChainLink:
    """One link of the chain from camera to lamp."""

    name: str
    outcome: LinkOutcome
    detail: str


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened, at_s seconds after the vehicle came into view."""

    at_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """headline: the verdict in a few words. english, chinese: its reason. remedy: what to do."""

    visit: str
    headline: str
    english: str
    chinese: str
    remedy: str
    links: tuple[ChainLink, ...]
    steps: tuple[Step, ...]


def explain(trace: VisitTrace) -> Explanation:
    """The whole story of a trace."""
    reason = last_reason(trace)
    chinese, english = meaning(reason)
    remedy = REMEDIES[reason]
    if trace.summary is None:
        english = f"The unit stopped, or still runs, in the middle of this visit. {english}"
        remedy = UNFINISHED
    return Explanation(
        visit=trace.visit,
        headline=_headline(trace),
        english=english,
        chinese=chinese,
        remedy=remedy,
        links=tuple(_links(trace)),
        steps=tuple(sorted(_steps(trace), key=lambda step: step.at_s)),
    )


def last_reason(trace: VisitTrace) -> Reason:
    """The reason that the visit ended with, or the last one known of a visit cut short."""
    if trace.summary is not None:
        return trace.summary.reason
    if trace.answers and trace.answers[-1].reason is not None:
        return trace.answers[-1].reason
    return trace.votes[-1].vote.reason if trace.votes else Reason.INTERNAL


def _headline(trace: VisitTrace) -> str:
    plate = trace.plate or "no certain plate"
    was_green = any(change.colour is LampColour.GREEN for change in trace.lamp)
    if trace.summary is None:
        return f"UNFINISHED: {plate}"
    if trace.summary.decision is Verdict.ALLOW:
        return f"GREEN: {plate}" if was_green else f"ALLOWED, but the lamp never turned green: {plate}"
    return f"GREEN, then RED: {plate}" if was_green else f"RED: {plate}"


def _links(trace: VisitTrace) -> Iterator[ChainLink]:
    """The chain; after the first bad link the rest is open, unless it was reached all the same (a typed plate)."""
    chain = [_camera(trace), _plate_seen(trace), _certain(trace), _answer(trace), _allowed(trace), _green(trace)]
    typed = trace.summary is not None and trace.summary.typed
    failed = False
    for link in chain:
        bad = link.outcome is LinkOutcome.BAD
        if bad and typed and link.name in ("plate seen", "reads agree"):
            yield ChainLink(link.name, LinkOutcome.OPEN, f"{link.detail}; the plate was typed")
        elif bad and failed:
            yield ChainLink(link.name, LinkOutcome.OPEN, "not reached")
        else:
            yield link
            failed = failed or bad


def _camera(trace: VisitTrace) -> ChainLink:
    lost = next((c for c in trace.lamp if c.reason in (Reason.CAMERA_LOST, Reason.CAMERA_STALE)), None)
    if lost is not None:
        return ChainLink("camera", LinkOutcome.BAD, f"{meaning(lost.reason)[1]} ({lost.at_s:.1f} s)")
    if not trace.reads:
        return ChainLink("camera", LinkOutcome.BAD, "no frame was read")
    size = f"{trace.reads[0].width}x{trace.reads[0].height}"
    count = len(trace.reads) + trace.dropped_reads
    found = f"1 frame read, {size}" if count == 1 else f"{count} frames read, {size}"
    return ChainLink("camera", LinkOutcome.GOOD, found)


def _plate_seen(trace: VisitTrace) -> ChainLink:
    best = [p for read in trace.reads if (p := _main(read.plates)) is not None]
    if not best:
        return ChainLink("plate seen", LinkOutcome.BAD, "in none of the frames read")
    widest = max(p.width_px for p in best)
    return ChainLink(
        "plate seen", LinkOutcome.GOOD, f"in {len(best)} of {len(trace.reads)} frames, up to {widest:.0f} px wide"
    )


def _certain(trace: VisitTrace) -> ChainLink:
    if not trace.votes:
        return ChainLink("reads agree", LinkOutcome.BAD, "no vote: nothing was read")
    certain = next((v.vote for v in trace.votes if v.vote.certain), None)
    vote = certain or trace.votes[-1].vote
    text, weakest = vote.candidate or "nothing", f"{vote.weakest:.0%}"
    found = f"{text}, {vote.reads} reads, weakest character {weakest}"
    if vote.reads == 1:
        found = f"{text}, 1 read, weakest character {weakest}"
    detail = f"{found}: {vote.detail}" if vote.detail else found
    return ChainLink("reads agree", LinkOutcome.GOOD if certain else LinkOutcome.BAD, detail)


def _answer(trace: VisitTrace) -> ChainLink:
    if not trace.answers:
        return ChainLink("service answers", LinkOutcome.BAD, "it was not asked")
    last = trace.answers[-1]
    if last.decision is None:
        why = "no answer came" if last.reason is None else _with_detail(last.reason, last.detail)
        return ChainLink("service answers", LinkOutcome.BAD, why)
    took_ms = 1000 * _took_s(last)
    return ChainLink("service answers", LinkOutcome.GOOD, f"within {took_ms:.0f} ms" if took_ms >= 1 else "at once")


def _with_detail(reason: Reason, detail: str) -> str:
    """A reason's sentence, and behind a colon what exactly went wrong."""
    words = meaning(reason)[1]
    return f"{words.removesuffix('.')}: {detail}" if detail else words


def _allowed(trace: VisitTrace) -> ChainLink:
    decision = trace.answers[-1].decision if trace.answers else None
    if decision is None:
        return ChainLink("it allows", LinkOutcome.BAD, "no answer")
    if decision.decision is Verdict.ALLOW:
        return ChainLink("it allows", LinkOutcome.GOOD, f"up to {yuan(decision.limit_fen or 0)} yuan")
    return ChainLink("it allows", LinkOutcome.BAD, meaning(decision.reason)[1])


def _green(trace: VisitTrace) -> ChainLink:
    green = next((c for c in trace.lamp if c.colour is LampColour.GREEN), None)
    if green is None:
        return ChainLink("lamp green", LinkOutcome.BAD, "never")
    after = next((c for c in trace.lamp if c.at_s > green.at_s), None)
    until = f" to {after.at_s:.1f} s ({meaning(after.reason)[1]})" if after else ""
    return ChainLink("lamp green", LinkOutcome.GOOD, f"from {green.at_s:.1f} s{until}")


def _steps(trace: VisitTrace) -> Iterator[Step]:
    yield Step(0.0, "a vehicle came into view")
    yield from _read_steps(trace)
    yield from _together_steps(trace)
    yield from _vote_steps(trace)
    for answer in trace.answers:
        yield from _answer_steps(answer)
    for change in trace.lamp:
        yield Step(change.at_s, f"lamp {change.colour}: {_lamp_words(trace, change)}")
    for fuelling in trace.fuellings:
        yield from _fuelling_steps(fuelling)
    for note in trace.notes:
        yield Step(note.at_s, note.text)
    if trace.summary is not None:
        yield Step(trace.summary.gone_s, "the vehicle left")


def _vote_steps(trace: VisitTrace) -> Iterator[Step]:
    """Each change of what the vote says."""
    before = ""
    for vote in trace.votes:
        said = f"certain of {vote.vote.plate}" if vote.vote.certain else f"not certain ({vote.vote.detail})"
        if said != before:
            yield Step(vote.at_s, f"vote: {said}")
        before = said


def _lamp_words(trace: VisitTrace, change: TracedLamp) -> str:
    """Why the lamp changed, said at the moment when it did."""
    decided_s = min([a.asked_s for a in trace.answers] + [v.at_s for v in trace.votes if v.vote.certain], default=None)
    if change.reason is Reason.VISIT_OVER:
        return "the visit is over"
    if (
        change.reason in (Reason.NO_PLATE, Reason.UNSURE, Reason.UNKNOWN_KIND)
        and decided_s is not None
        and change.at_s < decided_s
    ):
        return "a vehicle stands there, and its plate is not certain yet"
    return meaning(change.reason)[1]


def _read_steps(trace: VisitTrace) -> Iterator[Step]:
    """Each change of what is read, with how often it was read until the next one."""
    runs: list[tuple[float, str, list[PlateRead]]] = []
    for read in trace.reads:
        plate = _main(read.plates)
        text = "no plate" if plate is None else plate.text or "a plate without a readable character"
        if not runs or runs[-1][1] != text:
            runs.append((read.at_s, text, []))
        if plate is not None:
            runs[-1][2].append(plate)
    for at_s, text, plates in runs[:40]:
        if not plates:
            yield Step(at_s, "a frame without a plate was read")
            continue
        best = max(plates, key=lambda p: p.weakest)
        times = "once" if len(plates) == 1 else f"{len(plates)} times"
        doubted = f", doubted: {', '.join(best.doubts)}" if best.doubts else ""
        yield Step(
            at_s, f"read {text} {times}, {best.width_px:.0f} px wide, weakest character {_weakest(best)}{doubted}"
        )


def _together_steps(trace: VisitTrace) -> Iterator[Step]:
    """The first read of each text that several frames made together."""
    told: set[str] = set()
    for read in trace.reads:
        plate = _main(read.plates)
        if plate is not None and plate.frames > 1 and plate.text not in told:
            told.add(plate.text)
            yield Step(read.at_s, f"{plate.frames} frames read as one: {plate.text}")


def _answer_steps(answer: TracedAnswer) -> Iterator[Step]:
    question = answer.question
    how = "typed at the panel" if question.typed else f"confidence {question.confidence:.0%}"
    yield Step(answer.asked_s, f"asked the balance service about {question.plate} ({how})")
    if answer.answered_s is None:
        return
    if answer.decision is None:
        why = _with_detail(answer.reason or Reason.INTERNAL, answer.detail)
        yield Step(answer.answered_s, f"no usable answer: {why}")
        return
    reason, fact = answer.decision.reason, meaning(answer.decision.reason)[1].removesuffix(".")
    if answer.decision.decision is Verdict.ALLOW:
        why = "" if reason is Reason.OK else f" ({fact})"
        yield Step(answer.answered_s, f"allowed up to {yuan(answer.decision.limit_fen or 0)} yuan{why}")
    else:
        yield Step(answer.answered_s, f"refused: {fact}")


def _fuelling_steps(fuelling: TracedFuelling) -> Iterator[Step]:
    yield Step(fuelling.started_s, "the nozzle was lifted")
    if fuelling.ended_s is None:
        return
    report, receipt = fuelling.report, fuelling.receipt
    if report is None:
        yield Step(fuelling.ended_s, "the nozzle was hung up, nothing had flowed")
        return
    flags = f" [{', '.join(report.flags)}]" if report.flags else ""
    volume = f"{report.volume_ml / 1000:.2f} L of {report.product} for {yuan(report.amount_fen)} yuan{flags}"
    yield Step(fuelling.ended_s, f"the nozzle was hung up: {volume}")
    if receipt is None:
        yield Step(fuelling.ended_s, "the report waits in the outbox or is under way")
    else:
        balance = "" if receipt.balance_fen is None else f", balance {yuan(receipt.balance_fen)} yuan"
        balance = ", by phone" if receipt.by_phone else balance
        noticed = f" [{', '.join(receipt.flags)}]" if receipt.flags else ""
        yield Step(fuelling.ended_s, f"charged {yuan(receipt.charged_fen)} yuan{balance}{noticed}")


def read_counts(trace: VisitTrace) -> list[tuple[str, int]]:
    """Each text that was read and how often, most often first."""
    return Counter(p.text for read in trace.reads if (p := _main(read.plates)) is not None).most_common()


def yuan(fen: int) -> str:
    """Money for people."""
    whole, part = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole:,}.{part:02d}"


def _main(plates: tuple[PlateRead, ...]) -> PlateRead | None:
    return max(plates, key=lambda p: p.width_px * p.detection, default=None)


def _weakest(plate: PlateRead) -> str:
    if not plate.characters:
        return "none"
    character = min(plate.characters, key=lambda s: s.probability)
    return f"{character.character} {character.probability:.0%}"


def _took_s(answer: TracedAnswer) -> float:
    return max(0.0, (answer.answered_s or answer.asked_s) - answer.asked_s)
