"""Simulated visits are decided by the lane's vote, read by read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from controller.records import CharacterRead, Colour, PlateRead
from controller.settings_records import VoteSettings
from models.grammar import PlateKind
from models.training.data.realdata import RealCrop
from models.training.evaluation.thresholds import highest_answering, least_safe, pooled, verdict
from models.training.evaluation.visits import (
    LIMITS,
    READS,
    PlateVisit,
    by_province_limit,
    crop_visits,
    decided,
    drawn_visits,
    lane_rules,
    tally,
    trade_off,
)

TRUTH = "皖A72P33"
RULES = VoteSettings()


def read(text: str, weakest: float = 0.99) -> PlateRead:
    characters = tuple(
        CharacterRead(character, weakest if place == 4 else 0.999) for place, character in enumerate(text)
    )
    corners = ((0.0, 0.0), (100.0, 0.0), (100.0, 30.0), (0.0, 30.0))
    return PlateRead(characters, corners, Colour.BLUE, "blue", 1, 1.0)


def visit(*reads: PlateRead) -> PlateVisit:
    return PlateVisit(TRUTH, reads, "ccpd")


def test_a_visit_is_decided_by_the_first_certain_vote_and_stays_so() -> None:
    assert lane_rules() == {
        "reads": RULES.reads,
        "weakest_character": RULES.weakest_character,
        "province": RULES.province,
    }
    assert decided([read(TRUTH)] * 2, RULES) is None
    assert decided([read(TRUTH)] * 3, RULES) == TRUTH
    wrong_first = [read("皖A72B33")] * 3 + [read(TRUTH)] * 5
    assert decided(wrong_first, RULES) == "皖A72B33"


def test_tallies_count_answers_and_wrong_answers() -> None:
    right, wrong, unsure = [read(TRUTH)] * 3, [read("皖A72B33")] * 3, [read(TRUTH, 0.7)] * 8
    visits = [visit(*reads) for reads in (right, right, wrong, unsure)]
    assert tally(visits, RULES) == {"visits": 4, "answered": 3, "wrong": 1}


def test_a_higher_threshold_never_answers_more() -> None:
    visits = [visit(*[read(TRUTH, weakest)] * READS) for weakest in np.linspace(0.4, 0.999, 30)]
    curve = trade_off(visits)
    assert list(curve) == ["2", "3", "5"]
    for by_limit in curve.values():
        answered = [row["answered"] for row in by_limit.values()]
        assert len(answered) == len(LIMITS)
        assert answered == sorted(answered, reverse=True)
        assert answered[0] > answered[-1] > 0


def test_the_provinces_own_threshold_only_takes_answers_away() -> None:
    sure = CharacterRead("皖", 0.96)
    unsure_province = replace(read(TRUTH), characters=(sure, *read(TRUTH).characters[1:]))
    curve = by_province_limit([visit(*[unsure_province] * 3), visit(*[read(TRUTH)] * 3)])
    answered = [row["answered"] for row in curve.values()]
    assert answered == [1 + (sure.probability >= float(limit)) for limit in curve]
    assert set(answered) == {1, 2}
    assert next(iter(curve)) == f"{VoteSettings().weakest_character:g}"


def curve_of(*rows: tuple[float, int, int]) -> dict[str, dict[str, int]]:
    return {f"{limit:g}": {"visits": 1000, "answered": answered, "wrong": wrong} for limit, answered, wrong in rows}


def test_the_verdict_names_the_goals_thresholds() -> None:
    crops = curve_of((0.5, 990, 6), (0.9, 975, 0), (0.95, 960, 1), (0.99, 900, 0))
    drawn = curve_of((0.5, 960, 9), (0.9, 940, 2), (0.95, 930, 0), (0.99, 800, 0))
    assert highest_answering(crops) == "0.9"
    assert highest_answering(drawn) is None
    assert least_safe(crops) == "0.99", "a threshold counts only if all above it are safe too"
    assert least_safe(pooled([crops, drawn])) == "0.95"
    assert least_safe(curve_of((0.9, 100, 1))) is None
    lane = {"reads": 3, "weakest_character": 0.9, "province": 0.9}
    words = verdict({"lane": lane, "crops": {"3": crops}, "drawn": {"3": drawn}})
    assert "held-out crops: 97.5 % of 1000 visits answered, 0 of them wrong (at most 3.9 in 1,000" in words
    assert "Drawn plates: no threshold answers 97 %." in words
    assert "below 1 in 1,000 from 0.95 on, which answers 96.0 % and 93.0 %" in words


class Fixed:
    """Reads the same on every strip and keeps the strips."""

    def __init__(self, text: str) -> None:
        self.characters = tuple(CharacterRead(character, 0.99) for character in text)
        self.strips: list[np.ndarray] = []

    def read(self, strips: Sequence[np.ndarray]) -> list[tuple[CharacterRead, ...]]:
        self.strips.extend(strips)
        return [self.characters] * len(strips)


def test_every_read_of_a_crop_sees_it_a_little_differently() -> None:
    crop = RealCrop(np.random.default_rng(1).integers(0, 255, (24, 94, 3), np.uint8), TRUTH, "ccpd")
    recogniser = Fixed(TRUTH)
    (one,) = crop_visits(recogniser, [crop])  # type: ignore[arg-type]
    assert (one.truth, one.group, len(one.reads)) == (TRUTH, "ccpd", READS)
    assert len({strip.tobytes() for strip in recogniser.strips}) == READS
    assert all(plate.valid and plate.width_px == pytest.approx(94, rel=0.1) for plate in one.reads)


def test_drawn_visits_hold_every_kind() -> None:
    visits = drawn_visits(Fixed(TRUTH), 1)  # type: ignore[arg-type]
    assert [one.group for one in visits] == [str(kind) for kind in PlateKind]
    assert all(len(one.reads) == READS for one in visits)
