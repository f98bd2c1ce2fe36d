"""Puts the report together: head, one card per visit, everything embedded."""

from __future__ import annotations

import base64
import importlib.resources
from collections.abc import Sequence
from html import escape
from pathlib import Path

from controller.records import Colour
from greenlane import language
from greenlane.language import tr
from greenlane.report import drawings
from greenlane.report.explanation import yuan
from greenlane.simulation.results import AnsweredQuestion, ClipResult, Fuelled, VisitResult
from service.http.flag_words import FLAGS
from service.station.words import REASONS, meaning
from wire.files import replace_regular
from wire.fuellings import FuellingReceipt
from wire.reasons import Reason, Verdict

LOGO = (
    '<svg viewBox="0 0 48 48" aria-hidden="true"><rect width="48" height="48" rx="11" fill="#1b2420"/>'
    '<circle cx="24" cy="15" r="8" fill="#5a2522"/><circle cx="24" cy="33" r="8" fill="#2fce7e"/></svg>'
)


def write(folder: Path, results: Sequence[ClipResult], conditions: str) -> Path:
    """Write index.html into the folder (made if missing) and return its path. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "index.html"
    page = html(results, conditions).encode("utf-8", "backslashreplace")  # a clip's name may hold any bytes
    replace_regular(target, page)
    return target


def html(results: Sequence[ClipResult], conditions: str) -> str:
    """The whole page; conditions is one line on reader, machine and time."""
    style = importlib.resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    body = "".join(_clip(result) for result in results)
    return (
        f'<!doctype html><html lang="{language.spoken()}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>'
        f"{tr('greenlane report')}</title>"
        f"<style>{style}</style></head><body><main><header>{LOGO}<div><h1>{tr('What the lane saw and did')}</h1>"
        f"<p>{tr('greenlane simulation: real reader, lane and balance service on recorded video')}</p></div></header>"
        f"{body}"
        f"<footer>{escape(conditions)}</footer></main></body></html>\n"
    )


def _clip(result: ClipResult) -> str:
    allowed = sum(v.summary.decision is Verdict.ALLOW for v in result.visits)
    speed = result.duration_s / result.wall_s if result.wall_s > 0 else 0.0
    facts = [
        ("visits", str(len(result.visits)), ""),
        ("green", str(allowed), "green"),
        ("red", str(len(result.visits) - allowed), "red"),
        ("frames", f"{result.frames:,}", ""),
        ("of them read", f"{result.reads:,}", ""),
        ("video", f"{result.duration_s:.1f} s", ""),
        ("played at", tr(f"{speed:.1f} x real time"), ""),
    ]
    shown = "".join(f'<div><dt>{tr(n)}</dt><dd class="{c}">{escape(v)}</dd></div>' for n, v, c in facts)
    error = f'<p class="card error"><strong>{escape(tr(result.error))}</strong></p>' if result.error else ""
    head = (
        f'<section class="card"><p class="clip-name">{escape(result.clip)}</p><dl class="facts">{shown}</dl>'
        f"{drawings.whole_clip(result)}</section>"
    )
    return head + error + "".join(_visit(v) for v in result.visits) + _charges(result)


def _charges(result: ClipResult) -> str:
    """What persons were charged, visit by visit."""
    if not result.charges:
        return ""
    numbers = {visit_result.summary.visit: visit_result.number for visit_result in result.visits}
    rows = [
        (
            tr(f"visit {numbers[charge.visit]}"),
            escape(charge.phone)
            + tr(f", {yuan(charge.amount_fen)} yuan: {tr(charge.state)}")
            + ("" if charge.paid_s is None else tr(f" at {charge.paid_s:.1f} s"))
            + (tr(f", hours {charge.period}") if charge.period else ""),
        )
        for charge in result.charges
    ]
    return f'<section class="card"><h3>{tr("Charges to phones")}</h3>{_table(rows)}</section>'


def _visit(visit_result: VisitResult) -> str:
    summary = visit_result.summary
    told = meaning(summary.reason)
    word = tr("Green: may refuel" if summary.decision is Verdict.ALLOW else "Red: may not refuel")
    return (
        f'<article class="card visit-card"><div class="left">{_left(visit_result)}</div><div class="right">'
        f'<div class="verdict"><span class="light {summary.decision}"></span>{_plate(visit_result)}'
        f'<span class="says {summary.decision}">{word}</span>'
        f'<span class="number">{tr(f"visit {visit_result.number}")}</span></div>'
        f'<p class="why">{said(told)}</p>'
        f"<h3>{tr('Lamp')}</h3>{drawings.lamp(visit_result)}<h3>{tr('Reads')}</h3>{drawings.reads(visit_result)}"
        f'<div class="pair"><div><h3>{tr("Question and answer")}</h3>{_question(visit_result)}</div>'
        f"<div>{_fuelling(visit_result.fuelled)}</div></div>{_notes(visit_result)}</div></article>"
    )


def said(words: tuple[str, str]) -> str:
    """A reason as HTML: in Chinese alone for who reads Chinese, else English with the driver's Chinese behind it."""
    chinese, english = map(escape, words)
    return chinese if language.spoken() == "zh" else f'{english}<span lang="zh">{chinese}</span>'


def _left(visit_result: VisitResult) -> str:
    shown = visit_result.picture
    parts = [
        f'<p class="no-picture">{tr("no picture was kept")}</p>'
        if shown is None
        else drawings.picture(shown, _embedded(shown.jpeg))
    ]
    parts.append('<div class="under">')
    if shown is not None and shown.crop_jpeg:
        parts.append(f'<img class="crop" alt="{tr("the plate, enlarged")}" src="{_embedded(shown.crop_jpeg)}">')
    if shown is not None and shown.plate is not None and shown.plate.characters:
        parts.append(drawings.characters(shown.plate))
    return "".join([*parts, f"<h3>{tr('Vote')}</h3>", _vote(visit_result), "</div>"])


def _embedded(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"


def _plate(visit_result: VisitResult) -> str:
    plate = visit_result.summary.plate
    if plate is None:
        return f'<span class="plate none">{tr("no certain plate")}</span>'
    colours = [seen.plate.colour for seen in visit_result.reads if seen.plate.text == plate]
    colour = max(set(colours), key=colours.count) if colours else Colour.BLUE
    return f'<span class="plate {colour}" lang="zh">{escape(plate[:2])}·{escape(plate[2:])}</span>'


def _vote(visit_result: VisitResult) -> str:
    rows = [
        (escape(text) or tr("no character"), _counted(count, best))
        for text, count, best in drawings.read_counts(visit_result)[:4]
    ]
    vote = visit_result.vote
    if vote is not None and vote.candidate is not None:
        held = tr(f"certain of {vote.plate}" if vote.plate else "not certain")
        sure = tr(f": {vote.confidence:.1%}, weakest character {vote.weakest:.1%}")
        rows.append((tr("together"), f"{held}{sure}"))
    return _table(rows) if rows else f"<p>{tr('No plate was read.')}</p>"


def _counted(count: int, best: float) -> str:
    return tr(f"1 read, best {best:.0%}" if count == 1 else f"{count} reads, best {best:.0%}")


def _question(visit_result: VisitResult) -> str:
    if not visit_result.answers:
        return f"<p>{tr('The service was not asked: no certain plate.')}</p>"
    return _table([row for answer in visit_result.answers[-2:] for row in _answer_rows(visit_result, answer)])


def _answer_rows(visit_result: VisitResult, answer: AnsweredQuestion) -> list[tuple[str, str]]:
    question, decision = answer.question, answer.decision
    typed = f" ({tr('typed')})" if question.typed else ""
    rows = [(tr(f"asked {answer.asked_s:.2f} s"), f"{escape(question.plate)}{typed}")]
    took = "" if answer.took_ms is None else tr(f" in {answer.took_ms:.0f} ms")
    if decision is None:
        return [
            *rows,
            (tr("answer"), f"{tr('none')}{took}: {escape(_reason(answer.reason))} {escape(tr(answer.detail))}"),
        ]
    rows.append(
        (
            tr("answer"),
            language.one_of(("，", ", ")).join((tr(str(decision.decision)), f"{_reason(decision.reason)}{took}")),
        )
    )
    if decision.limit_fen is not None:
        rows.append((tr("limit"), tr(f"{yuan(decision.limit_fen)} yuan held")))
    if decision.expires_at is not None:
        rows.append((tr("expires"), f"{decision.expires_at:%H:%M:%S} UTC"))
    return rows


def _flag(flag: str) -> str:
    """A flag's code, as documents know it, or its words in Chinese."""
    return language.one_of((FLAGS[flag][0] if flag in FLAGS else flag, flag))


def _reason(reason: str) -> str:
    """A reason's code, as documents know it, or its fact in Chinese."""
    return language.one_of((REASONS.get(Reason(reason), (reason, ""))[0], reason)) if reason in set(Reason) else reason


def _fuelling(fuelled: Fuelled | None) -> str:
    if fuelled is None:
        return ""
    if fuelled.report is None:
        nothing = tr("The nozzle was lifted and hung up again, nothing flowed.")
        return f"<h3>{tr('Fuelling')}</h3><p>{nothing}</p>"
    report, receipt = fuelled.report, fuelled.receipt
    left = [
        (tr("volume"), tr(f"{report.volume_ml / 1000:.2f} L of {escape(report.product)}")),
        (tr("price"), tr(f"{yuan(report.unit_price_fen_per_l)} yuan/L")),
        (tr("amount"), tr(f"{yuan(report.amount_fen)} yuan")),
    ]
    right = [(tr("receipt"), tr("not posted yet"))]
    if receipt is not None:
        right = [
            (tr("charged"), f'<span class="sum">{tr(f"{yuan(receipt.charged_fen)} yuan")}</span>'),
            (tr("released"), tr(f"{yuan(receipt.released_fen)} yuan of the hold")),
            *_balance_after(receipt),
        ]
        flags = sorted({*report.flags, *receipt.flags})
        right += [(tr("flags"), escape(", ".join(map(_flag, flags))))] if flags else []
    return f"<h3>{tr('Fuelling and bill')}</h3>{_table(left + right)}"


def _balance_after(receipt: FuellingReceipt) -> list[tuple[str, str]]:
    """A person's wallet is nobody's business here; nothing for what nobody was charged for."""
    if receipt.by_phone:
        return [(tr("balance after"), tr("paid by phone"))]
    if receipt.balance_fen is None:
        return []
    return [(tr("balance after"), tr(f"{yuan(receipt.balance_fen)} yuan"))]


def _notes(visit_result: VisitResult) -> str:
    if not visit_result.notes:
        return ""
    return f"<h3>{tr('Notes')}</h3>" + _table([(f"{at:.2f} s", escape(tr(text))) for at, text in visit_result.notes])


def _table(rows: Sequence[tuple[str, str]]) -> str:
    """Rows of trusted HTML."""
    cells = "".join(f'<tr><th>{name}</th><td class="money">{value}</td></tr>' for name, value in rows)
    return f"<table>{cells}</table>"
