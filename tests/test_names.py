"""A public class name has one home in the tree: the list of those with two only shrinks."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

from tests.test_imports import ARROWS, ROOT

TWO_HOMES = {
    "Answer",
    "Answered",
    "Ask",
    "CameraLost",
    "Card",
    "Claim",
    "Clock",
    "Desk",
    "DeviceKey",
    "Dispenser",
    "Held",
    "Hold",
    "Judged",
    "Lane",
    "Line",
    "Link",
    "Measures",
    "Outcome",
    "Person",
    "Phase",
    "Place",
    "Plan",
    "Release",
    "Renew",
    "Residual",
    "Row",
    "Rule",
    "Sample",
    "Scene",
    "Settings",
    "Show",
    "Sighting",
    "Stage",
    "SystemClock",
    "Unavailable",
    "Verdict",
    "Visit",
}
"""Names that stand for two things today. Rename one of them and take the name off; none is added."""


def homes() -> dict[str, set[Path]]:
    """Public class name -> the files that define one."""
    found: dict[str, set[Path]] = defaultdict(set)
    for package in ARROWS:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found[node.name].add(path.relative_to(ROOT))
    return found


def test_a_class_name_has_one_home() -> None:
    twice = {name: sorted(map(str, paths)) for name, paths in homes().items() if len(paths) > 1}
    assert not {name: paths for name, paths in twice.items() if name not in TWO_HOMES}


def test_the_list_of_exceptions_only_shrinks() -> None:
    twice = {name for name, paths in homes().items() if len(paths) > 1}
    assert not TWO_HOMES - twice, "these have one home now: take them off the list"


def test_the_files_that_the_map_names_are_there() -> None:
    """docs/developer.md leads to the file in one step, or it is no map."""
    page = (ROOT / "docs" / "developer.md").read_text(encoding="utf-8")
    tops = "|".join([*ARROWS, "tests", "docs", "deploy"])
    named = re.findall(rf"`((?:{tops})/[\w./]*)`", page)
    assert len(named) > 40
    assert not [name for name in named if not (ROOT / name).exists()]


def test_the_map_names_every_room() -> None:
    page = (ROOT / "docs" / "developer.md").read_text(encoding="utf-8")
    rooms = {f"{p.name}/" for package in ARROWS for p in (ROOT / package).iterdir() if (p / "__init__.py").exists()}
    assert not [room for room in sorted(rooms) if f"`{room}`" not in page]
