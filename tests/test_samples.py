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


COLLECT = """
import sys, pytest
options = ["--collect-only", "-q", "-p", "tests.conftest", "-c", "pyproject.toml", "-p", "no:cacheprovider"]
for marks in sys.argv[2:]:
    print("marks")
    assert pytest.main([*options, "--rootdir=.", "-m", marks, sys.argv[1]]) == 0
"""


def collected(path: Path, *marks: str) -> list[list[str]]:
    """The cases that each of these choices takes."""
    command = [sys.executable, "-c", COLLECT, str(path), *marks]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return [re.findall(r"test_many\[(.*)\]", part) for part in done.stdout.split("marks\n")[1:]]


def test_every_nth_case_of_each_kind_is_in_the_default_run_and_all_are_in_the_ci(tmp_path: Path) -> None:
    path = tmp_path / "test_many_cases.py"
    path.write_text(MANY, encoding="utf-8")
    default, databases, everything = collected(path, "not (slow or database)", "database and not slow", "not faults")
    assert default == ["0-sqlite", "3-sqlite"]
    assert databases == ["0-postgresql", "3-postgresql"]
    assert len(everything) == 10
