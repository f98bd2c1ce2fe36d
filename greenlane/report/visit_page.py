"""One recorded visit as one HTML page: pictures, the chain from camera to lamp, and every step."""

from __future__ import annotations

import base64
import importlib.resources
from collections.abc import Mapping
from html import escape

from controller.records import LampChange, PlateRead, VisitSummary
from controller.traces.records import TracedPicture, TracedRead, VisitTrace
from greenlane import language
from greenlane.language import tr
from greenlane.report import drawings
from greenlane.report.explanation import Explanation, LinkOutcome
from greenlane.report.page import said
from greenlane.simulation.results import AnsweredQuestion, Fuelled, Picture, Seen, VisitResult
from wire.reasons import Reason, Verdict

STYLE = """
.chain { list-style: none; padding: 0; margin: 0; } .chain li { display: flex; gap: 10px; padding: 4px 0; }
.chain b { flex: 0 0 min(140px, 30%); font-weight: 600; }
.chain .mark { flex: 0 0 1.2em; text-align: center; font-weight: 700; }
.chain .ok .mark { color: var(--green); }
.chain .failed .mark { color: var(--red); } .chain .failed { font-weight: 600; }
.todo { border-left: 4px solid var(--accent); padding: 6px 0 6px 14px; margin: 12px 0; }
.shots { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 14px; }
.shots figure { margin: 0; } .shots figcaption { color: var(--soft); font-size: 13px; padding-top: 4px; }
"""
MARKS = {LinkOutcome.GOOD: "✓", LinkOutcome.BAD: "✗", LinkOutcome.OPEN: "·"}


def html(trace: VisitTrace, explanation: Explanation, pictures: Mapping[str, bytes], conditions: str) -> str:
    """The page, self-contained. pictures: JPEG by file name, as far as they are still kept."""
    visit_result = as_visit_result(trace)
    style = importlib.resources.files("greenlane.report").joinpath("style.css").read_text(encoding="utf-8") + STYLE
    colour = "allow" if explanation.headline.startswith("GREEN:") else "refuse"
    return (
        f'<!doctype html><html lang="{language.spoken()}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(trace.visit)}</title>'
        f"<style>{style}</style></head><body><main><header><div><h1>{escape(tr(f'Visit {trace.visit}'))}</h1>"
        f"<p>{trace.first_seen_at.isoformat(sep=' ', timespec='seconds')}</p></div></header>"
        f'<section class="card"><div class="verdict"><span class="light {colour}"></span>'
        f'<span class="says {colour}">{escape(tr(explanation.headline))}</span></div>'
        f'<p class="why">{said((explanation.chinese, explanation.english))}</p>'
        f'<p class="todo"><b>{tr("What to do:")}</b> {escape(tr(explanation.remedy))}</p>'
        f"<h3>{tr('From camera to lamp')}</h3>{_chain(explanation)}</section>"
        f'<section class="card"><h3>{tr("Lamp")}</h3>{drawings.lamp(visit_result)}'
        f"<h3>{tr('Reads')}</h3>{drawings.reads(visit_result)}</section>"
        f'<section class="card"><h3>{tr("Pictures")}</h3>{_pictures(trace, pictures)}</section>'
        f'<section class="card"><h3>{tr("Step by step")}</h3>{_steps(explanation)}</section>'
        f"<footer>{escape(conditions)}</footer></main></body></html>\n"
    )


def as_visit_result(trace: VisitTrace) -> VisitResult:
    """The trace as the drawings of the simulation's report take it; seconds count from the vehicle's arrival."""
    summary = trace.summary or _unfinished(trace)
    answers = tuple(
        AnsweredQuestion(a.question, a.asked_s, a.answered_s, None, a.decision, str(a.reason or ""), a.detail)
        for a in trace.answers
    )
    ended = next((f for f in trace.fuellings if f.ended_s is not None), None)
    return VisitResult(
        clip="",
        number=1,
        summary=summary,
        start_s=0.0,
        reads=tuple(Seen(r.at_s, p) for r in trace.reads if (p := _widest(r)) is not None),
        votes=tuple((v.at_s, v.vote) for v in trace.votes),
        answers=answers,
        fuelled=None if ended is None else Fuelled(ended.started_s, ended.ended_s or 0.0, ended.report, ended.receipt),
    )


def _unfinished(trace: VisitTrace) -> VisitSummary:
    """What is known of a visit that never closed."""
    moments = [0.0, *(r.at_s for r in trace.reads), *(c.at_s for c in trace.lamp)]
    lamp = tuple(LampChange(c.at_s, c.colour) for c in trace.lamp)
    return VisitSummary(
        visit=trace.visit,
        plate=None,
        typed=False,
        decision=Verdict.REFUSE,
        reason=Reason.INTERNAL,
        first_seen_at=trace.first_seen_at,
        first_seen_s=0.0,
        read_s=None,
        decided_s=None,
        gone_s=max(moments),
        lamp=lamp,
    )


def _chain(explanation: Explanation) -> str:
    rows = "".join(
        f'<li class="{link.outcome.name.lower() if link.outcome is LinkOutcome.OPEN else link.outcome.value}">'
        f'<span class="mark">{MARKS[link.outcome]}</span><b>{escape(tr(link.name))}</b>'
        f"<span>{escape(tr(link.detail))}</span></li>"
        for link in explanation.links
    )
    return f'<ol class="chain">{rows}</ol>'


def _pictures(trace: VisitTrace, pictures: Mapping[str, bytes]) -> str:
    ordered = sorted(trace.pictures, key=lambda fact: fact.at_s)
    shown = "".join(_figure(trace, fact, pictures[fact.file]) for fact in ordered if fact.file in pictures)
    if shown:
        return f'<div class="shots">{shown}</div>'
    kept = tr("They were deleted after their time." if trace.pictures else "None was kept.")
    return f'<p class="no-picture">{kept}</p>'


def _figure(trace: VisitTrace, fact: TracedPicture, jpeg: bytes) -> str:
    read = next((r for r in trace.reads if r.frame == fact.frame), None)
    plate = _widest(read) if read else None
    width, height = (read.width, read.height) if read else (1280, 720)
    source = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"
    drawn = drawings.picture(Picture(jpeg, width, height, fact.at_s, plate), source)
    words = tr("no plate found")
    if plate is not None:
        words = (plate.text or tr("no character")) + tr(f", weakest character {plate.weakest:.0%}")
        words += tr(f", doubted: {', '.join(plate.doubts)}") if plate.doubts else ""
    return f"<figure>{drawn}<figcaption>{tr(fact.role)}, {fact.at_s:.2f} s: {escape(words)}</figcaption></figure>"


def _steps(explanation: Explanation) -> str:
    rows = "".join(f"<tr><th>{step.at_s:.2f} s</th><td>{escape(tr(step.text))}</td></tr>" for step in explanation.steps)
    return f"<table>{rows}</table>"


def _widest(read: TracedRead) -> PlateRead | None:
    return max(read.plates, key=lambda p: p.width_px * p.detection, default=None)
