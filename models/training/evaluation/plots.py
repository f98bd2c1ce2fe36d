"""Diagrams as SVG text: curves, reliability, histograms and a matrix of characters, drawn without any library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

INK, SOFT, LINE = "#1b2420", "#5d6a64", "#dfe4e0"
COLOURS = ("#2463c4", "#c7322b", "#12894e", "#d58a1d", "#7a4fb5")
FONT = "system-ui, 'Noto Sans', 'Noto Sans CJK SC', 'WenQuanYi Zen Hei', sans-serif"
LEFT, RIGHT, TOP, BOTTOM = 52.0, 14.0, 30.0, 44.0


@dataclass(frozen=True)
class Axis:
    """One direction of a plot: name, range and ticks."""

    name: str
    low: float
    high: float
    ticks: tuple[float, ...]
    show: Callable[[float], str] = lambda value: f"{value:g}"

    def share(self, value: float) -> float:
        """Where a value lies, 0 at low and 1 at high, kept inside."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


@dataclass(frozen=True)
class Plot:
    """A frame with two axes at (x, y) of the drawing, width x height pixels with its labels."""

    title: str
    across: Axis
    up: Axis
    x: float = 0.0
    y: float = 0.0
    width: float = 360.0
    height: float = 260.0
    marks: list[str] = field(default_factory=list)

    def at(self, across: float, up: float) -> tuple[float, float]:
        """Pixels of a point."""
        inner_width, inner_height = self.width - LEFT - RIGHT, self.height - TOP - BOTTOM
        return (
            round(self.x + LEFT + inner_width * self.across.share(across), 1),
            round(self.y + self.height - BOTTOM - inner_height * self.up.share(up), 1),
        )

    def line(self, points: Sequence[tuple[float, float]], colour: str, dashed: bool = False) -> None:
        """A line through points, without dots."""
        path = " ".join(f"{x},{y}" for x, y in (self.at(*point) for point in points))
        dash = ' stroke-dasharray="4 3"' if dashed else ""
        self.marks.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"{dash}/>')

    def dot(self, point: tuple[float, float], colour: str, hint: str = "", radius: float = 3.5) -> None:
        x, y = self.at(*point)
        title = f"<title>{escape(hint)}</title>" if hint else ""
        self.marks.append(f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{colour}">{title}</circle>')

    def bar(self, left: float, right: float, up: float, colour: str, opacity: float = 1.0) -> None:
        """A filled bar from the foot of the plot."""
        x0, y0 = self.at(left, up)
        x1, foot = self.at(right, self.up.low)
        self.marks.append(
            f'<rect x="{x0}" y="{y0}" width="{max(x1 - x0, 0.5):.1f}" height="{foot - y0:.1f}" fill="{colour}" '
            f'fill-opacity="{opacity}"/>'
        )

    def whisker(self, across: float, low: float, high: float, colour: str) -> None:
        """An upright line between two values."""
        (x, y0), (_, y1) = self.at(across, low), self.at(across, high)
        self.marks.append(f'<line x1="{x}" x2="{x}" y1="{y0}" y2="{y1}" stroke="{colour}" stroke-width="1.2"/>')

    def note(
        self, point: tuple[float, float], words: str, colour: str = SOFT, anchor: str = "end", rise: float = 5
    ) -> None:
        """Words beside a point: left of it for "end", right of it for "start", rise pixels above it."""
        x, y = self.at(*point)
        self.marks.append(text(x + (5 if anchor == "start" else -5), y - rise, words, colour, anchor, 11))

    def shade(self, low: tuple[float, float], high: tuple[float, float], colour: str) -> None:
        """A transparent area between two corners."""
        (x0, foot), (x1, top) = self.at(*low), self.at(*high)
        size = f'width="{x1 - x0:.1f}" height="{foot - top:.1f}"'
        self.marks.append(f'<rect x="{x0}" y="{top}" {size} fill="{colour}" fill-opacity="0.25"/>')

    def drawn(self) -> str:
        """The frame with everything in it."""
        return f"{self._frame()}{''.join(self.marks)}"

    def _frame(self) -> str:
        left, foot = self.at(self.across.low, self.up.low)
        right, top = self.at(self.across.high, self.up.high)
        parts = [text(self.x + LEFT, self.y + 18, self.title, INK, weight=600)]
        for tick in self.up.ticks:
            _, y = self.at(self.across.low, tick)
            parts.append(f'<line x1="{left}" x2="{right}" y1="{y}" y2="{y}" stroke="{LINE}"/>')
            parts.append(text(left - 6, y + 4, self.up.show(tick), SOFT, "end", 11))
        for tick in self.across.ticks:
            x, _ = self.at(tick, self.up.low)
            parts.append(f'<line x1="{x}" x2="{x}" y1="{foot}" y2="{foot + 4}" stroke="{SOFT}"/>')
            parts.append(text(x, foot + 16, self.across.show(tick), SOFT, "middle", 11))
        parts.append(f'<line x1="{left}" x2="{right}" y1="{foot}" y2="{foot}" stroke="{SOFT}"/>')
        parts.append(text((left + right) / 2, foot + 33, self.across.name, SOFT, "middle", 11))
        middle = (top + foot) / 2
        turn = f'transform="rotate(-90 {self.x + 12} {middle})"'
        parts.append(text(self.x + 12, middle, self.up.name, SOFT, "middle", 11, extra=turn))
        return "".join(parts)


def text(
    x: float,
    y: float,
    words: str,
    colour: str = INK,
    anchor: str = "start",
    size: int = 13,
    weight: int = 400,
    extra: str = "",
) -> str:
    """One line of text."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}" font-weight="{weight}" '
        f'text-anchor="{anchor}" {extra}>{escape(words)}</text>'
    )


def legend(entries: Sequence[tuple[str, str]], x: float, y: float, step: float = 18.0) -> str:
    """Names with their colours, one below the other."""
    return "".join(
        f'<rect x="{x}" y="{y + step * row - 9}" width="12" height="10" fill="{colour}"/>'
        + text(x + 18, y + step * row, name, INK, size=12)
        for row, (name, colour) in enumerate(entries)
    )


def document(width: float, height: float, *parts: str) -> str:
    """A whole drawing on white, so that it can be read on a dark page too."""
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    ground = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONT}">{ground}{"".join(parts)}</svg>\n'


def matrix(
    counts: Mapping[tuple[str, str], int], title: str, x: float, y: float, cell: float = 22.0
) -> tuple[str, float]:
    """True characters down, read ones across, with counts; only those that were mistaken. Returns it and its height."""
    down, across = sorted({true for true, _ in counts}), sorted({read for _, read in counts})
    left, top = x + 40, y + 62
    parts = [text(x, y + 16, title, INK, weight=600), text(left, y + 36, "down: true, across: read as", SOFT, size=11)]
    parts.append(_grid(left, top, cell, len(across), len(down)))
    parts += [
        text(left + cell * (n + 0.5), top - 6, character, INK, "middle", 12) for n, character in enumerate(across)
    ]
    parts += [text(left - 8, top + cell * (n + 0.7), character, INK, "end", 12) for n, character in enumerate(down)]
    most = max(counts.values(), default=1)
    for (true, read), count in counts.items():
        corner = left + cell * across.index(read), top + cell * down.index(true)
        parts.append(_cell(*corner, cell, count, most))
    return "".join(parts), top - y + cell * len(down) + 16


def _grid(x: float, y: float, cell: float, columns: int, rows: int) -> str:
    upright = "".join(f"M{x + cell * n:g} {y:g}v{cell * rows:g}" for n in range(columns + 1))
    level = "".join(f"M{x:g} {y + cell * n:g}h{cell * columns:g}" for n in range(rows + 1))
    return f'<path d="{upright}{level}" stroke="{LINE}" fill="none"/>'


def _cell(x: float, y: float, size: float, count: int, most: int) -> str:
    box = f'<rect x="{x:g}" y="{y:g}" width="{size:g}" height="{size:g}" fill="{COLOURS[1]}" '
    number = text(x + size / 2, y + size * 0.68, str(count), INK, "middle", 11)
    return f'{box}fill-opacity="{0.15 + 0.75 * count / most:.2f}"/>{number}'
