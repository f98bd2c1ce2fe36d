"""The mark `sample`: which of a test's cases the default run takes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MANY = """
import pytest

@pytest.mark.sample(3)
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.database)])
@pytest.mark.parametrize("number", range(5))
def test_many(number, kind):
    pass
"""


def collected(path: Path, marks: str) -> list[str]:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "tests.conftest", "-c", "pyproject.toml"]
    options = [f"--rootdir={ROOT}", "-p", "no:cacheprovider", "-m", marks, str(path)]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return re.findall(r"test_many\[(.*)\]", done.stdout)


def test_every_nth_case_of_each_kind_is_in_the_default_run_and_all_are_in_the_ci(tmp_path: Path) -> None:
    path = tmp_path / "test_many_cases.py"
    path.write_text(MANY, encoding="utf-8")
    assert collected(path, "not (slow or database)") == ["0-sqlite", "3-sqlite"]
    assert collected(path, "database and not slow") == ["0-postgresql", "3-postgresql"]
    assert len(collected(path, "not faults")) == 10
