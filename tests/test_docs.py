"""The documents name every command, and say nothing of files that are not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from greenlane.cli import COMMANDS, module_of
from wire.reasons import Reason

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented_and_there(command: str) -> None:
    assert any(f"greenlane {command}" in page.read_text(encoding="utf-8") for page in PAGES)
    module = module_of(command)
    assert callable(module.add_arguments)
    assert callable(module.run)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    missing = [t for t in targets if "://" not in t and not (page.parent / t).exists()]
    assert not missing, f"{page.name} links to {missing}"


def test_every_reason_of_a_red_lamp_is_on_the_operators_page() -> None:
    page = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
    green = {Reason.OK, Reason.OFFLINE_ALLOWED}
    assert not [reason for reason in Reason if reason not in green and f"`{reason}`" not in page]


def test_every_check_of_doctor_is_on_the_technicians_page() -> None:
    page = (
        (ROOT / "docs" / "technician.md").read_text(encoding="utf-8").partition("## 6. Check")[2].partition("## 7")[0]
    )
    named = {word for line in page.splitlines() if line[:2] == "| " for word in line.split("|")[1].strip().split(", ")}
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "greenlane/cli/doctor").glob("*.py"))
    checks = {word for name in re.findall(r'Check\(\s*"([^"]+)"', source) for word in name.split(", ")}
    assert len(checks) > 12
    assert checks - named == set()
