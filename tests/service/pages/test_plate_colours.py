"""In which colours the pages draw a plate."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models import grammar
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


WORDS = {
    "blue": "blue",
    "green": "green",
    "yellow and green": "green-large",
    "yellow": "yellow",
    "white": "white",
    "black": "black",
    "dark green": "green-dark",
}


def test_the_handbook_names_every_colour_with_plates_of_every_kind_that_have_it() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "panel.md").read_text(encoding="utf-8")
    rows = [
        row.split("|")[1:3] for row in page.partition("| drawn | plates |")[2].partition("\n\n")[0].splitlines()[2:]
    ]
    told = {word.strip(): re.findall("`(.+?)`", plates) for word, plates in rows}
    assert {word: {look_of(plate) for plate in plates} for word, plates in told.items()} == {
        word: {look} for word, look in WORDS.items()
    }
    shown = {str(f.kind) for plates in told.values() for plate in plates for f in grammar.formats_of(plate)}
    assert shown == {str(kind) for kind in grammar.PlateKind}
