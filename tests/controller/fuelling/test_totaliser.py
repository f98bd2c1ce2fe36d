"""Pulses to millilitres to fen, exactly."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.fuelling.totaliser import FlowWatch, Totaliser, exact
from wire.money import amount_fen

SCALES = st.fractions(min_value=Fraction(1, 10), max_value=10_000, max_denominator=1000)


@given(SCALES, st.integers(0, 10**9), st.lists(st.integers(0, 5000), max_size=50))
def test_volumes_add_up_to_the_totaliser(scale: Fraction, base_ml: int, counts: list[int]) -> None:
    totaliser = Totaliser(scale, base_ml)
    volumes = []
    for pulses in counts:
        after = totaliser.counted(pulses)
        volumes.append(after.total_ml - totaliser.total_ml)
        totaliser = after
    assert all(v >= 0 for v in volumes)
    assert base_ml + sum(volumes) == totaliser.total_ml
    true_ml = Fraction(sum(counts) * 1000) / scale + base_ml
    assert 0 <= true_ml - totaliser.total_ml < 1


@given(SCALES, SCALES, st.integers(0, 10**6), st.integers(0, 10**6))
def test_another_scale_keeps_what_has_flowed(one: Fraction, other: Fraction, base_ml: int, pulses: int) -> None:
    before = Totaliser(one, base_ml, pulses)
    assert before.rescaled(other).total_ml == before.total_ml


@given(st.integers(0, 10**7), st.integers(0, 10**5))
def test_an_amount_is_the_nearest_fen(volume_ml: int, price: int) -> None:
    assert abs(Fraction(volume_ml * price, 1000) - amount_fen(volume_ml, price)) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("volume_ml", "price", "fen"),
    [(1000, 812, 812), (500, 1, 1), (499, 1, 0), (1500, 1, 2), (0, 800, 0), (33_333, 799, 26_633)],
)
def test_half_a_fen_is_rounded_up(volume_ml: int, price: int, fen: int) -> None:
    assert amount_fen(volume_ml, price) == fen


def test_a_decimal_scale_is_taken_as_written() -> None:
    assert exact(33.3) == Fraction(333, 10)
    assert Totaliser(exact(33.3), 0, 333).total_ml == 10_000


def test_a_totaliser_of_nonsense_is_refused() -> None:
    for bad in ({"pulses_per_l": Fraction(0)}, {"base_ml": -1}, {"pulses": -1}):
        with pytest.raises(ValueError, match="totaliser"):
            Totaliser(**{"pulses_per_l": Fraction(100), **bad})


def test_a_flow_is_judged_over_a_whole_window() -> None:
    watch = FlowWatch(60.0, 0.0, 0)
    watch.saw(0.1, 900)
    watch.saw(1.0, 1000)
    assert not watch.impossible, "a litre a second, though it came in one bunch"
    watch.saw(2.1, 2200)
    assert watch.impossible


def test_a_short_flow_is_judged_at_its_end() -> None:
    watch = FlowWatch(60.0, 0.0, 0)
    watch.saw(0.2, 1500)
    assert not watch.impossible
    watch.saw(0.2, 1500, last=True)
    assert watch.impossible
