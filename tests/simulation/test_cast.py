"""Cards as the command line writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlane.simulation.cast import CastError, parse_amount, parse_card


def test_a_card_is_normalised() -> None:
    card = parse_card("粤b·12345=500.5")
    assert (card.plate, card.balance_fen) == ("粤B12345", 50_050)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("粤B12345", "PLATE=YUAN"),
        ("=500", "not a plate"),
        ("HELLO=500", "not a plate"),
        ("粤B1234=500", "not a plate"),
        ("粤BI2345=500", "not a plate"),
        ("粤B12345=", "not an amount"),
        ("粤B12345=much", "not an amount"),
        ("粤B12345=1.234", "not an amount"),
        ("粤B12345=-5", "not below 0"),
        ("粤B12345=9999999999999", "not an amount"),
    ],
)
def test_what_is_wrong_is_said(text: str, expected: str) -> None:
    with pytest.raises(CastError, match=expected):
        parse_card(text)


@given(st.text(max_size=30))
def test_any_text_is_a_card_or_a_clear_error(text: str) -> None:
    expected = ""
    try:
        assert parse_card(text).balance_fen >= 0
    except CastError as error:
        expected = str(error)
    assert expected or "=" in text


@given(st.integers(0, 10**9))
def test_amounts_are_exact(fen: int) -> None:
    assert parse_amount(f"{fen // 100}.{fen % 100:02d}") == fen
