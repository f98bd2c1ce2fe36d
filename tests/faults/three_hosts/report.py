"""The record as tables for a terminal and for Markdown, and as one page with every lamp's timeline."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from greenlane.cli.admin.office import table
from tests.faults.three_hosts.record import Fuelled, ScenarioRecord, VisitRecord
from wire.money import format_yuan

SCENARIO_HEAD = (
    "what fails",
    "visits",
    "green by server",
    "green by list",
    "red",
    "granted by list",
    "most of a card's cap",
    "most of the station's",
    "fuellings posted",
    "waited at units / station",
    "to look at",
    "reconciled s",
    "audit",
)
VISIT_HEAD = (
    "min",
    "lane",
    "plate",
    "vehicle",
    "lamp",
    "told",
    "limit",
    "metered",
    "posted",
    "flags",
)
NUMBERS = (0, 6, 7, 8)
WIDTH, LEFT, TOP, BAR = 640, 8, 4, 18


def scenario_rows(records: Iterable[ScenarioRecord]) -> list[tuple[str, ...]]:
    """One row per scenario."""
    return [
        (
            r.title,
            str(len(r.visits)),
            str(_greens(r, "server")),
            str(_greens(r, "list")),
            str(sum(not v.grants for v in r.visits)),
            format_yuan(sum(g.limit_fen for g in r.offline)),
            f"{format_yuan(r.most_card_fen)} of {format_yuan(r.card_cap_fen)}",
            f"{format_yuan(r.most_station_fen)} of {format_yuan(r.station_cap_fen)}",
            f"{sum(f.posted_fen is not None for f in r.fuelled)} of {len(r.fuelled)}",
            f"{r.waiting_unit} / {r.waiting_station}",
            _counted(r.conflicts),
            f"{r.reconciled_s:.1f}",
            "clean" if not r.breaches and r.audit.endswith("the books are right") else "NOT CLEAN",
        )
        for r in records
    ]


def visit_rows(record: ScenarioRecord) -> list[tuple[str, ...]]:
    """One row per visit."""
    return [
        (
            f"{v.after_s / 60:.0f}",
            v.lane,
            v.plate,
            v.words,
            lamp_words(v),
            ", ".join(v.reasons),
            _yuan([a.limit_fen for a in v.answers if a.limit_fen is not None][-1:]),
            _yuan(f.metered_fen for f in v.fuelled),
            _yuan(f.posted_fen for f in v.fuelled),
            _flags(v.fuelled),
        )
        for v in record.visits
    ]


def lamp_words(visit: VisitRecord) -> str:
    """The colours with the seconds at which they began, from the vehicle's coming to its going."""
    return ", ".join(f"{c.colour} {c.at_s:.1f}" for c in visit.lamp if c.colour != "off") or "off"


def text(record: ScenarioRecord) -> str:
    """One scenario for a terminal."""
    head = f"{record.name}: {record.title} ({record.lasted_s / 60:.0f} min by the hosts' clocks, {record.wall_s:.0f} s)"
    wrong = [f"WRONG: {words}" for words in record.breaches]
    return "\n".join([head, table(VISIT_HEAD, visit_rows(record), NUMBERS), *wrong, ""])


def summary(records: Sequence[ScenarioRecord]) -> str:
    """All scenarios for a terminal."""
    return table(SCENARIO_HEAD, scenario_rows(records))


def markdown(records: Sequence[ScenarioRecord]) -> str:
    """Both kinds of tables."""
    parts = [_markdown_table(SCENARIO_HEAD, scenario_rows(records))]
    for record in records:
        parts.append(f"### {record.title[0].upper()}{record.title[1:]}\n")
        parts.append(_markdown_table(VISIT_HEAD, visit_rows(record)))
    return "\n".join(parts)


def write(folder: Path, records: Sequence[ScenarioRecord]) -> Path:
    """index.html, outages.md and outages.json into the folder, made if missing; the page's path. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "outages.md").write_text(markdown(records), encoding="utf-8")
    facts = json.dumps([dataclasses.asdict(r) for r in records], ensure_ascii=False, indent=1)
    (folder / "outages.json").write_text(facts, encoding="utf-8")
    page = folder / "index.html"
    page.write_text(html(records), encoding="utf-8")
    return page


def html(records: Sequence[ScenarioRecord]) -> str:
    """One page that needs nothing else."""
    parts = [_html_table(SCENARIO_HEAD, scenario_rows(records))]
    for record in records:
        wrong = "".join(f"<p class=wrong>{escape(words)}</p>" for words in record.breaches)
        rows = [_visit_html(visit, row) for visit, row in zip(record.visits, visit_rows(record), strict=True)]
        parts.append(
            f"<h2>{escape(record.title)}</h2><p>{record.lasted_s / 60:.0f} min by the hosts' clocks; reconciled "
            f"{record.reconciled_s:.1f} s after all was well; {escape(record.audit)}.</p>{wrong}{''.join(rows)}"
        )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>A station on three hosts</title>"
        f"<style>{STYLE}</style><h1>A station on three hosts, and lines that fail</h1>{''.join(parts)}</html>"
    )


def timeline(visit: VisitRecord) -> str:
    """The lamp from the vehicle's coming to its going, with the answers and the end of each fuelling, as SVG."""
    whole_s = max(visit.gone_s - visit.seen_s, 0.1)

    def x(at_s: float) -> float:
        return round(LEFT + (WIDTH - 2 * LEFT) * min(max(at_s / whole_s, 0.0), 1.0), 1)

    ends = [*(c.at_s for c in visit.lamp[1:]), whole_s]
    bars = "".join(
        f'<rect class="{c.colour}" x="{x(c.at_s)}" y="{TOP}" width="{max(x(end_s) - x(c.at_s), 0.5):.1f}" '
        f'height="{BAR}"><title>{c.colour} from {c.at_s:.2f} to {end_s:.2f} s</title></rect>'
        for c, end_s in zip(visit.lamp, ends, strict=True)
    )
    marks = [(a.at_s, a.reason) for a in visit.answers]
    marks += [(f.ended_s - visit.seen_s, f"{format_yuan(f.metered_fen)} yuan") for f in visit.fuelled]
    labels = "".join(
        f'<line x1="{x(at_s)}" x2="{x(at_s)}" y1="{TOP}" y2="{TOP + BAR + 6}"/>'
        f'<text x="{x(at_s)}" y="{TOP + BAR + 17}" text-anchor="{_anchor(x(at_s))}">{escape(words)}</text>'
        for at_s, words in _apart(marks)
    )
    end = f'<text x="{WIDTH - LEFT}" y="{TOP + 2 * BAR + 12}" text-anchor="end">gone after {whole_s:.1f} s</text>'
    return (
        f'<svg viewBox="0 0 {WIDTH} {TOP + 2 * BAR + 16}" role="img" '
        f'aria-label="Lamp: {escape(lamp_words(visit))}">{bars}{labels}{end}</svg>'
    )


def _apart(marks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Of equal labels in a row the first alone."""
    return [mark for n, mark in enumerate(marks) if n == 0 or marks[n - 1][1] != mark[1]]


def _anchor(x: float) -> str:
    return "start" if x < WIDTH / 4 else "end" if x > 3 * WIDTH / 4 else "middle"


def _greens(record: ScenarioRecord, by: str) -> int:
    return sum(bool(v.grants) and v.decision == "allow" and _granter(v) == by for v in record.visits)


def _granter(visit: VisitRecord) -> str:
    """Who gave the authorisation that the lamp was green under in the end."""
    under = visit.answers[-1].authorisation
    return next((g.by for g in visit.grants if g.name == under), "")


def _counted(conflicts: Sequence[str]) -> str:
    """Each flag with how often it was set."""
    flags = [words.partition(" ")[0] for words in conflicts]
    return ", ".join(f"{flags.count(flag)} {flag}" for flag in dict.fromkeys(flags))


def _flags(fuelled: Iterable[Fuelled]) -> str:
    return ", ".join(dict.fromkeys(flag for f in fuelled for flag in f.flags))


def _yuan(amounts: Iterable[int | None]) -> str:
    return ", ".join("none" if fen is None else format_yuan(fen) for fen in amounts)


def _markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = "".join("<tr>" + "".join(f"<td>{escape(cell)}" for cell in row) for row in rows)
    return f"<table><tr>{''.join(f'<th>{escape(cell)}' for cell in head)}{lines}</table>"


def _visit_html(visit: VisitRecord, row: Sequence[str]) -> str:
    after, lane, plate, words, _, answered, limit, metered, posted, flags = map(escape, row)
    money = f"limit {limit}, metered {metered}, posted {posted} yuan {flags}" if metered else "nothing fuelled"
    return (
        f"<section><p><b>{lane}</b> after {after} min <span class=plate>{plate}</span> {words}<br>"
        f"<span class=soft>{answered}; {money}</span></p>{timeline(visit)}</section>"
    )


STYLE = """
body { font: 15px/1.45 system-ui, "Noto Sans CJK SC", sans-serif; max-width: 1100px; margin: 24px auto; padding: 0 16px;
  color: #1b2420; background: #fff; }
table { border-collapse: collapse; font-size: 13px; }
td, th { text-align: left; padding: 4px 10px 4px 0; vertical-align: top; border-top: 1px solid #dfe4e0; }
th { color: #5d6a64; font-weight: 400; }
section { display: grid; grid-template-columns: 1fr 1fr; gap: 16px; border-top: 1px solid #dfe4e0; }
svg { width: 100%; align-self: center; }
rect.red { fill: #c7322b; } rect.green { fill: #12894e; } rect.off { fill: #d5dad6; }
line { stroke: #1b2420; } text { font-size: 11px; fill: #5d6a64; } .soft { color: #5d6a64; font-size: 13px; }
.plate { background: #1d4fa8; color: #fff; border-radius: 4px; padding: 1px 6px; }
.wrong { color: #c7322b; font-weight: 600; }
@media (max-width: 760px) { section { grid-template-columns: 1fr; } }
"""
