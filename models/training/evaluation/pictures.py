"""The diagrams of docs/reader-figures.md, made from measured figures; none shows a picture of a plate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.training.drawing.measures import Measures
from models.training.evaluation.counts import reliable_range
from models.training.evaluation.plots import COLOURS, SOFT, Axis, Plot, document, legend, matrix, text
from models.training.evaluation.thresholds import GOAL_ANSWERED, GOAL_WRONG

Row = Mapping[str, Any]
Bands = Mapping[str, Row]
Kept = Mapping[str, Mapping[str, Sequence[Measures]]]
"""Source -> "real" or "drawn" -> measures."""

FEWEST = 5
"""Groups of fewer reads are left out of curves."""

MOST_PAIRS = 60
"""Pairs of characters that the matrix of drawn plates shows."""

PERCENT = Axis("exact, %", 80, 100, (80, 85, 90, 95, 100))


def write_pictures(folder: Path, result: Row, kept: Kept) -> list[str]:
    """Write reader-*.svg; returns their names."""
    folder.mkdir(parents=True, exist_ok=True)
    drawings = {
        "hardness": hardness(result),
        "reliability": reliability_diagram(result["reliability"]),
        "trade-off": trade_off(result),
        "confusions": confusions(result),
        "conditions": conditions(kept),
    }
    for name, drawing in drawings.items():
        (folder / f"reader-{name}.svg").write_text(drawing, encoding="utf-8")
    return [f"reader-{name}.svg" for name in drawings]


def hardness(result: Row) -> str:
    """Share read exactly by width, blur and tilt."""
    width = Axis("plate width, px (crops shrunk)", 30, 130, (30, 50, 73, 90, 110, 130))
    blur = Axis("blur, px of a plate 128 wide", 0.7, 1.6, (0.7, 0.9, 1.1, 1.3, 1.5))
    tilt = Axis("tilt to either side, degrees", 0, 10, (0, 2, 4, 6, 8, 10))
    whole = Axis("exact, %", 0, 100, (0, 25, 50, 75, 100))
    plots = [
        Plot("by width", width, whole),
        Plot("by blur", blur, PERCENT, x=360),
        Plot("by tilt", tilt, PERCENT, x=720),
    ]
    for plot, bands in zip(plots, (result["shrunk"], result["blurs"], result["tilts"]), strict=True):
        _curve(plot, bands)
    return document(1080, 260, *(plot.drawn() for plot in plots))


def _curve(plot: Plot, bands: Bands) -> None:
    """A dot per band at its lower edge with the range that its count leaves open."""
    rows = sorted((float(key), row) for key, row in bands.items() if row["plates"] >= FEWEST)
    plot.line([(at, 100 * row["exact"]) for at, row in rows], COLOURS[0])
    for at, row in rows:
        low, high = reliable_range(row["exact"], row["plates"])
        plot.whisker(at, 100 * low, 100 * high, COLOURS[0])
        plot.dot((at, 100 * row["exact"]), COLOURS[0], f"{row['exact']:.1%} of {row['plates']}")


def reliability_diagram(groups: Mapping[str, Row]) -> str:
    """Of the weakest character: how often it is right against how probable it claimed to be."""
    tenths = (0, 0.2, 0.4, 0.6, 0.8, 1)
    plots = []
    for column, (name, group) in enumerate(groups.items()):
        claimed, right = Axis("claimed probability", 0, 1, tenths), Axis("share right", 0, 1, tenths)
        title = f"{name}: calibration error {group['calibration_error']:.3f}"
        plot = Plot(title, claimed, right, x=420.0 * column, width=420, height=380)
        plot.line([(0, 0), (1, 1)], SOFT, dashed=True)
        for row in group["bins"]:
            low, high = reliable_range(row["right"], row["reads"])
            plot.bar(row["from"], row["to"], row["right"], COLOURS[0], 0.18)
            plot.whisker(row["claimed"], low, high, COLOURS[0])
            plot.dot((row["claimed"], row["right"]), COLOURS[0], f"{row['reads']} reads")
            plot.marks.append(_count(plot, row))
        plots.append(plot)
    return document(420 * len(plots), 380, *(plot.drawn() for plot in plots))


def _count(plot: Plot, row: Row) -> str:
    x, y = plot.at((row["from"] + row["to"]) / 2, 0)
    return text(x, y - 4, str(row["reads"]), SOFT, "middle", 10)


def trade_off(result: Row) -> str:
    """Share answered against wrong of 1,000 answered, per crop and per visit."""
    answered = Axis("answered, %", 70, 100, (70, 75, 80, 85, 90, 95, 97, 100))
    wrong = Axis("wrong of 1,000 answered", 0, 20, (0, 1, 5, 10, 15, 20))
    plot = Plot("Answered against answered wrongly", answered, wrong, width=760, height=400)
    plot.shade((100 * GOAL_ANSWERED, 0), (100, 1000 * GOAL_WRONG), COLOURS[2])
    plot.note((100 * GOAL_ANSWERED, 1000 * GOAL_WRONG), "goal", COLOURS[2], "start")
    names = []
    for (name, points), colour in zip(_curves(result).items(), COLOURS, strict=False):
        rise = -14 if name.startswith("single") else 5
        plot.line([(share, of) for share, of, _ in points], colour)
        for share, of, limit in points:
            plot.dot((share, of), colour, f"{name}, threshold {limit}")
            if limit in ("0.9", "0.95"):
                plot.note((share, of), limit, colour, rise=rise)
        names.append((name, colour))
    return document(760, 400, plot.drawn(), legend(names, 70, 50))


def _curves(result: Row) -> dict[str, list[tuple[float, float, str]]]:
    """Name -> percent answered, wrong of 1,000 answered, threshold."""
    visits = result["visits"]
    curves = {
        "single real crops": _points(result["all"]["certain"], result["all"]["plates"]),
        "visits of real crops (simulated), 3 reads agree": _points(visits["crops"]["3"]),
        "visits of drawn plates of all kinds (simulated), 3 reads agree": _points(visits["drawn"]["3"]),
    }
    return {name: points for name, points in curves.items() if points}


def _points(limits: Bands, count: int | None = None) -> list[tuple[float, float, str]]:
    return [
        (100 * row["answered"] / (count or row["visits"]), 1000 * row["wrong"] / row["answered"], limit)
        for limit, row in limits.items()
        if row["answered"]
    ]


def confusions(result: Row) -> str:
    """Characters taken for others, on held-out real crops and on drawn plates."""
    on_real, on_drawn = _pairs(result["confusions"]), _pairs(result["drawn_confusions"], MOST_PAIRS)
    real, real_height = matrix(on_real, "Held-out real crops", 20, 10)
    title = f"Drawn plates of all kinds, the {len(on_drawn)} most frequent"
    drawn, drawn_height = matrix(on_drawn, title, 20, 10 + real_height)
    widest = max(len({read for _, read in pairs}) for pairs in (on_real, on_drawn))
    return document(max(340, 80 + 22 * widest), 20 + real_height + drawn_height, real, drawn)


def _pairs(counts: Mapping[str, int], most: int | None = None) -> dict[tuple[str, str], int]:
    """The most frequent confusions ("8>B": count) as pairs."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])[:most]
    return {(key[0], key[-1]): count for key, count in ordered}


PANELS: dict[str, Axis] = {
    "blur_px": Axis("blur, px", 0.5, 2.0, (0.5, 1, 1.5, 2)),
    "contrast": Axis("contrast, grey levels", 0, 255, (0, 100, 200)),
    "level": Axis("mean level", 0, 255, (0, 100, 200)),
    "noise": Axis("noise, grey levels", 0, 10, (0, 5, 10)),
    "tilt_degrees": Axis("tilt, degrees", -15, 15, (-15, 0, 15)),
    "character_height": Axis("height of the characters, share", 0.2, 1.0, (0.2, 0.6, 1)),
}
STEPS = 15


def conditions(kept: Kept) -> str:
    """How real training crops and drawn plates measure, by source: bars are real, lines drawn."""
    parts, width, height = [], 230.0, 190.0
    for row, (source, measured) in enumerate(kept.items()):
        for column, (name, axis) in enumerate(PANELS.items()):
            shares = {sort: _histogram(values, name, axis) for sort, values in measured.items()}
            top = math.ceil(10 * max(float(share.max()) for share in shares.values())) / 10
            up = Axis("share", 0, top, (0, top))
            plot = Plot(source, axis, up, x=width * column, y=height * row, width=width, height=height)
            edges = np.linspace(axis.low, axis.high, STEPS + 1)
            for low, high, share in zip(edges, edges[1:], shares["real"], strict=False):
                plot.bar(low, high, share, COLOURS[0], 0.35)
            plot.line(list(zip((edges[1:] + edges[:-1]) / 2, shares["drawn"], strict=True)), COLOURS[1])
            parts.append(plot.drawn())
    foot = height * len(kept)
    names = [("real training crops", COLOURS[0]), ("drawn under fitted conditions", COLOURS[1])]
    parts.append(legend(names, 52, foot + 12))
    return document(width * len(PANELS), foot + 40, *parts)


def _histogram(rows: Sequence[Measures], name: str, axis: Axis) -> NDArray[np.float64]:
    values = np.clip([getattr(row, name) for row in rows], axis.low, axis.high)
    counts, _ = np.histogram(values, np.linspace(axis.low, axis.high, STEPS + 1))
    return np.asarray(counts / max(len(rows), 1), np.float64)
