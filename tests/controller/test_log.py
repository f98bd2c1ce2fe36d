"""Log lines: one each, and never a whole plate."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.log import LogFormatter
from wire.plates import masked


@pytest.mark.parametrize(
    ("plate", "shown"),
    [("粤A12345", "粤A***45"), ("粤AD12345", "粤A****45"), ("粤A", "粤*"), ("", "-"), (None, "-")],
)
def test_masked(plate: str | None, shown: str) -> None:
    assert masked(plate) == shown


@given(st.text(min_size=5, max_size=12))
def test_a_masked_plate_keeps_four_characters(plate: str) -> None:
    assert masked(plate) == plate[:2] + "*" * (len(plate) - 4) + plate[-2:]


def test_the_journal_gets_one_line_with_its_level() -> None:
    record = logging.LogRecord("controller.lane.machine", logging.ERROR, "x.py", 1, "lost\nfor %s", ("good",), None)
    assert LogFormatter(journal=True).format(record) == "<3>controller.lane.machine: lost | for good"
    assert "\n" not in LogFormatter(journal=False).format(record)
