"""Each behaviour of the founding document has a test here that bears its number: who looks for it finds the rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
BEHAVIOURS = 23


@pytest.mark.parametrize("number", range(1, BEHAVIOURS + 1))
def test_it_is_named(number: int) -> None:
    named = re.compile(rf"^def test_P{number}_\w+\(", re.MULTILINE)
    assert any(named.search(path.read_text(encoding="utf-8")) for path in HERE.glob("test_*.py")), f"P{number}"
