"""Draws a person's spending as an SVG of bars: one a month, a piece of it for each plate, readable at 390 pixels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from xml.sax.saxutils import escape

from wire.phone import SpendingMonth

WIDTH, HEIGHT, LEFT, BASE, TOP = 360, 250, 46, 176, 14
MOST_PLATES = 4
"""With a shade of their own; the rest is one piece, "+"."""
_STEPS = (1, 2, 5)


def drawn(months: Sequence[SpendingMonth]) -> str:
    """Shades are classes of the page (s0 ... s4); every text stands in the drawing itself, so that it prints."""
    series = _series(months)
    top_yuan = _top(max((sum(p.amount_fen for p in month.plates) for month in months), default=0) / 100)
    parts = [_line(top_yuan * share, top_yuan) for share in (0.0, 0.5, 1.0)]
    pitch = (WIDTH - LEFT) / max(1, len(months))
    for number, month in enumerate(months):
        parts.append(_bar(month, series, LEFT + pitch * number, pitch, top_yuan))
        parts.append(_label(month.month, number, LEFT + pitch * (number + 0.5), len(months)))
    parts += [_legend(plate, number) for number, plate in enumerate(series)]
    title = f"{months[0].month} - {months[-1].month}" if months else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="spending" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-labelledby="spending-title"><title id="spending-title">{escape(title)} ¥</title>{"".join(parts)}</svg>'
    )


def _series(months: Sequence[SpendingMonth]) -> list[str]:
    """The plates with the most fuel, then "+" for all others."""
    sums: Counter[str] = Counter()
    for month in months:
        for one in month.plates:
            sums[one.plate] += one.amount_fen
    plates = [plate for plate, _ in sums.most_common()]
    return plates if len(plates) <= MOST_PLATES + 1 else [*plates[:MOST_PLATES], "+"]


def _top(most_yuan: float) -> float:
    """The next round number: 1, 2 or 5 times a power of ten."""
    power = 1.0
    while True:
        for step in _STEPS:
            if step * power >= max(most_yuan, 10):
                return step * power
        power *= 10


def _line(yuan: float, top_yuan: float) -> str:
    y = BASE - (BASE - TOP) * yuan / top_yuan
    words = f"{yuan:.0f}" if yuan < 10_000 else f"{yuan / 10_000:g}万"
    return (
        f'<line class="tick" x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="axis" text-anchor="end" x="{LEFT - 5}" y="{y + 4:.1f}">{words}</text>'
    )


def _bar(month: SpendingMonth, series: Sequence[str], x: float, pitch: float, top_yuan: float) -> str:
    pieces: Counter[str] = Counter()
    for one in month.plates:
        pieces[one.plate if one.plate in series else "+"] += one.amount_fen
    parts, y = [], float(BASE)
    for number, plate in enumerate(series):
        height = (BASE - TOP) * pieces[plate] / 100 / top_yuan
        if height > 0:
            y -= height
            parts.append(
                f'<rect class="s{number}" x="{x + pitch * 0.15:.1f}" y="{y:.1f}" width="{pitch * 0.7:.1f}" '
                f'height="{height:.1f}"><title>{month.month} {escape(plate)} {pieces[plate] / 100:.2f}</title></rect>'
            )
    return "".join(parts)


def _label(month: str, number: int, x: float, count: int) -> str:
    """The month under each bar, the year under the first and under each January."""
    year, of_year = month.split("-")
    found = f'<text class="axis" text-anchor="middle" x="{x:.1f}" y="{BASE + 17}">{int(of_year)}</text>'
    if of_year == "01" or (number == 0 and int(of_year) + 2 <= 12) or count == 1:
        found += f'<text class="axis" text-anchor="middle" x="{x:.1f}" y="{BASE + 33}">{year}</text>'
    return found


def _legend(plate: str, number: int) -> str:
    x, y = LEFT + (number % 3) * 104, HEIGHT - 22 + (number // 3) * 18
    shade = f'<rect class="s{number}" x="{x}" y="{y - 10}" width="11" height="11"/>'
    return f'{shade}<text x="{x + 16}" y="{y}">{escape(plate)}</text>'
