"""In which colours the pages draw a plate."""

from __future__ import annotations

import pytest

from service.http.format_table import look_of


@pytest.mark.parametrize(
    ("plate", "colours"),
    [
        ("粤B12345", "blue"),
        ("粤BD12345", "green"),
        ("粤B12345D", "green-large"),
        ("粤B1234学", "yellow"),
        ("京A1234试", "yellow"),
        ("粤B1234警", "white"),
        ("京X1234应急", "white"),
        ("沪A3V25Z临", "white"),
        ("WJ1693015", "white"),
        ("军A00101", "white"),
        ("粤Z1234港", "black"),
        ("使014578", "black"),
        ("224578使", "black"),
        ("民航F0939", "green-dark"),
        ("皖10A7226", "green-dark"),
        ("", "blue"),
    ],
)
def test_a_plate_has_the_colours_of_its_format(plate: str, colours: str) -> None:
    assert look_of(plate) == colours
