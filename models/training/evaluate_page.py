"""Renews the marked parts of docs/reader.md from measured figures; the words around them stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

FIGURES = "figures"
"""Name of the part that holds the recogniser's figures."""

Row = Mapping[str, Any]


def write_part(page: Path, name: str, markdown: str) -> None:
    """Replace what stands between a part's marks; a page without them gets them at its end."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text = page.read_text(encoding="utf-8") if page.is_file() else "# The plate reader\n"
    if begin not in text:
        text = f"{text.rstrip()}\n\n{begin}\n{end}\n"
    before, rest = text.split(begin, 1)
    after = rest.split(end, 1)[1]
    page.write_text(f"{before}{begin}\n{markdown}\n{end}{after}", encoding="utf-8")


def crop_tables(result: Row) -> str:
    """Tables of held-out real crops in Markdown."""
    parts = [
        "### Held-out real crops by source",
        groups("source", {"all": result["all"], **result["sources"]}),
        "### By plate width",
        "Scenes at their own width, and crops at least 130 px wide shrunk by area (the same crops at every width).",
        groups("scenes, px from", result["widths"]),
        groups("shrunk to px", _by_number(result["shrunk"])),
        "### By blur and tilt",
        groups("blur from", result["blurs"]),
        groups("degrees from", result["tilts"]),
        "### Share answered against answered wrongly, single crops",
        _curve(result["all"]),
        "### By province",
        _provinces(result["provinces"]),
    ]
    return "\n\n".join(parts)


def drawn_tables(result: Row) -> str:
    """Tables of drawn plates and of strips without a plate in Markdown."""
    blank = result["blank_strips"]
    parts = [
        "### Drawn plates by kind, under the conditions of real crops",
        groups("kind", result["drawn"]),
        "Are they as hard as real ones? Blue plates with the texts of held-out crops, drawn under conditions of the "
        "same source, three times each:",
        _twins(result["sources"], result["twins"]),
        "### Drawn plates by kind, under training's degradation (stress)",
        groups("kind", result["stress"]),
        f"Of {blank['strips']} strips that show no whole plate, {blank['read_as_plate']} were read as one, "
        f"{blank['certain']} of them with every sign above 0.9.",
    ]
    return "\n\n".join(parts)


def table(heads: list[str], rows: list[list[object]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *[[str(cell) for cell in row] for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def groups(name: str, rows: Mapping[str, Row]) -> str:
    """One line per group of reads."""
    heads = [name, "plates", "exact", "without first sign", "wrong of answered at 0.9", "at 0.99", "calibration error"]
    return table(heads, [_group(key, row) for key, row in rows.items() if row["plates"]])


def _group(name: str, row: Row) -> list[object]:
    certain = [f"{row['certain'][at]['wrong']} of {row['certain'][at]['answered']}" for at in ("0.9", "0.99")]
    shares = [percent(row["exact"]), percent(row["exact_without_province"])]
    return [name, row["plates"], *shares, *certain, f"{row['calibration_error']:.3f}"]


def _by_number(rows: Mapping[str, Row]) -> dict[str, Row]:
    number: Callable[[str], float] = float
    return {key: rows[key] for key in sorted(rows, key=number, reverse=True)}


def _curve(row: Row) -> str:
    rows: list[list[object]] = [
        [limit, percent(counts["answered"] / row["plates"]), f"{counts['wrong']} of {counts['answered']}"]
        for limit, counts in row["certain"].items()
    ]
    return table(["weakest sign at least", "answered", "wrong of these"], rows)


def _provinces(rows: Mapping[str, Row]) -> str:
    heads = ["province", "plates", "exact", "province right"]
    return table(heads, [[sign, row["plates"], row["exact"], row["province_right"]] for sign, row in rows.items()])


def _twins(real: Mapping[str, Row], drawn: Mapping[str, Row]) -> str:
    heads = ["source", "real crops", "exact", "without first sign", "drawn", "exact", "without first sign"]
    rows = [[source, *_shares(real[source]), *_shares(twin)] for source, twin in drawn.items()]
    return table(heads, rows)


def _shares(row: Row) -> list[object]:
    return [row["plates"], percent(row["exact"]), percent(row["exact_without_province"])]
