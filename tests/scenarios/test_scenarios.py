"""Whole visits as short texts that a technician can read; each file in this folder is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.script import ScenarioError, parse, play

FILES = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_scenario(path: Path) -> None:
    play(path)


def test_there_are_scenarios() -> None:
    assert len(FILES) >= 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 lamp is green", "x.txt:1: 1 lamp is green: it is off"),
        ("1 lamp glows", "not understood"),
        ("soon lamp is off", "x.txt:1: not understood"),
        ("5 there were 3 visits", "there were 0"),
    ],
)
def test_a_line_that_does_not_hold_is_told(text: str, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "x.txt"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=expected):
        play(file)


def test_settings_of_a_scenario_are_checked_like_any_others(tmp_path: Path) -> None:
    file = tmp_path / "x.txt"
    file.write_text("set lane.read_timeout_s 3.0\n1 lamp is off", encoding="utf-8")
    assert parse(file).settings.lane.read_timeout_s == 3.0
