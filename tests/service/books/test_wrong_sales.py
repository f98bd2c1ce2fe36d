"""Sales that do not belong to one fuelling: found wherever an independent figure contradicts them, and nowhere else."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.books.decisions.patterns import WORDS
from service.books.messages import Answer, Refused, Report
from service.store.database import Database
from tests.service.new_books import put_new_books
from tests.service.world import World
from wire.flags import BooksFlag
from wire.fuellings import Fuelling, FuellingReceipt
from wire.money import amount_fen
from wire.reasons import ErrorCode

PRICE = 800
BAD = {"pulses_differ", "impossible_flow", "totaliser_back", "totaliser_gap", *WORDS}


class Sales:
    """The true sales of one dispenser, one after the other, at 30 litres a minute."""

    def __init__(self, world: World, volumes_ml: Sequence[int], start_ml: int = 1_000_000) -> None:
        self.volumes_ml = list(volumes_ml)
        self.true: list[Fuelling] = []
        total_ml, at = start_ml, world.clock.now() - timedelta(hours=20)
        for sequence, volume_ml in enumerate(volumes_ml, 1):
            ended = at + timedelta(seconds=volume_ml * 60 / 30_000 + 1)
            self.true.append(
                Fuelling(
                    station="S1",
                    lane="L1",
                    dispenser="D1",
                    sequence=sequence,
                    visit=None,
                    authorisation=None,
                    plate=None,
                    started_at=at,
                    ended_at=ended,
                    volume_ml=volume_ml,
                    amount_fen=amount_fen(volume_ml, PRICE),
                    unit_price_fen_per_l=PRICE,
                    product="92",
                    totaliser_before_ml=total_ml,
                    totaliser_after_ml=total_ml + volume_ml,
                    metered_ml=volume_ml,
                )
            )
            total_ml, at = total_ml + volume_ml, at + timedelta(seconds=1)

    def wrong(self, kind: str, index: int) -> list[Fuelling]:
        """With the figures of one sale (or two) spoilt: volume and amount, and nothing else."""
        spoilt = list(self.volumes_ml)
        if kind == BooksFlag.SUM_OF_TWO:
            spoilt[index] += spoilt[index - 1]
        elif kind == BooksFlag.SAME_AGAIN:
            spoilt[index] = spoilt[index - 1]
        else:
            spoilt[index - 1], spoilt[index] = spoilt[index], spoilt[index - 1]
        return [
            replace(f, volume_ml=volume_ml, amount_fen=amount_fen(volume_ml, PRICE))
            for f, volume_ml in zip(self.true, spoilt, strict=True)
        ]


def posted(world: World, fuellings: Sequence[Fuelling]) -> list[Answer]:
    return world.books.carry_out([Report(fuelling) for fuelling in fuellings])


def flags_of(answer: Answer) -> set[str]:
    assert isinstance(answer, FuellingReceipt), answer
    return set(answer.flags)


def follow(fuellings: Sequence[Fuelling], start_ml: int = 1_000_000) -> list[Fuelling]:
    """A totaliser that moves by what is reported: it is not a witness any more."""
    total_ml, made = start_ml, []
    for fuelling in fuellings:
        after_ml = total_ml + fuelling.volume_ml
        made.append(replace(fuelling, totaliser_before_ml=total_ml, totaliser_after_ml=after_ml))
        total_ml = after_ml
    return made


@pytest.fixture
def fresh(sqlite_url: str) -> World:
    return World(Database(sqlite_url))


@pytest.mark.parametrize("kind", list(WORDS))
def test_a_true_totaliser_parks_a_sale_that_is_not_one_fuelling_and_names_the_kind(fresh: World, kind: str) -> None:
    answers = posted(fresh, Sales(fresh, [17_960, 50_000, 12_340]).wrong(kind, 1))
    refused = [a for a in answers if isinstance(a, Refused)]
    assert len(refused) == (2 if kind == BooksFlag.TWO_SWAPPED else 1)
    assert all(a.code is ErrorCode.IMPOSSIBLE_FUELLING for a in refused)
    if kind != BooksFlag.TWO_SWAPPED:
        assert WORDS[kind] in refused[0].detail


@pytest.mark.parametrize("kind", list(WORDS))
def test_the_lanes_own_pulses_flag_it_when_the_totaliser_lies_too(fresh: World, kind: str) -> None:
    answers = posted(fresh, follow(Sales(fresh, [17_960, 50_000, 12_340]).wrong(kind, 1)))
    assert {"pulses_differ", kind} <= flags_of(answers[1])
    assert ("pulses_differ" in flags_of(answers[0])) is (kind == BooksFlag.TWO_SWAPPED)
    assert not BAD & flags_of(answers[2])


def test_a_sale_that_reaches_back_over_the_one_before_is_flagged_without_any_pulses(fresh: World) -> None:
    first, second = Sales(fresh, [17_960, 50_000]).true
    sum_ml = first.volume_ml + second.volume_ml
    both = replace(
        second,
        volume_ml=sum_ml,
        amount_fen=amount_fen(sum_ml, PRICE),
        totaliser_before_ml=first.totaliser_before_ml,
        metered_ml=None,
    )
    answers = posted(fresh, [replace(first, metered_ml=None), both])
    assert {"totaliser_back", BooksFlag.SUM_OF_TWO} <= flags_of(answers[1])


def test_time_and_the_fastest_flow_flag_what_cannot_have_flowed(fresh: World) -> None:
    wrong = Sales(fresh, [200_000, 20_000]).wrong(BooksFlag.SUM_OF_TWO, 1)
    sales = [replace(f, metered_ml=None) for f in follow(wrong)]
    assert "impossible_flow" in flags_of(posted(fresh, sales)[1])


VOLUMES = st.lists(st.integers(500, 120_000), min_size=2, max_size=6)


@settings(max_examples=40, deadline=None)
@given(
    VOLUMES,
    st.sampled_from(list(WORDS)),
    st.booleans(),
    st.data(),
)
def test_every_fault_that_an_independent_figure_contradicts_is_found(
    volumes_ml: list[int], kind: str, lies_too: bool, data: st.DataObject
) -> None:
    index = data.draw(st.integers(1, len(volumes_ml) - 1))
    with tempfile.TemporaryDirectory() as folder:
        database = Database(put_new_books(Path(folder) / "books.sqlite3"))
        world = World(database)
        sales = Sales(world, volumes_ml)
        wrong = sales.wrong(kind, index)
        answers = posted(world, follow(wrong) if lies_too else wrong)
        database.close()
    for true, reported, answer in zip(sales.true, wrong, answers, strict=True):
        difference_ml = abs(true.volume_ml - reported.volume_ml)
        found = isinstance(answer, Refused) or "pulses_differ" in flags_of(answer)
        assert found is (difference_ml > max(50, reported.volume_ml // 200))


def test_thousands_of_honest_sales_with_round_amounts_repeats_and_sums_are_none_of_it(fresh: World) -> None:
    rng = random.Random(20_260_105)
    volumes_ml: list[int] = [31_250, 12_500]
    while len(volumes_ml) < 3_000:
        kind = rng.randrange(6)
        if kind == 0:
            volumes_ml.append(rng.choice([100, 200, 300, 500]) * 100_000 // PRICE)
        elif kind == 1:
            volumes_ml.append(volumes_ml[-1])
        elif kind == 2:
            volumes_ml.append(min(volumes_ml[-1] + volumes_ml[-2], 120_000))
        else:
            volumes_ml.append(rng.randrange(500, 120_000))
    sales = Sales(fresh, volumes_ml).true
    jittered = [replace(f, metered_ml=max(0, f.volume_ml + rng.randrange(-20, 21))) for f in sales]
    for begin in range(0, len(jittered), 250):
        for answer in posted(fresh, jittered[begin : begin + 250]):
            assert not BAD & flags_of(answer)
