"""Measures tell what was done to a plate, and photographs under a condition measure as the condition says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.grammar import PlateKind
from models.second_reading import read_plate
from models.training.drawing.conditions import CONDITIONS, HELD_OUT, fit, load, pick, store
from models.training.drawing.degrade import UNIT
from models.training.drawing.measures import ACROSS_PX, Measures, as_grey, lean_slope, measure, measure_cut, tilt_slope
from models.training.drawing.photograph import FINE_PX_PER_MM, Condition, photograph, reference_plate
from models.training.drawing.plates import draw_plate

LEVEL = Condition(
    width_px=128,
    height_px=40,
    focus_px=0.0,
    grain=0.0,
    contrast=150.0,
    level=110.0,
    tilt_degrees=0.0,
    lean_degrees=0.0,
    character_height=90 / 140,
)


def middle(condition: Condition, count: int = 9) -> Measures:
    """The median measures of a few blue plates under one condition."""
    rng = np.random.default_rng(2)
    rows = [measure(photograph(rng, reference_plate(rng), condition).image) for _ in range(count)]
    return Measures(**{name: float(np.median([getattr(row, name) for row in rows])) for name in vars(rows[0])})


def test_level_contrast_and_noise_come_out_as_asked() -> None:
    plain, grained = middle(LEVEL), middle(replace(LEVEL, grain=8.0, level=90.0, contrast=100.0))
    assert plain.contrast == pytest.approx(150, rel=0.15)
    assert grained.contrast == pytest.approx(100, rel=0.25)
    assert (plain.level, grained.level) == (pytest.approx(110, abs=8), pytest.approx(90, abs=8))
    assert plain.noise < 2 < grained.noise


@pytest.mark.parametrize("sigma", [1.5, 2.0, 2.5])
def test_blur_is_told_in_pixels_of_a_plate_128_wide_whatever_the_contrast(sigma: float) -> None:
    blurred = middle(replace(LEVEL, focus_px=sigma))
    assert blurred.blur_px == pytest.approx(np.hypot(sigma, middle(LEVEL).blur_px), rel=0.2)
    assert middle(replace(LEVEL, focus_px=sigma, contrast=60.0)).blur_px == pytest.approx(blurred.blur_px, rel=0.06)


@pytest.mark.parametrize(("tilt", "lean"), [(-9.0, 0.0), (6.0, 0.0), (0.0, 12.0), (4.0, -10.0)])
def test_tilt_and_lean_are_told(tilt: float, lean: float) -> None:
    seen = middle(replace(LEVEL, tilt_degrees=tilt, lean_degrees=lean))
    assert seen.tilt_degrees == pytest.approx(tilt, abs=1.5)
    assert seen.lean_degrees == pytest.approx(lean, abs=4.0)


def test_slopes_are_those_of_the_plate_and_not_of_its_stretched_picture() -> None:
    assert tilt_slope(10, 440, 140) == pytest.approx(np.tan(np.deg2rad(10)))
    assert tilt_slope(10, 440, 70) == pytest.approx(np.tan(np.deg2rad(10)) / 2)
    assert lean_slope(10, 440, 70) == pytest.approx(np.tan(np.deg2rad(10)) * 2)


def test_a_cut_with_corners_is_measured_on_the_plate_alone() -> None:
    plate = draw_plate(np.random.default_rng(4), PlateKind.BLUE, px_per_mm=0.4).image
    turn = cv2.getRotationMatrix2D((88, 28), -7.0, 1.0)
    turn[:, 2] += (60, 60)
    scene = cv2.warpAffine(plate, turn, (300, 180), borderValue=(255, 255, 255))
    corners = (UNIT * (176, 56)) @ turn[:, :2].T + turn[:, 2]
    seen = measure_cut(np.asarray(scene, np.uint8), corners.astype(np.float32))
    assert seen.tilt_degrees == pytest.approx(7.0, abs=0.2)
    assert seen.level == pytest.approx(float(as_grey(plate).mean()), abs=6)


def test_a_fitted_condition_gives_back_what_the_crop_measures() -> None:
    rng = np.random.default_rng(11)
    taken = Condition(
        width_px=94,
        height_px=24,
        focus_px=1.2,
        grain=6.0,
        contrast=110.0,
        level=80.0,
        tilt_degrees=5.0,
        lean_degrees=0.0,
        character_height=0.5,
    )
    crop = photograph(rng, reference_plate(rng), taken).image
    seen, found = measure(crop), fit(crop, rng)
    again = middle(found)
    assert (found.width_px, found.height_px) == (94, 24)
    assert again.blur_px == pytest.approx(seen.blur_px, rel=0.12)
    assert again.contrast == pytest.approx(seen.contrast, rel=0.15)
    assert again.noise == pytest.approx(seen.noise, rel=0.4)
    assert again.character_height == pytest.approx(seen.character_height, abs=0.09)


def test_conditions_come_back_from_their_file(tmp_path: Path) -> None:
    path = tmp_path / "conditions.npz"
    store({"here": [LEVEL, replace(LEVEL, grain=2.5)]}, path)
    (here,) = load(path).values()
    assert [vars(row) for row in here] == [pytest.approx(vars(row)) for row in (LEVEL, replace(LEVEL, grain=2.5))]


@pytest.mark.parametrize(("path", "least"), [(CONDITIONS, 300), (HELD_OUT, 100)])
def test_shipped_conditions_are_plausible(path: Path, least: int) -> None:
    stored = load(path)
    assert set(stored) == {"ccpd", "easypr"}
    for rows in stored.values():
        assert len(rows) > least
        assert all(0 <= row.focus_px <= 5 and 0 <= row.grain <= 30 and 0.1 < row.character_height < 1.4 for row in rows)
        assert np.median([row.contrast for row in rows]) > 80
    assert pick(np.random.default_rng(1), "ccpd", path) in stored["ccpd"]
    assert pick(np.random.default_rng(1), "ccpd", path).width_px == 94
    assert {pick(np.random.default_rng(seed), path=path).width_px for seed in range(8)} == {94, 136}


@pytest.mark.parametrize("kind", [PlateKind.BLUE, PlateKind.YELLOW_TWO_ROW])
def test_one_row_plates_fill_their_crop_and_two_row_ones_lie_within(kind: PlateKind) -> None:
    rng = np.random.default_rng(3)
    plate = draw_plate(rng, kind, px_per_mm=FINE_PX_PER_MM)
    photo = photograph(rng, plate, LEVEL)
    height, width = photo.image.shape[:2]
    assert ACROSS_PX <= width < 170
    low, high = photo.corners.min(0), photo.corners.max(0)
    if plate.rows == 1:
        assert photo.image.shape == (40, 128, 3)
        np.testing.assert_allclose((*low, *high), (-0.5, -0.5, 127.5, 39.5))
    else:
        assert low.min() > -3
        assert high[0] < width + 2
        assert high[1] < height + 2
        assert (high - low)[1] == pytest.approx(40 * 220 / 140, rel=0.3)
    strips: list[np.ndarray] = []

    def nothing(given: object) -> list[tuple[()]]:
        strips.extend(given)  # type: ignore[call-overload]
        return [()]

    assert read_plate(nothing, photo.image, photo.corners, plate.rows) == ()
    assert strips[0].shape == (32, 128, 3)
