"""The format table answers for every kind of plate and bends nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.records import Colour
from models import grammar
from models.grammar import FORMATS, PlateFormat, PlateKind
from wire.plates import normalise

EXAMPLES = [
    ("皖A72P33", "blue", 1, PlateKind.BLUE),
    ("浙A3K855", "yellow", 1, PlateKind.YELLOW),
    ("浙A3K855", "yellow", 2, PlateKind.YELLOW_TWO_ROW),
    ("京AD12345", "green", 1, PlateKind.NEW_ENERGY_SMALL),
    ("京A12345F", "green", 1, PlateKind.NEW_ENERGY_LARGE),
    ("粤O1234警", "white", 1, PlateKind.POLICE),
    ("苏E1234学", "yellow", 1, PlateKind.COACH),
    ("苏E1234挂", "yellow", 2, PlateKind.TRAILER),
    ("辽B99999", "black", 1, PlateKind.BLACK),
    ("粤ZAB12港", "black", 1, PlateKind.HONG_KONG_MACAU),
    ("粤Z1234澳", "black", 1, PlateKind.HONG_KONG_MACAU),
    ("224578使", "black", 1, PlateKind.EMBASSY),
    ("使224578", "black", 1, PlateKind.EMBASSY),
    ("沪A0023领", "black", 1, PlateKind.CONSULATE),
    ("WJ京1234X", "white", 1, PlateKind.ARMED_POLICE),
    ("KA12345", "white", 1, PlateKind.MILITARY),
    ("KA12345", "white", 2, PlateKind.MILITARY_TWO_ROW),
    ("民航F0939", "green", 1, PlateKind.CIVIL_AVIATION),
    ("民航F0939", "blue", 1, PlateKind.CIVIL_AVIATION),
    ("京X1234应急", "white", 1, PlateKind.EMERGENCY),
    ("黑S0123应急", "white", 1, PlateKind.EMERGENCY),
    ("军A00101", "white", 1, PlateKind.OLD_MILITARY),
    ("WJ1693015", "white", 1, PlateKind.OLD_ARMED_POLICE),
    ("皖10A7226", "green", 2, PlateKind.AGRICULTURAL),
    ("京A1234试", "yellow", 1, PlateKind.TEST),
    ("京A1234试", "white", 1, PlateKind.TEMPORARY),
    ("沪A3V25Z临", "white", 1, PlateKind.TEMPORARY),
    ("沪A3V25Z临", "yellow", 1, PlateKind.TEMPORARY),
    ("京A12345", "blue", 2, PlateKind.LIGHT_MOTORCYCLE),
]


@st.composite
def plates(draw: st.DrawFn) -> tuple[PlateFormat, str]:
    plate_format = draw(st.sampled_from(FORMATS))
    return plate_format, "".join(draw(st.sampled_from(place)) for place in plate_format.places)


@pytest.mark.parametrize(("text", "colour", "rows", "kind"), EXAMPLES)
def test_examples_have_their_kind(text: str, colour: str, rows: int, kind: PlateKind) -> None:
    assert grammar.kind_of(text, colour, rows) == kind


@pytest.mark.parametrize(
    "text", ["", "皖A", "皖A72O33", "皖A72I33", "皖I72P33", "A1234567", "危险品", "13812345678", "京AD123"]
)
def test_texts_that_are_no_plate_stay_unknown(text: str) -> None:
    assert not grammar.is_valid(text)
    assert grammar.kind_of(text) is None


def test_colour_that_contradicts_the_text_is_no_kind() -> None:
    assert grammar.kind_of("粤O1234警", "blue") is None


@given(plates())
def test_every_drawn_text_is_valid_and_of_its_kind(drawn: tuple[PlateFormat, str]) -> None:
    plate_format, text = drawn
    assert plate_format in grammar.formats_of(text)
    assert grammar.kind_of(text, plate_format.colour, plate_format.rows) == plate_format.kind


@given(plates(), st.data())
def test_normalise_undoes_how_people_write(drawn: tuple[PlateFormat, str], data: st.DataObject) -> None:
    _, text = drawn
    wide = {ord(c): ord(c) + 0xFEE0 for c in grammar.DIGITS + grammar.OFFICE_LETTERS}
    style = data.draw(st.sampled_from([str.lower, lambda t: t.translate(wide), lambda t: f" {t[:2]}·{t[2:]} "]))
    assert normalise(style(text)) == text


@given(plates(), st.data())
def test_a_plate_written_by_hand_comes_back_with_its_kind(drawn: tuple[PlateFormat, str], data: st.DataObject) -> None:
    plate_format, text = drawn
    mark = data.draw(st.sampled_from(["", " ", "·", "-", "\u3000", "—"]))
    place = data.draw(st.integers(0, len(text)))
    given_text = data.draw(st.sampled_from([str.lower, str.upper]))(text[:place] + mark + text[place:])
    plate = normalise(given_text)
    assert plate == text
    assert grammar.kind_of(plate, plate_format.colour, plate_format.rows) == plate_format.kind


@pytest.mark.parametrize("plate_format", FORMATS, ids=lambda f: f"{f.kind}-{f.places[0][:2]}")
@given(data=st.data())
def test_one_foreign_character_makes_a_plate_of_no_format_or_of_another_one(
    plate_format: PlateFormat, data: st.DataObject
) -> None:
    text = "".join(data.draw(st.sampled_from(place)) for place in plate_format.places)
    place = data.draw(st.integers(0, len(text) - 1))
    foreign = data.draw(st.sampled_from([s for s in grammar.ALPHABET + "I危" if s not in plate_format.places[place]]))
    changed = text[:place] + foreign + text[place + 1 :]
    assert not plate_format.fits(changed)
    assert all(other.fits(changed) for other in grammar.formats_of(changed))
    kind = grammar.kind_of(changed, plate_format.colour, plate_format.rows)
    assert kind is None or any(f.kind == kind and f.fits(changed) for f in FORMATS)


@given(st.text(alphabet=grammar.ALPHABET + "I危险品", max_size=9), st.sampled_from([*Colour]), st.sampled_from([1, 2]))
def test_a_kind_is_told_only_where_text_colour_and_rows_have_its_format(text: str, colour: Colour, rows: int) -> None:
    kind = grammar.kind_of(text, colour, rows)
    fitting = [f.kind for f in FORMATS if f.fits(text) and f.colour == colour and f.rows == rows]
    assert kind == (fitting[0] if fitting else None)


@given(plates(), st.sampled_from([*Colour]), st.sampled_from([1, 2]))
def test_no_two_formats_claim_a_plate_of_one_look(drawn: tuple[PlateFormat, str], colour: Colour, rows: int) -> None:
    _, text = drawn
    kinds = {f.kind for f in grammar.formats_of(text) if f.colour == colour and f.rows == rows}
    assert len(kinds) <= 1


def test_the_table_is_that_of_the_standard() -> None:
    """Sizes, colours, rows and lengths, one line per kind and look."""
    table = {(f.kind, f.colour, f.rows, f.width_mm, f.height_mm, len(f.places)) for f in FORMATS}
    assert table == {
        (PlateKind.BLUE, "blue", 1, 440, 140, 7),
        (PlateKind.YELLOW, "yellow", 1, 440, 140, 7),
        (PlateKind.YELLOW_TWO_ROW, "yellow", 2, 440, 220, 7),
        (PlateKind.NEW_ENERGY_SMALL, "green", 1, 480, 140, 8),
        (PlateKind.NEW_ENERGY_LARGE, "green", 1, 480, 140, 8),
        (PlateKind.POLICE, "white", 1, 440, 140, 7),
        (PlateKind.COACH, "yellow", 1, 440, 140, 7),
        (PlateKind.TRAILER, "yellow", 2, 440, 220, 7),
        (PlateKind.BLACK, "black", 1, 440, 140, 7),
        (PlateKind.HONG_KONG_MACAU, "black", 1, 440, 140, 7),
        (PlateKind.EMBASSY, "black", 1, 440, 140, 7),
        (PlateKind.CONSULATE, "black", 1, 440, 140, 7),
        (PlateKind.ARMED_POLICE, "white", 1, 440, 140, 8),
        (PlateKind.ARMED_POLICE_TWO_ROW, "white", 2, 440, 220, 8),
        (PlateKind.MILITARY, "white", 1, 440, 140, 7),
        (PlateKind.MILITARY_TWO_ROW, "white", 2, 440, 220, 7),
        (PlateKind.CIVIL_AVIATION, "green", 1, 440, 140, 7),
        (PlateKind.CIVIL_AVIATION, "blue", 1, 440, 140, 7),
        (PlateKind.EMERGENCY, "white", 1, 480, 140, 8),
        (PlateKind.OLD_MILITARY, "white", 1, 440, 140, 7),
        (PlateKind.OLD_ARMED_POLICE, "white", 1, 440, 140, 9),
        (PlateKind.AGRICULTURAL, "green", 2, 300, 165, 8),
        (PlateKind.TEST, "yellow", 1, 440, 140, 7),
        (PlateKind.TEMPORARY, "white", 1, 220, 140, 8),
        (PlateKind.TEMPORARY, "yellow", 1, 220, 140, 8),
        (PlateKind.TEMPORARY, "white", 1, 220, 140, 7),
        (PlateKind.LIGHT_MOTORCYCLE, "blue", 2, 220, 140, 7),
    }
    for plate_format in FORMATS:
        serials = [place for place in plate_format.places if place == grammar.SERIAL]
        assert all("I" not in place and "O" not in place for place in serials)
    assert "O" in next(f for f in FORMATS if f.kind == PlateKind.POLICE).places[1]


@given(st.text(max_size=12))
def test_normalise_is_idempotent_and_validity_follows_it(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert grammar.is_valid(text) == grammar.is_valid(once)


def test_alphabet_holds_each_character_once_and_every_place() -> None:
    assert len(set(grammar.ALPHABET)) == len(grammar.ALPHABET) == 80
    assert {character for f in FORMATS for place in f.places for character in place} <= set(grammar.ALPHABET)
    assert "O" in grammar.ALPHABET
    assert "I" not in grammar.ALPHABET
    assert grammar.ALPHABET.endswith(grammar.SUFFIXES + grammar.LATER), "older weights keep their classes"
    assert max(len(f.places) for f in FORMATS) == grammar.MAX_CHARACTERS
