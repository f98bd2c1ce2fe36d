"""The part of docs/reader-figures.md about whole scenes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.training.evaluation.page import percent, table, visits_table

Row = Mapping[str, Any]


def scene_tables(result: Row) -> str:
    """Tables of held-out scenes in Markdown."""
    parts = [
        "### Held-out scenes through the whole reader",
        _summary(result),
        _main("width, px from", {key.rstrip("+"): row for key, row in result["main_by_width_px"].items()}),
        _main("colour", result["main_by_colour"]),
        "Simulated visits of these scenes, by threshold of the weakest and of the province character:",
        visits_table(result["visits"]),
    ]
    if "kinds" in result:
        parts += ["### Drawn plates of every kind in these scenes", _kinds(result["kinds"])]
    if "stress" in result:
        parts += ["### Things that are not plates", _stress(result["stress"])]
    return "\n\n".join(parts)


def _summary(result: Row) -> str:
    """Shares and counts of main plates, all plates and finds where there is none."""
    scenes, plates = result["scenes"], result["plates"]
    rows = [
        ["main plate exact", f"{result['main_exact']} of {scenes} ({percent(result['main_exact'] / scenes)})"],
        ["main plate exact but for the first character", f"{result['main_exact_but_first_character']} of {scenes}"],
        ["main plate found", f"{result['main_found']} of {scenes}"],
        ["main plate certain (weakest character 0.9)", f"{result['main_certain']} of {scenes}"],
        ["all labelled plates found, exact", f"{result['found']}, {result['exact']} of {plates}"],
        ["colour and rows right", f"{result['colour_right']}, {result['rows_right']} of {plates}"],
        [
            "finds where there is no plate, of these with a plate's format",
            f"{result['false_finds']}, {result['false_valid']}",
        ],
        ["wrong but certain", result["wrong_but_certain"]],
        [
            "error of the corners, share of the plate's height: median, 90 %",
            f"{result['corner_error_median']}, {result['corner_error_p90']}",
        ],
    ]
    return table(["held-out scenes", "result"], rows)


def _main(name: str, groups: Mapping[str, Row]) -> str:
    ordered = sorted(groups.items(), key=lambda item: (float(item[0]) if item[0].isdigit() else 0.0, item[0]))
    rows = [[key, row["plates"], row["found"], row["exact"]] for key, row in ordered]
    return table([f"main plates by {name}", "scenes", "found", "exact"], rows)


def _kinds(rows: Mapping[str, Row]) -> str:
    """Text, kind and rows of drawn plates pasted into scenes whose own plates are smeared."""
    names = ("plates", "found", "exact", "kind_right", "rows_right", "wrong_but_known")
    total = {name: sum(row[name] for row in rows.values()) for name in names}
    heads = ["kind", "plates", "found", "exact", "kind right", "rows right", "another known kind"]
    return table(heads, [[kind, *(row[name] for name in names)] for kind, row in {"all": total, **rows}.items()])


def _stress(result: Row) -> str:
    """The stress set's counts, each also for 1,000 pictures."""
    count = result["pictures"]
    names = {
        "finds": "finds, plate's format or not",
        "valid": "finds with a plate's format",
        "certain": "of these certain (weakest character 0.9, at least 60 px)",
        "certain_again": "and again in two more frames, so that a vote of three would decide",
    }
    rows = [[line, result[key], f"{1000 * result[key] / count:.1f}"] for key, line in names.items()]
    where = ", ".join(f"{kind} {number}" for kind, number in result["by_kind"].items()) or "none"
    words = f"Finds with a plate's format were on: {where}."
    return f"{table([f'{count} pictures without a plate', 'count', 'of 1,000 pictures'], rows)}\n\n{words}"
