"""Training samples: strips of the recogniser's shape with the classes of a text that some format has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple

import numpy as np
import pytest

from models.grammar import ALPHABET, MAX_CHARACTERS, PlateKind, formats_of
from models.training.data.realdata import RealCrop
from models.training.drawing.conditions import HELD_OUT, load, varied
from models.training.drawing.outline import outlined
from models.training.drawing.photograph import edges_of
from models.training.recogniser.mixing import Mixer
from models.training.recogniser.samples import (
    Sample,
    alike_sample,
    blank_sample,
    classes_of,
    drawn_sample,
    photographed_sample,
    real_sample,
)

Rng = np.random.Generator


def text_of(sample: Sample) -> str:
    return "".join(ALPHABET[number - 1] for number in sample.classes if number)


def crop_sample(rng: Rng) -> Sample:
    """A real sample of a made-up crop: bright bars on blue."""
    image = np.full((24, 94, 3), (160, 70, 20), np.uint8)
    image[6:18, 8:88:12] = 230
    return real_sample(rng, RealCrop(image, "皖A12345", "ccpd", edges_of(94, 24)))


@pytest.mark.parametrize("make", [drawn_sample, alike_sample, photographed_sample, crop_sample])
def test_a_sample_is_a_strip_and_the_classes_of_a_plate(make: Callable[[Rng], Sample]) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        sample = make(rng)
        assert (sample.strip.shape, sample.strip.dtype) == ((32, 128, 3), np.uint8)
        assert formats_of(text_of(sample)), "a text that no plate has"
        assert (sample.classes == classes_of(text_of(sample))).all()
        assert sample.centres.shape == (MAX_CHARACTERS, 2)


def test_a_strip_without_a_plate_is_blank_in_all_places() -> None:
    rng = np.random.default_rng(4)
    assert all(not blank_sample(rng, ()).classes.any() for _ in range(20))


def test_every_kind_is_photographed() -> None:
    rng = np.random.default_rng(5)
    seen = {form.kind for _ in range(150) for form in formats_of(text_of(photographed_sample(rng)))}
    assert seen == set(PlateKind)


def test_a_varied_condition_is_a_neighbour() -> None:
    rng = np.random.default_rng(6)
    condition = next(row for row in load()["ccpd"] if row.focus_px > 0)
    others = [varied(rng, condition) for _ in range(200)]
    assert {(other.width_px, other.height_px) for other in others} == {(condition.width_px, condition.height_px)}
    assert np.median([other.contrast for other in others]) == pytest.approx(condition.contrast, rel=0.05)
    assert np.mean([other.tilt_degrees for other in others]) == pytest.approx(condition.tilt_degrees, abs=0.5)
    assert len({other.focus_px for other in others}) == 200


def test_nothing_is_judged_under_a_condition_that_is_learnt_under() -> None:
    learnt = {tuple(np.round(astuple(row), 3)) for rows in load().values() for row in rows}
    judged = {tuple(np.round(astuple(row), 3)) for rows in load(HELD_OUT).values() for row in rows}
    assert judged
    assert not learnt & judged


def test_batches_mix_real_crops_drawn_plates_and_blanks() -> None:
    crop = RealCrop(np.full((24, 94, 3), 90, np.uint8), "皖A12345", "ccpd")
    samples = Mixer([crop], (), seed=1).batch(200, 0.5)
    texts = [text_of(sample) for sample in samples]
    real = sum(text == "皖A12345" for text in texts)
    assert 70 <= real <= 130
    assert 2 <= sum(text == "" for text in texts) <= 30
    assert len(set(texts)) > 50


def test_an_outline_touches_the_plate_and_leaves_its_middle() -> None:
    rng = np.random.default_rng(8)
    plate = np.full((120, 220, 3), 90, np.uint8)
    corners = np.asarray([[30, 40], [190, 40], [190, 90], [30, 90]], np.float32)
    for _ in range(50):
        changed = (outlined(rng, plate, corners) != plate).any(2)
        assert changed.any()
        assert not changed[55:76, 50:171].any(), "characters are covered"
        rows, columns = np.nonzero(changed)
        assert rows.min() < 48
        assert rows.max() > 82
        assert columns.min() < 40
        assert columns.max() > 180
