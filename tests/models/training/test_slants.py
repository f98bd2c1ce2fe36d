"""Pictures turned to a slant: where the plate's corners go, and how what is read there is counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from controller.records import CharacterRead, Colour, PlateRead, Reading
from models.closeups import quad_size
from models.training.__main__ import main
from models.training.data.scenes import Picture, Scene, ScenePlate
from models.training.evaluation.slants import SLANTS, above, aside, askew, measured, turned, views

BOX = np.array([[300, 200], [440, 200], [440, 245], [300, 245]], np.float32)


def scene(*quads: np.ndarray) -> Scene:
    """Red plates on a picture of one blue."""
    image = np.full((480, 720, 3), (200, 60, 0), np.uint8)
    for quad in quads:
        cv2.fillPoly(image, [quad.astype(np.int32)], (0, 0, 255))
    return Scene(Path("x.jpg"), image, tuple(ScenePlate("川A12345", quad, "blue", 1) for quad in quads))


def plate_in(image: Picture) -> np.ndarray:
    """Left, top, right and bottom of what is red."""
    ys, xs = np.nonzero((image[..., 2] > 150) & (image[..., 0] < 90))
    return np.array([xs.min(), ys.min(), xs.max(), ys.max()])


@pytest.mark.parametrize("degrees", [0, 30, 45, -45])
@pytest.mark.parametrize("slant", list(SLANTS))
def test_the_plate_stands_where_its_corners_are_told(slant: str, degrees: int) -> None:
    seen = turned(scene(BOX), SLANTS[slant][0](degrees))
    corners = seen.plates[0].corners
    told = [*corners.min(0), *corners.max(0)]
    assert np.abs(plate_in(seen.image) - told).max() < 3


def test_a_slant_shortens_one_side_and_a_tilt_none() -> None:
    width, height = quad_size(BOX)
    for matrix, across, down in ((aside(45), 0.707, 1), (above(45), 1, 0.707), (askew(45), 1, 1)):
        turned_width, turned_height = quad_size(turned(scene(BOX), matrix).plates[0].corners)
        assert turned_width / width == pytest.approx(across, rel=0.02)
        assert turned_height / height == pytest.approx(down, rel=0.02)
    left, right = (np.linalg.norm(side) for side in _sides(turned(scene(BOX), aside(30)).plates[0].corners))
    assert left > 1.05 * right, "the side that turned away is smaller"


def _sides(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return corners[3] - corners[0], corners[2] - corners[1]


def test_each_wide_plate_is_a_view_of_its_own() -> None:
    small = BOX * np.float32(0.4)
    shown = list(views([scene(BOX, BOX + np.float32([200, 150]), small)]))
    assert [len(view.plates) for view in shown] == [1, 1]
    for view in shown:
        corners = view.plates[0].corners
        told = [*corners.min(0), *corners.max(0)]
        inside = view.image[int(told[1]) + 3, int(told[0]) + 3]
        assert tuple(inside) == (0, 0, 255)


def test_what_is_read_is_counted_by_slant_and_angle() -> None:
    def read(image: Picture) -> Reading:
        """Finds what is red while it stands level, and is certain of it; reads the last plate wrongly."""
        left, top, right, bottom = plate_in(image)
        if (right - left) < 2 * (bottom - top):
            return Reading((), {})
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        characters = tuple(CharacterRead(character, 0.999) for character in "川A12345")
        return Reading((PlateRead(characters, corners, Colour.BLUE, "blue", 1, 0.99),), {})

    wrong = scene(BOX)
    wrong = replace(wrong, plates=(replace(wrong.plates[0], text="川A12346"),))
    lines = {(line.slant, line.degrees): line for line in measured(read, [scene(BOX), wrong])}
    level, askew_45 = lines["from the side", 0], lines["tilted", 45]
    assert (level.plates, level.found, level.exact, level.certain, level.wrong) == (2, 2, 1, 2, 1)
    assert (askew_45.plates, askew_45.found, askew_45.certain) == (4, 0, 0)
    assert lines["from the side", 30].cells()[3] == "95 %"


def test_the_command_needs_the_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GREENLANE_DATA", str(tmp_path))
    assert main(["slants"]) == 1
    assert "no real pictures" in capsys.readouterr().out
