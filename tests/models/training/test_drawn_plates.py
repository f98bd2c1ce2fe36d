"""Drawn plates keep to the format table, the standard's places, and the seed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import grammar
from models.geometry import layout_of
from models.glyphs import LEARNT, load_glyphs
from models.grammar import FORMATS, MAX_CHARACTERS, PlateKind
from models.training.data.holdout import is_for_calibration, is_held_out
from models.training.drawing.plates import KIND_SHARES, draw_plate
from models.training.recogniser.samples import CLASS_OF, blank_sample, classes_of, drawn_with_text

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.sampled_from(list(PlateKind)))
@settings(max_examples=60)
def test_every_kind_is_drawn_with_a_text_of_its_format(seed: int, kind: PlateKind) -> None:
    plate = draw_plate(np.random.default_rng(seed), kind)
    assert plate.kind == kind
    assert grammar.kind_of(plate.text, plate.colour, plate.rows) == kind
    form, scale = plate.plate_format, 0.4 * max(1.0, 440 / plate.plate_format.width_mm)
    expected = (round(form.height_mm * scale), round(form.width_mm * scale), 3)
    assert plate.image.shape == expected
    assert plate.image.dtype == np.uint8


def test_the_same_seed_draws_the_same_plate() -> None:
    first, second = (draw_plate(np.random.default_rng(5)) for _ in range(2))
    assert first.text == second.text
    assert (first.image == second.image).all()


def test_a_given_text_is_drawn_and_a_foreign_one_refused() -> None:
    rng = np.random.default_rng(0)
    assert draw_plate(rng, PlateKind.BLUE, "皖A72P33").text == "皖A72P33"
    with pytest.raises(ValueError, match="does not fit"):
        draw_plate(rng, PlateKind.POLICE, "皖A72P33")


def test_another_text_makes_another_picture() -> None:
    drawn = [
        draw_plate(np.random.default_rng(1), PlateKind.BLUE, text).image.astype(int)
        for text in ("皖A11111", "苏E88888")
    ]
    assert abs(drawn[0] - drawn[1]).mean() > 5


@pytest.mark.parametrize("plate_format", FORMATS, ids=lambda f: f"{f.kind}-{f.places[0][:1]}")
def test_characters_lie_on_the_plate_and_apart(plate_format: grammar.PlateFormat) -> None:
    boxes = layout_of(plate_format).characters
    assert len(boxes) == len(plate_format.places)
    for box in boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= plate_format.width_mm
        assert box.y + box.height <= plate_format.height_mm
    for left, right in itertools.pairwise(boxes):
        assert right.x >= left.x + left.width or right.y >= left.y + left.height


def test_ordinary_plate_follows_the_standard() -> None:
    boxes = layout_of(grammar.format_of_kind(PlateKind.BLUE)).characters
    assert [box.x for box in boxes] == [15.5, 72.5, 151.5, 208.5, 265.5, 322.5, 379.5]


def test_every_character_has_a_glyph_and_the_common_ones_a_learnt_one() -> None:
    glyphs = load_glyphs()
    assert all(glyphs.styles_of(character) for character in grammar.ALPHABET)
    assert set(grammar.SERIAL) <= set(glyphs.masks[LEARNT])


def test_all_kinds_are_drawn_sometimes() -> None:
    assert set(KIND_SHARES) == set(PlateKind)
    assert sum(KIND_SHARES.values()) == pytest.approx(1)


@given(seeds)
@settings(max_examples=40)
def test_samples_carry_the_classes_of_their_text(seed: int) -> None:
    sample, text = drawn_with_text(np.random.default_rng(seed))
    assert sample.strip.shape == (32, 128, 3)
    assert "".join(grammar.ALPHABET[index - 1] for index in sample.classes if index) == text
    known = ~np.isnan(sample.centres[:, 0])
    assert known.sum() == len(text)
    inside = (sample.centres[known] > -0.15) & (sample.centres[known] < 1.15)
    assert inside.all()


@given(seeds)
@settings(max_examples=40)
def test_blank_samples_have_no_character(seed: int) -> None:
    ground = np.random.default_rng(seed).integers(0, 255, (90, 160, 3)).astype(np.uint8)
    sample = blank_sample(np.random.default_rng(seed), [ground])
    assert sample.strip.shape == (32, 128, 3)
    assert not sample.classes.any()


def test_classes_leave_unused_places_blank() -> None:
    assert list(classes_of("皖A72P33")[:2]) == [CLASS_OF["皖"], CLASS_OF["A"]]
    assert classes_of("皖A72P33")[MAX_CHARACTERS - 1] == 0


def test_holdout_rule_is_the_written_one() -> None:
    assert [is_held_out(plate) for plate in ("皖A72P33", "皖A00001", "皖A00002", "浙JP1W22")] == [
        False,
        False,
        True,
        True,
    ]
    plates = [f"皖A{number:05d}" for number in range(2000)]
    assert 0.17 < np.mean([is_held_out(plate) for plate in plates]) < 0.23
    assert not any(is_held_out(plate) and is_for_calibration(plate) for plate in plates)
