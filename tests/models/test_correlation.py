"""All places of a plate are compared at once: what comes out is what comparing each by itself gives."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from models.correlation import Correlator, Mask, Values, drawn

MASKS = (Mask("A", 18, 36), Mask("8", 18, 36), Mask("川", 20, 30))
MIDDLES = np.array([[40.0, 44.0], [90.0, 46.0], [150.0, 40.0]])
BLUR = 1.0


def picture(shifts: Values, ink: int = 1) -> np.ndarray:
    """A grey plate on which the masks stand so far from where they are drawn."""
    grey = np.random.default_rng(4).normal(90, 6, (88, 208)).astype(np.float32)
    for mask, middle in zip(MASKS, MIDDLES + shifts, strict=True):
        wide, tall = mask.size
        left, top = np.rint(middle - np.array(mask.size) / 2).astype(int)
        grey[top : top + tall, left : left + wide] += ink * 0.4 * drawn(mask, BLUR)
    return grey


@pytest.mark.parametrize("ink", [1, -1])
def test_characters_are_found_where_they_stand_light_or_dark(ink: int) -> None:
    shifts = np.array([[3.0, -2.0], [-5.0, 4.0], [8.0, 6.0]])
    found, seen_ink = Correlator(picture(shifts, ink), MIDDLES).first(MASKS, BLUR, (8, 6))
    assert seen_ink == ink
    assert np.abs(found[:, 1:] - shifts).max() <= 0.5
    assert found[:, 0].min() > 0.8


def test_a_look_beyond_what_was_correlated_correlates_anew() -> None:
    grey = picture(np.array([[0.0, 0.0], [17.0, 0.0], [0.0, 0.0]]))
    plate = Correlator(grey, MIDDLES)
    plate.first(MASKS, BLUR, (4, 3))
    far = np.array([[0.0, 0.0], [15.0, 1.0], [0.0, 0.0]])
    later = plate.best(MASKS, BLUR, far, (4, 3), 1)
    assert np.array_equal(later, Correlator(grey, MIDDLES).best(MASKS, BLUR, far, (4, 3), 1))
    assert later[1, 1] == pytest.approx(17.0, abs=0.5)


def test_each_softness_tells_what_opencv_tells() -> None:
    grey = picture(np.zeros((3, 2)))
    plate = Correlator(grey, MIDDLES)
    closest, likeness = plate.near(MASKS, (1.0, 2.0), np.ones((3, 2)), 2, 1)
    for place, (left, top) in enumerate(plate.corners(MASKS, np.ones((3, 2))).tolist()):
        wide, tall = MASKS[place].size
        for number, blur in enumerate((1.0, 2.0)):
            window = grey[top - 2 : top + tall + 2, left - 2 : left + wide + 2]
            match = cv2.matchTemplate(window, drawn(MASKS[place], blur), cv2.TM_CCOEFF_NORMED)
            assert likeness[place, number] == pytest.approx(match.max(), abs=1e-4)
            assert closest[place, number] == pytest.approx(match[1:4, 1:4].max(), abs=1e-4)


def test_beyond_the_picture_nothing_is_found_and_nothing_fails() -> None:
    plate = Correlator(picture(np.zeros((3, 2))), MIDDLES)
    for away in (-60.0, 300.0):
        shifts = np.full((3, 2), away)
        assert plate.best(MASKS, BLUR, shifts, (2, 2), 1)[:, 0].max() <= 1.0
        assert plate.near(MASKS, (1.0,), shifts, 2, 1)[1].max() <= 1.0
