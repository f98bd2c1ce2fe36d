"""The technician's page lists every setting as it is; run this file to write the list anew."""

from __future__ import annotations

from pathlib import Path

from controller.settings_records import SettingFact, table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "technician.md"
BEGIN, END = "<!-- settings -->\n", "<!-- end of settings -->"


def listed() -> str:
    """One table per section."""
    lines: list[str] = []
    section = ""
    for fact in table():
        if fact.section != section:
            section = fact.section
            lines += ["", f"### [{section}]", "", "| key | default | range | meaning |", "|---|---|---|---|"]
        lines.append(f"| `{fact.key}` | `{_shown(fact.default)}` | {_range(fact)} | {fact.text} |")
    return "\n".join(lines).lstrip() + "\n\n"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return str(list(value))
    return f'"{value}"' if isinstance(value, str) else f"{value}"


def _range(fact: SettingFact) -> str:
    if fact.choices:
        return ", ".join(fact.choices)
    return "" if fact.low is None or fact.high is None else f"{fact.low:g} to {fact.high:g}"


def written(page: str) -> str:
    """The page with today's list in it."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + listed() + END + rest.partition(END)[2]


def test_every_setting_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert BEGIN in page
    assert page == written(page), f"run python {Path(__file__).name} to bring docs/technician.md up to date"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
