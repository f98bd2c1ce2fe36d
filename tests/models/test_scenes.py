"""Labels of scenes and the geometry of composed training pictures."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.records import Colour
from models.closeups import quad_size
from models.grammar import PlateKind, format_of_kind, is_valid
from models.training.data.scenes import ScenePlate, load_scenes, order_corners, pyramid, pyramid_level
from models.training.detector.compose import Composer, inside
from models.training.drawing.foreign import foreign_plate
from models.training.drawing.lettering import load
from models.training.drawing.plates import draw_plate

HELD_OUT, LEARNT = "粤A84266", "京A88731"


@given(
    start=st.integers(0, 3),
    backwards=st.booleans(),
    angle=st.floats(-40, 40),
    width=st.floats(60, 400),
    aspect=st.floats(1.6, 4.0),
)
def test_corners_come_out_clockwise_from_top_left(
    start: int, backwards: bool, angle: float, width: float, aspect: float
) -> None:
    turn = np.deg2rad(angle)
    box = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (width / 2, width / aspect / 2)
    wanted = box @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + 500
    given_order = np.roll(wanted[::-1] if backwards else wanted, start, 0)
    np.testing.assert_allclose(order_corners(given_order.tolist()), wanted, atol=1e-3)


def labelled(folder: Path, plate: str, name: str) -> dict[str, object]:
    cv2.imencode(".jpg", np.full((600, 2000, 3), 90, np.uint8))[1].tofile(folder / name)
    corners = [[200, 160], [200, 100], [400, 100], [400, 160]]
    record = {"text": plate, "colour": "blue", "main": True, "corners": corners}
    return {"file": name, "width": 2000, "height": 600, "plates": [record]}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    records = [labelled(tmp_path, LEARNT, "一.jpg"), labelled(tmp_path, HELD_OUT, "二.jpg")]
    (tmp_path / "scenes.json").write_text(json.dumps(records), encoding="utf-8")
    return tmp_path


def test_scenes_divide_by_their_main_plate(data: Path) -> None:
    parts = {held: [scene.main.text for scene in load_scenes(data, held)] for held in (True, False, None)}
    assert parts[None] == [LEARNT, HELD_OUT]
    assert parts[True] + parts[False] in ([HELD_OUT, LEARNT], [LEARNT, HELD_OUT])
    assert not set(parts[True]) & set(parts[False])


def test_labels_shrink_with_their_picture(data: Path) -> None:
    scene = load_scenes(data, largest_side=500)[0]
    assert scene.image.shape == (150, 500, 3)
    np.testing.assert_allclose(scene.main.corners[0], [50, 25])
    assert quad_size(scene.main.corners) == pytest.approx((50, 15))


def test_a_pyramid_never_has_to_shrink_below_half() -> None:
    levels = pyramid(np.zeros((800, 1200, 3), np.uint8))
    for scale in (1.5, 1.0, 0.7, 0.5, 0.3, 0.13):
        _, share = pyramid_level(levels, scale)
        assert scale / share > 0.5 or share == 1.0
        assert share == 1.0 or scale / share <= 1.0


def test_lettering_is_shipped() -> None:
    masks = load()
    assert len(masks) > 100
    assert all(mask.any() and not mask.all() for mask in masks)


def test_composed_pictures_repeat_and_keep_their_promises(data: Path) -> None:
    scenes = load_scenes(data)
    pictures = [Composer(scenes, 5, (320, 224), (14.0, 190.0)) for _ in range(2)]
    seen = 0
    for _ in range(25):
        one, other = (composer.compose() for composer in pictures)
        np.testing.assert_array_equal(one.image, other.image)
        assert one.image.shape == (224, 320, 3)
        for plate in one.plates:
            seen += 1
            assert inside(plate.corners, 320, 224)
            assert cv2.contourArea(plate.corners, True) > 0
            assert plate.colour in {"blue", "yellow", "green", "white", "black"}
        assert not any(inside(quad, 320, 224) for quad in one.unjudged)
    assert seen > 15


@pytest.mark.parametrize("kind", [PlateKind.AGRICULTURAL, PlateKind.TEMPORARY, PlateKind.YELLOW_TWO_ROW])
def test_a_drawn_plate_of_any_proportions_covers_the_real_one_in_whose_place_it_comes(kind: PlateKind) -> None:
    composer = Composer([], 4, (320, 224), (90.0, 150.0), lambda rng: draw_plate(rng, kind))
    real = np.array([[110, 90], [210, 94], [210, 126], [110, 122]], np.float32)
    placed = 0
    for _ in range(12):
        plate = composer._replaced(np.zeros((224, 320, 3), np.uint8), ScenePlate("皖A12345", real, "blue", 1))
        if plate.text != "皖A12345":
            placed += 1
            width, height = quad_size(plate.corners)
            sides = proportions(kind)
            assert abs(width / height - sides) < 0.15 * sides
            assert all(cv2.pointPolygonTest(plate.corners, (float(x), float(y)), False) > 0 for x, y in real)
    assert placed


def proportions(kind: PlateKind) -> float:
    """Width of a plate of this kind for its height."""
    known = format_of_kind(kind)
    return known.width_mm / known.height_mm


def test_plates_of_no_known_kind_are_pasted_with_their_own_sides_and_colour() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        plate = foreign_plate(rng)
        assert not is_valid(plate.text)
        assert plate.image.shape[1] / plate.image.shape[0] == pytest.approx(
            plate.size_mm[0] / plate.size_mm[1], rel=0.02
        )
        assert plate.colour in Colour


def test_a_pasted_plate_lies_where_its_label_says() -> None:
    composer = Composer([], 3, (320, 224), (90.0, 150.0))
    checked = 0
    for _ in range(60):
        ground = np.zeros((224, 320, 3), np.uint8)
        plates: list = []
        composer._paste_plate(ground, plates, [], [])
        if not plates or not inside(plates[0].corners, 320, 224, -4) or ground.max() < 60:
            continue
        mask = np.zeros((224, 320), np.uint8)
        cv2.fillConvexPoly(mask, np.round(plates[0].corners * 16).astype(np.int32), 255, shift=4)
        ink = (ground.max(2) > 0).astype(np.uint8) * 255
        if ink[mask == 255].mean() > 250 and plates[0].colour != "black":
            outside = ink[cv2.dilate(mask, np.ones((5, 5))) == 0]
            assert outside.mean() < 20
            checked += 1
    assert checked > 5
