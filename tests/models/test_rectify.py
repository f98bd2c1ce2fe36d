"""Strips come out upright and whole, whatever the size and tilt of the plate."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.geometry import layout_of
from models.grammar import FORMATS, PlateFormat, PlateKind
from models.rectify import STRIP_HEIGHT, STRIP_WIDTH, bands_of, rectify
from models.training.drawing.plates import draw_plate


def plate_in_picture(kind: PlateKind, height_px: int, angle_deg: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A drawn plate turned into a grey picture: picture, true corners, the plate itself."""
    plate = draw_plate(np.random.default_rng(3), kind, px_per_mm=1.0).image
    scale = height_px / plate.shape[0]
    turn = cv2.getRotationMatrix2D((0, 0), angle_deg, scale)
    flat = np.asarray([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64) * plate.shape[1::-1]
    corners = flat @ turn[:, :2].T
    shift = 12 - corners.min(0)
    turn[:, 2] += shift
    size = np.ceil((corners + shift).max(0) + 12).astype(int)
    picture = cv2.warpAffine(plate, turn, (int(size[0]), int(size[1])), flags=cv2.INTER_AREA, borderValue=(90, 90, 90))
    return picture, corners + shift, plate


def likeness(first: np.ndarray, second: np.ndarray) -> float:
    """Correlation of two strips' grey values, -1 to 1."""
    pair = [cv2.cvtColor(strip, cv2.COLOR_BGR2GRAY).astype(float).ravel() for strip in (first, second)]
    return float(np.corrcoef(pair)[0, 1])


@pytest.mark.parametrize("height_px", [40, 140, 500])
@pytest.mark.parametrize("angle_deg", [-25, 0, 15])
def test_one_row_plate_is_put_upright(height_px: int, angle_deg: float) -> None:
    picture, corners, plate = plate_in_picture(PlateKind.BLUE, height_px, angle_deg)
    strip = rectify(picture, corners, 1)
    upright = cv2.resize(plate, (STRIP_WIDTH, STRIP_HEIGHT), interpolation=cv2.INTER_AREA)
    assert strip.shape == (STRIP_HEIGHT, STRIP_WIDTH, 3)
    assert likeness(strip, upright) > 0.93


def test_two_row_plate_lies_side_by_side() -> None:
    picture, corners, plate = plate_in_picture(PlateKind.YELLOW_TWO_ROW, 220, 8)
    strip = rectify(picture, corners, 2)
    upper, lower = bands_of(2)
    for band in (upper, lower):
        rows = slice(round(band.top * 220), round(band.bottom * 220))
        piece = plate[rows, round(band.left * 440) : round(band.right * 440)]
        flat = cv2.resize(piece, (band.stop - band.start, STRIP_HEIGHT), interpolation=cv2.INTER_AREA)
        assert likeness(strip[:, band.start : band.stop], flat) > 0.93


def test_corners_outside_the_picture_are_no_error() -> None:
    picture = np.full((40, 100, 3), 120, np.uint8)
    strip = rectify(picture, [[-20, -5], [110, -5], [110, 45], [-20, 45]], 1)
    assert (strip == 120).all()


@pytest.mark.parametrize(
    "corners", [[[5, 5]] * 4, [[0, 0], [1, 1], [2, 2], [3, 3]], [[0, 0], [np.nan, 0], [9, 9], [0, 9]]]
)
def test_corners_without_area_are_refused(corners: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="no area"):
        rectify(np.zeros((20, 20, 3), np.uint8), corners, 1)


@pytest.mark.parametrize("rows", [0, 3])
def test_other_numbers_of_rows_are_refused(rows: int) -> None:
    with pytest.raises(ValueError, match="1 or 2 rows"):
        bands_of(rows)


@given(st.lists(st.tuples(st.floats(-300, 500), st.floats(-300, 500)), min_size=4, max_size=4), st.sampled_from([1, 2]))
def test_any_four_points_give_a_strip_or_a_refusal(corners: list[tuple[float, float]], rows: int) -> None:
    picture = np.zeros((120, 160, 3), np.uint8)
    try:
        strip = rectify(picture, corners, rows)
    except ValueError:
        return
    assert strip.shape == (STRIP_HEIGHT, STRIP_WIDTH, 3)


@pytest.mark.parametrize("plate_format", [f for f in FORMATS if f.rows == 2], ids=lambda f: f.kind)
def test_each_band_holds_its_own_characters_whole(plate_format: PlateFormat) -> None:
    upper, lower = bands_of(2)
    width, height = plate_format.width_mm, plate_format.height_mm
    for place, box in enumerate(layout_of(plate_format).characters):
        band = upper if place < plate_format.upper_characters else lower
        assert band.left * width <= box.x
        assert box.x + box.width <= band.right * width
        assert band.top * height <= box.y - 2
        assert box.y + box.height + 2 <= band.bottom * height
    assert upper.bottom * 220 < 90
    assert lower.top * 220 > 75
