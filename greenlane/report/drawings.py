"""The report's drawings as SVG: the lamp over time, the reads over time, and the plate in its picture."""

from __future__ import annotations

from collections import Counter
from html import escape

from controller.checks import columns as terminal_columns
from controller.records import PlateRead
from greenlane.language import tr
from greenlane.simulation.results import ClipResult, Picture, VisitResult

WIDTH = 720
LEFT, RIGHT = 58, 12
WIDE = 1130


class Scale:
    """Seconds of the video to x of a drawing."""

    def __init__(self, first_s: float, last_s: float, width: int = WIDTH) -> None:
        self.first_s, self.last_s, self.width = first_s, max(last_s, first_s + 0.1), width

    def x(self, at_s: float) -> float:
        share = (at_s - self.first_s) / (self.last_s - self.first_s)
        return round(LEFT + (self.width - LEFT - RIGHT) * min(max(share, 0.0), 1.0), 1)

    def ticks(self) -> list[float]:
        span = self.last_s - self.first_s
        step = next((s for s in (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300) if span / s <= 12), 600)
        first = -(-self.first_s // step) * step
        return [first + step * i for i in range(int((self.last_s - first) // step) + 1)]


def axis(scale: Scale, y: float) -> str:
    """Ticks and labels in seconds at the foot of a drawing."""
    marks = "".join(
        f'<line class="tick" x1="{scale.x(t)}" x2="{scale.x(t)}" y1="{y}" y2="{y + 4}"/>'
        f'<text class="label" x="{scale.x(t)}" y="{y + 16}" text-anchor="middle">{t:g}</text>'
        for t in scale.ticks()
    )
    return (
        f'<line class="tick" x1="{LEFT}" x2="{scale.width - RIGHT}" y1="{y}" y2="{y}"/>{marks}'
        f'<text class="label" x="4" y="{y + 16}">{tr("time, s")}</text>'
    )


def picture(shown: Picture, source: str) -> str:
    """The frame with the plate's four corners drawn on it."""
    box = ""
    if shown.plate is not None:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shown.plate.corners)
        stroke = max(2.0, shown.width / 400)
        box = f'<polygon points="{points}" class="box" stroke-width="{stroke:.1f}"/>'
    return (
        f'<svg class="picture" viewBox="0 0 {shown.width} {shown.height}" role="img" '
        f'aria-label="{tr(f"The lane at {shown.at_s:.1f} s")}"><image href="{source}" width="{shown.width}" '
        f'height="{shown.height}"/>{box}</svg>'
    )


def lamp(visit_result: VisitResult) -> str:
    """The lamp's colours from the vehicle's arrival to its leaving, with what happened when."""
    summary = visit_result.summary
    first, last = visit_result.at(summary.first_seen_s) or 0.0, visit_result.at(summary.gone_s) or 0.0
    scale = Scale(first, last)
    changes = [(max(visit_result.at(c.at_s) or 0.0, first), str(c.colour)) for c in summary.lamp]
    ends = [at for at, _ in changes[1:]] + [last]
    bars = "".join(
        f'<rect class="lamp {colour}" x="{scale.x(at)}" y="44" width="{max(scale.x(end) - scale.x(at), 1):.1f}" '
        f'height="22"><title>{tr(colour)} {tr(f"{at:.2f} to {end:.2f} s")}</title></rect>'
        for (at, colour), end in zip(changes, ends, strict=True)
    )
    fuel = ""
    if visit_result.fuelled is not None:
        x0, x1 = scale.x(visit_result.fuelled.started_s), scale.x(visit_result.fuelled.ended_s)
        fuel = (
            f'<rect class="fuel" x="{x0}" y="70" width="{max(x1 - x0, 1):.1f}" height="8" rx="4"/>'
            f'<text class="label" x="4" y="79">{tr("nozzle")}</text>'
        )
    lamp_bar = f'<text class="label" x="4" y="60">{tr("lamp")}</text>{bars}'
    drawn = f"{_events(visit_result, scale)}{lamp_bar}{fuel}{axis(scale, 86)}"
    return _chart(WIDTH, 108, tr("Lamp over time"), drawn)


def _chart(width: int, height: int, label: str, drawn: str) -> str:
    """A drawing over time, which a narrow screen scrolls sideways: its letters stay as large as they are."""
    svg = f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{label}">{drawn}</svg>'
    return f'<div class="sideways" style="--least: {4 * width // 5}px" tabindex="0">{svg}</div>'


def _events(visit_result: VisitResult, scale: Scale) -> str:
    """Labelled marks above the lamp's bar; labels that would touch move to the second line."""
    summary = visit_result.summary
    named = [
        ("seen", summary.first_seen_s),
        ("plate certain", summary.read_s),
        ("decided", summary.decided_s),
        ("gone", summary.gone_s),
    ]
    marks, taken = [], {12: -1e9, 26: -1e9}
    for name, moment in named:
        at = visit_result.at(moment)
        if at is None:
            continue
        x = scale.x(at)
        text = f"{tr(name)} {at:.2f}"
        width = 6.2 * terminal_columns(text)
        start = min(x, WIDTH - RIGHT - width)
        row = 12 if start > taken[12] + 6 else 26
        taken[row] = start + width
        marks.append(
            f'<line class="event" x1="{x}" x2="{x}" y1="{row + 4}" y2="66"/>'
            f'<text class="label strong" x="{start:.1f}" y="{row}">{escape(text)}</text>'
        )
    return "".join(marks)


def reads(visit_result: VisitResult) -> str:
    """Every read of the visit: when, how sure, and whether it says what the vote says in the end."""
    summary = visit_result.summary
    scale = Scale(visit_result.at(summary.first_seen_s) or 0.0, visit_result.at(summary.gone_s) or 0.0)
    top, foot = 8, 104
    winner = summary.plate or (visit_result.vote.candidate if visit_result.vote else None)
    grid = "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{_y(p, top, foot)}" y2="{_y(p, top, foot)}"/>'
        f'<text class="label" x="{LEFT - 6}" y="{_y(p, top, foot) + 4}" text-anchor="end">{p:.0%}</text>'
        for p in (0.0, 0.5, 1.0)
    )
    dots = "".join(
        f'<circle class="{"agrees" if seen.plate.text == winner else "differs"}" cx="{scale.x(seen.at_s)}" '
        f'cy="{_y(seen.plate.confidence, top, foot)}" r="4"><title>{seen.at_s:.2f} s: '
        f"{escape(seen.plate.text or tr('no character'))} {seen.plate.confidence:.1%}</title></circle>"
        for seen in visit_result.reads
    )
    return _chart(WIDTH, 126, tr("Reads over time"), f"{grid}{dots}{axis(scale, foot)}")


def _y(share: float, top: float, foot: float) -> float:
    return round(foot - (foot - top) * share, 1)


def characters(plate: PlateRead) -> str:
    """One bar per character: how probable the reader holds it."""
    width = 46 * len(plate.characters)
    bars = "".join(
        f'<rect class="{"sure" if s.probability >= 0.9 else "weak"}" x="{46 * i + 8}" width="30" '
        f'y="{58 - 50 * s.probability:.1f}" height="{max(50 * s.probability, 1):.1f}" rx="3">'
        f"<title>{s.probability:.3%}</title></rect>"
        f'<text class="character" x="{46 * i + 23}" y="78" text-anchor="middle">{escape(s.character)}</text>'
        for i, s in enumerate(plate.characters)
    )
    box = f'viewBox="0 0 {max(width, 46)} 84" role="img" aria-label="{tr("Sureness per character")}"'
    return f'<svg class="characters" {box}>{bars}</svg>'


def whole_clip(result: ClipResult) -> str:
    """The lamp over the whole clip with the visits above it."""
    scale = Scale(0.0, result.duration_s, WIDE)
    changes = [(max(c.at_s - result.start_s, 0.0), str(c.colour)) for c in result.lamp] or [(0.0, "off")]
    ends = [at for at, _ in changes[1:]] + [result.duration_s]
    bars = "".join(
        f'<rect class="lamp {colour}" x="{scale.x(at)}" y="30" height="16" '
        f'width="{max(scale.x(end) - scale.x(at), 0.5):.1f}"/>'
        for (at, colour), end in zip(changes, ends, strict=True)
    )
    visits = "".join(_bracket(visit, scale) for visit in result.visits)
    rows = (
        f'<text class="label" x="4" y="19">{tr("visits")}</text>{visits}'
        f'<text class="label" x="4" y="42">{tr("lamp")}</text>{bars}'
    )
    return _chart(WIDE, 72, tr("The lamp over the whole clip"), f"{rows}{axis(scale, 50)}")


def _bracket(visit: VisitResult, scale: Scale) -> str:
    """One visit above the clip's lamp: from seen to gone, with its number."""
    first, last = (scale.x(visit.at(t) or 0.0) for t in (visit.summary.first_seen_s, visit.summary.gone_s))
    return (
        f'<rect class="visit" x="{first}" y="6" width="{max(last - first, 2):.1f}" height="18" rx="4"/>'
        f'<text class="label strong" x="{(first + last) / 2:.1f}" y="19" text-anchor="middle">{visit.number}</text>'
    )


def read_counts(visit_result: VisitResult) -> list[tuple[str, int, float]]:
    """The texts that were read, the most frequent first: text, how often, best confidence."""
    counts = Counter(seen.plate.text for seen in visit_result.reads)
    best = {t: max(s.plate.confidence for s in visit_result.reads if s.plate.text == t) for t in counts}
    return [(text, count, best[text]) for text, count in sorted(counts.items(), key=lambda c: (-c[1], -best[c[0]]))]
