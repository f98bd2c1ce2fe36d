"""Renews the marked parts of the reader's pages in docs/, and the file of all figures; the words around them stay."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from models.training.evaluation.thresholds import verdict
from wire.files import replace_regular
from wire.outputs import OutputError, check_file

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE, METHOD, RESULTS = DOCS / "reader-figures.md", DOCS / "reader-method.md", DOCS / "reader_figures.json"

FIGURES, SCENES, FINDING, OPINION, GOALS = "figures", "scenes", "finding", "opinion", "goals"
SLANTS, VISITS, CURVE = "slants", "visits", "curve"
PARTS = (FIGURES, SCENES, FINDING, OPINION, GOALS, SLANTS, VISITS, CURVE)
"""Names of the pages' parts: the recogniser's figures, those of whole scenes, what is found at which size,
what the second recogniser stops, the goals beside what is reached, what is found at a slant, visits answered, and
what more crops and channels bring."""

Row = Mapping[str, Any]


def check_page(page: Path) -> None:
    """Whether the page's parts can be renewed. Raises OutputError."""
    check_file("--page", page)
    try:
        text = page.read_text(encoding="utf-8") if page.is_file() else ""
    except ValueError as error:
        raise OutputError(f"--page {page}: is not text in UTF-8") from error
    for name in PARTS:
        begin, end = _marks(name)
        if begin in text and end not in text.split(begin, 1)[1]:
            raise OutputError(f"--page {page}: has the mark {begin} and no {end} after it")


def check_results(path: Path) -> None:
    """Whether results can be added to the file. Raises OutputError."""
    check_file("--json", path)
    try:
        known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise OutputError(f"--json {path}: is not JSON") from error
    if not isinstance(known, dict):
        raise OutputError(f"--json {path}: is not a JSON object")


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def write_part(page: Path, name: str, markdown: str) -> None:
    """Replace what stands between a part's marks; a page without them gets them at its end."""
    begin, end = _marks(name)
    text = page.read_text(encoding="utf-8") if page.is_file() else "# The plate reader in figures\n"
    if begin not in text:
        text = f"{text.rstrip()}\n\n{begin}\n{end}\n"
    before, rest = text.split(begin, 1)
    after = rest.split(end, 1)[1]
    replace_regular(page, f"{before}{begin}\n{markdown}\n{end}{after}".encode())


def add_results(path: Path, results: Mapping[str, Any]) -> None:
    """Put results into the file of all figures and leave what other commands put there."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    text = json.dumps(rounded(known | dict(results)), ensure_ascii=False, indent=1)
    replace_regular(path, f"{text}\n".encode())


def rounded(value: Any) -> Any:
    """Figures without digits that mean nothing, however deep they lie."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, Mapping):
        return {key: rounded(its) for key, its in value.items()}
    return [rounded(its) for its in value] if isinstance(value, list) else value


def page_part(result: Row, pictures: str) -> str:
    """The recogniser's part of the page; pictures: the diagrams' folder as seen from the page."""
    return "\n\n".join(part(result, pictures) for part in (crop_tables, confidence_tables, drawn_tables))


def crop_tables(result: Row, pictures: str) -> str:
    """Tables of held-out real crops in Markdown."""
    parts = [
        "### Held-out real crops by source",
        groups("source", {"all": result["all"], **result["sources"]}),
        "### By plate width",
        "Scenes at their own width, and crops at least 130 px wide shrunk by area (the same crops at every width).",
        groups("scenes, px from", result["widths"]),
        groups("shrunk to px", _by_number(result["shrunk"])),
        f"![Share read exactly by width, blur and tilt]({pictures}/reader-hardness.svg)",
        "### By blur and tilt",
        groups("blur from", result["blurs"]),
        groups("degrees from", result["tilts"]),
        "### By province",
        _provinces(result["provinces"]),
        "### Characters taken for others",
        f"![Confusion matrix of characters]({pictures}/reader-confusions.svg)",
    ]
    return "\n\n".join(parts)


def confidence_tables(result: Row, pictures: str) -> str:
    """Calibration and trade-off in Markdown."""
    visits = result["visits"]
    parts = [
        "### Is a probability a frequency?",
        f"![Reliability of the weakest character]({pictures}/reader-reliability.svg)",
        "Reads by tenths of the weakest character's probability, with 95 % intervals; the numbers below are their "
        "counts. " + ". ".join(_errors(result["reliability"])) + ".",
        "### Share answered against answered wrongly",
        f"![Trade-off]({pictures}/reader-trade-off.svg)",
        verdict(visits),
        "Single crops, by threshold of the weakest character:",
        _curve(result["all"]),
        "Simulated visits of held-out crops, by threshold of the weakest and of the province character, for 2, 3 and 5 "
        "agreeing reads:",
        visits_table(visits["crops"]),
        "Simulated visits of drawn plates of all kinds:",
        visits_table(visits["drawn"]),
        "By the threshold of the province character alone, with the lane's defaults otherwise:",
        _provinces_judged(visits["province"]),
    ]
    return "\n\n".join(parts)


def _errors(reliability: Mapping[str, Row]) -> list[str]:
    return [f"{name}: expected calibration error {row['calibration_error']:.3f}" for name, row in reliability.items()]


def _provinces_judged(tallies: Mapping[str, Mapping[str, Row]]) -> str:
    heads = ["province character", "crops: answered", "wrong of these", "drawn: answered", "wrong of these"]
    rows = [[limit, *_visit(tallies["crops"][limit]), *_visit(tallies["drawn"][limit])] for limit in tallies["crops"]]
    return table(heads, rows)


def visits_table(by_reads: Mapping[str, Mapping[str, Row]]) -> str:
    """One line per threshold, two columns per number of agreeing reads."""
    heads = ["threshold"]
    for reads in by_reads:
        heads += [f"{reads} agree: answered", "wrong of these"]
    limits = next(iter(by_reads.values()))
    rows = [[limit, *(cell for tallies in by_reads.values() for cell in _visit(tallies[limit]))] for limit in limits]
    return table(heads, rows)


def _visit(row: Row) -> list[object]:
    return [percent(row["answered"] / row["visits"]), f"{row['wrong']} of {row['answered']}"]


def drawn_tables(result: Row, pictures: str) -> str:
    """Tables of drawn plates and of strips without a plate in Markdown."""
    blank = result["blank_strips"]
    parts = [
        "### Drawn plates by kind, under the conditions of real crops",
        groups("kind", result["drawn"]),
        "Are they as hard as real ones? Blue plates with the texts of held-out crops, drawn under conditions of the "
        "same source, three times each:",
        _twins(result["sources"], result["twins"]),
        f"![Measures of real training crops and of drawn plates]({pictures}/reader-conditions.svg)",
        "### Drawn plates by kind, under training's degradation (stress)",
        groups("kind", result["stress"]),
        f"Of {blank['strips']} strips that show no whole plate, {blank['read_as_plate']} were read as one, "
        f"{blank['certain']} of them with every character above 0.9.",
    ]
    return "\n\n".join(parts)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [[*heads], ["---"] * len(heads), *[[str(cell) for cell in row] for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def groups(name: str, rows: Mapping[str, Row]) -> str:
    """One line per group of reads."""
    heads = [
        name,
        "plates",
        "exact",
        "without first character",
        "wrong of answered at 0.9",
        "at 0.99",
        "calibration error",
    ]
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
    return table(["weakest character at least", "answered", "wrong of these"], rows)


def _provinces(rows: Mapping[str, Row]) -> str:
    heads = ["province", "plates", "exact", "province right"]
    return table(
        heads, [[character, row["plates"], row["exact"], row["province_right"]] for character, row in rows.items()]
    )


def _twins(real: Mapping[str, Row], drawn: Mapping[str, Row]) -> str:
    heads = ["source", "real crops", "exact", "without first character", "drawn", "exact", "without first character"]
    rows = [[source, *_shares(real[source]), *_shares(twin)] for source, twin in drawn.items()]
    return table(heads, rows)


def _shares(row: Row) -> list[object]:
    return [row["plates"], percent(row["exact"]), percent(row["exact_without_province"])]
