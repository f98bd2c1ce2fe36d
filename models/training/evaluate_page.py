"""Renews the tables of docs/reader.md from measured figures; the words around them stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def write_page(page: Path, result: dict[str, Any]) -> None:
    """Replace what stands between the marks; a page without marks gets them at its end."""
    text = page.read_text(encoding="utf-8") if page.is_file() else "# The plate reader\n"
    if BEGIN not in text:
        text = f"{text.rstrip()}\n\n{BEGIN}\n{END}\n"
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    page.write_text(f"{before}{BEGIN}\n{tables(result)}\n{END}{after}", encoding="utf-8")


def tables(result: dict[str, Any]) -> str:
    """All tables in Markdown."""
    blank = result["blank_strips"]
    parts = [
        "### Held-out real crops by source",
        _groups({"all": result["all"], **result["sources"]}),
        "### Held-out real crops: share answered against answered wrongly",
        _curve(result["all"]),
        "### Held-out real crops by province",
        _provinces(result["provinces"]),
        "### Drawn and degraded plates by kind",
        _groups(result["drawn"]),
        f"Of {blank['strips']} strips that show no whole plate, {blank['read_as_plate']} were read as one, "
        f"{blank['certain']} of them with every sign above 0.9.",
    ]
    return "\n\n".join(parts)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _groups(groups: dict[str, dict[str, Any]]) -> str:
    lines = [
        "| group | plates | exact | without first sign | wrong of answered at 0.9 | at 0.99 | calibration error |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in groups.items():
        if not row["plates"]:
            continue
        certain = [
            f"{row['certain'][limit]['wrong']} of {row['certain'][limit]['answered']}" for limit in ("0.9", "0.99")
        ]
        lines.append(
            f"| {name} | {row['plates']} | {_percent(row['exact'])} | {_percent(row['exact_without_province'])} "
            f"| {certain[0]} | {certain[1]} | {row['calibration_error']:.3f} |"
        )
    return "\n".join(lines)


def _curve(row: dict[str, Any]) -> str:
    lines = ["| weakest sign at least | answered | wrong of these |", "|---|---|---|"]
    for limit, counts in row["certain"].items():
        share = _percent(counts["answered"] / row["plates"])
        lines.append(f"| {limit} | {share} | {counts['wrong']} of {counts['answered']} |")
    return "\n".join(lines)


def _provinces(table: dict[str, dict[str, int]]) -> str:
    lines = ["| province | plates | exact | province right |", "|---|---|---|---|"]
    lines += [f"| {sign} | {row['plates']} | {row['exact']} | {row['province_right']} |" for sign, row in table.items()]
    return "\n".join(lines)
