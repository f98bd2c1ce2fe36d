"""The detector around its networks: scaling, decoding, close-ups and duplicates, with networks that answer by rule."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.records import Colour
from models.build import build_detector, variant_of
from models.closeups import Picture, Quad, closeup_matrix, cut, fit, is_coloured, is_plate_shaped, map_points
from models.detector import Detector, DetectorSettings
from models.engines import FloatArray, load_network
from models.grammar import PlateKind
from models.manifest import WEIGHTS_FOLDER, load_section
from models.training.detector.compose import Composer
from models.training.drawing.plates import draw_plate

SETTINGS = DetectorSettings(
    colours=tuple(Colour),
    mean=127.5,
    scale=1 / 64,
    side_px=384,
    largest_side_px=384,
    smaller_side_px=384,
    most_shrunk=3.0,
    multiple=32,
    stride=4,
    offset_unit_px=32.0,
    closeup_px=(128, 64),
    margin_x=0.17,
    margin_y=0.4,
    propose=0.12,
    accept=0.5,
    most=8,
    looks=1,
    settled=0.0,
)
WHITE_BOX_SIDES = (110, 35)


def plate_picture(width: int, height: int, boxes: list[tuple[int, int, int, int]]) -> Picture:
    """A grey picture with white boxes (left, top, width, height) in the place of plates."""
    image = np.full((height, width, 3), 60, np.uint8)
    for left, top, across, down in boxes:
        image[top : top + down, left : left + across] = 255
    return image


class BoxFinder:
    """A finder that knows white boxes: it answers what a trained one would, from the picture it is given."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def run(self, input: FloatArray) -> tuple[FloatArray, ...]:
        self.shapes.append(input.shape)
        bright = (input[0].min(0) > 1.0).astype(np.uint8)
        output = np.full((1, 16, input.shape[2] // 4, input.shape[3] // 4), -9.0, np.float32)
        _, _, stats, _ = cv2.connectedComponentsWithStats(bright)
        for left, top, width, height, _ in stats[1:]:
            corners = np.array([[0, 0], [width, 0], [width, height], [0, height]]) + np.array([left, top]) - 0.5
            x, y = int((left + width / 2) // 4), int((top + height / 2) // 4)
            output[0, 0, y, x] = 4.0
            output[0, 1:9, y, x] = ((corners - (np.array([x, y]) + 0.5) * 4) / 32).ravel()
            output[0, 9 + 1, y, x] = 5.0
            output[0, 14 + 1, y, x] = 5.0
        return (output,)


class BoxRefiner:
    """A refiner that finds the white box in its close-up, blue and one-row; no box, no plate."""

    def run(self, input: FloatArray) -> tuple[FloatArray, ...]:
        assert input.shape == (1, 3, 64, 128)
        ys, xs = np.nonzero(input[0].min(0) > 1.0)
        answer = np.zeros((1, 16), np.float32)
        answer[0, 8] = 5.0 if len(xs) else -5.0
        if len(xs):
            left, right, top, bottom = xs.min(), xs.max() + 1, ys.min(), ys.max() + 1
            corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) / (128, 64)
            answer[0, :8] = corners.ravel()
        answer[0, 9] = answer[0, 14] = 5.0
        return (answer,)


@given(
    width=st.integers(240, 2600),
    aspect=st.floats(0.6, 2.4),
    x=st.floats(0.2, 0.8),
    y=st.floats(0.2, 0.8),
    share=st.floats(0.12, 0.4),
)
def test_corners_come_back_in_pixels_of_the_picture(
    width: int, aspect: float, x: float, y: float, share: float
) -> None:
    height = round(width / aspect)
    across = max(24, round(share * min(width, height)))
    box = (round(x * (width - across)), round(y * (height - across // 3)), across, across // 3)
    finder = BoxFinder()
    (found,) = Detector(finder, BoxRefiner(), SETTINGS).detect(plate_picture(width, height, [box]))
    left, top, across, down = box
    wanted = np.array([[left, top], [left + across, top], [left + across, top + down], [left, top + down]]) - 0.5
    assert np.abs(np.array(found.corners) - wanted).max() < 0.6 + 0.03 * across
    assert (found.colour, found.rows) == (Colour.BLUE, 1)
    (shape,) = finder.shapes
    assert shape[2] % 32 == 0
    assert shape[3] % 32 == 0
    assert max(shape) <= 384 + 32


def test_without_a_refiner_the_proposal_stands() -> None:
    image = plate_picture(640, 480, [(200, 300, 120, 40)])
    (found,) = Detector(BoxFinder(), None, SETTINGS).detect(image)
    assert found.corners[0] == pytest.approx((199.5, 299.5), abs=1.5)
    assert (found.colour, found.rows) == (Colour.YELLOW, 2)
    assert found.colour_certainty > 0.9


def test_two_plates_are_two_and_the_refiner_throws_out_what_is_none() -> None:
    class OnlyTheLeft(BoxRefiner):
        def __init__(self) -> None:
            self.calls = 0

        def run(self, input: FloatArray) -> tuple[FloatArray, ...]:
            self.calls += 1
            (answer,) = super().run(input)
            if self.calls == 2:
                answer[0, 8] = -5.0
            return (answer,)

    image = plate_picture(640, 480, [(100, 300, 120, 40), (400, 300, 120, 40)])
    assert len(Detector(BoxFinder(), BoxRefiner(), SETTINGS).detect(image)) == 2
    assert len(Detector(BoxFinder(), OnlyTheLeft(), SETTINGS).detect(image)) == 1


def test_a_second_look_starts_where_the_first_saw_the_plate_and_can_only_doubt() -> None:
    class Halfway(BoxRefiner):
        """Comes half of the way to the box at each look, surer every time."""

        def __init__(self, surer: float) -> None:
            self.sure, self.surer = 2.0, surer

        def run(self, input: FloatArray) -> tuple[FloatArray, ...]:
            (answer,) = super().run(input)
            margins = np.array([0.17 / 1.34, 0.4 / 1.8])
            proposed = np.array([margins, [1 - margins[0], margins[1]], 1 - margins, [margins[0], 1 - margins[1]]])
            answer[0, :8] = (answer[0, :8] + proposed.ravel()) / 2
            answer[0, 8] = self.sure
            self.sure += self.surer
            return (answer,)

    class Shifted(BoxFinder):
        def run(self, input: FloatArray) -> tuple[FloatArray, ...]:
            (output,) = super().run(input)
            output[0, 1:9:2] += 8 / 32
            return (output,)

    image, left = plate_picture(640, 480, [(200, 300, 120, 40)]), 199.5
    off = {}
    for looks in (1, 2, 3):
        settings = replace(SETTINGS, looks=looks)
        (found,) = Detector(Shifted(), Halfway(1.0), settings).detect(image)
        off[looks] = abs(found.corners[0][0] - left)
        assert found.confidence == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert off[1] > 4
    assert off[2] < 0.7 * off[1]
    assert off[3] < 0.7 * off[2]
    (doubted,) = Detector(Shifted(), Halfway(-1.0), replace(SETTINGS, looks=2)).detect(image)
    assert doubted.confidence == pytest.approx(1 / (1 + np.exp(-1.0)))


@pytest.mark.parametrize(
    ("settled", "logit", "calls"), [(0.0, 3.0, 3), (0.3, 3.0, 2), (0.9, 3.0, 1), (0.0, -1.0, 1), (0.0, -0.5, 1)]
)
def test_a_look_that_moves_little_is_the_last_and_so_is_one_that_sees_no_plate(
    settled: float, logit: float, calls: int
) -> None:
    class Halving(BoxRefiner):
        """Moves the plate to the right by 16 of its 32 rows, then by half as much each time."""

        def __init__(self) -> None:
            self.calls = 0

        def run(self, input: FloatArray) -> tuple[FloatArray, ...]:
            margins = np.array([0.17 / 1.34, 0.4 / 1.8])
            corners = np.array([margins, [1 - margins[0], margins[1]], 1 - margins, [margins[0], 1 - margins[1]]])
            self.calls += 1
            corners[:, 0] += 0.5**self.calls * 40 / (120 * 1.34)
            answer = np.zeros((1, 16), np.float32)
            answer[0, :8], answer[0, 8] = corners.ravel(), logit
            return (answer,)

    refiner = Halving()
    image = plate_picture(640, 480, [(200, 300, 120, 40)])
    settings = replace(SETTINGS, looks=3, settled=settled)
    assert len(Detector(BoxFinder(), refiner, settings).detect(image)) == (logit > 0)
    assert refiner.calls == calls


def test_one_plate_proposed_twice_is_told_once() -> None:
    class Twice(BoxFinder):
        def run(self, input: FloatArray) -> tuple[FloatArray, ...]:
            (output,) = super().run(input)
            y, x = np.unravel_index(np.argmax(output[0, 0]), output.shape[2:])
            output[0, :, y, x + 2] = output[0, :, y, x]
            output[0, 1:9:2, y, x + 2] -= 8 / 32
            output[0, 0, y, x + 2] = 3.0
            return (output,)

    image = plate_picture(640, 480, [(100, 300, 120, 40)])
    assert len(Detector(Twice(), None, SETTINGS).propose(image)) == 1


def test_an_empty_picture_has_no_plate() -> None:
    assert Detector(BoxFinder(), BoxRefiner(), SETTINGS).detect(plate_picture(300, 200, [])) == []


@pytest.mark.parametrize("width", [30, 130, 600, 2000])
def test_a_closeup_shows_its_place_at_any_reduction(width: int) -> None:
    image = np.zeros((2400, 2600, 3), np.uint8)
    corners = np.array([[0, 0], [3, 0], [3, 1], [0, 1]], np.float32) * np.float32(width / 3) + 300
    inner = (corners[:2, 0].min() + 0.25 * width, 300 + width / 12, 0.5 * width, width / 6)
    left, top, across, down = (round(v) for v in inner)
    image[top : top + down, left : left + across] = 255
    matrix = closeup_matrix(corners, (128, 64), (0.17, 0.4))
    closeup = cut(image, matrix, (128, 64))
    ys, xs = np.nonzero(closeup[..., 0] > 127)
    wanted = map_points(matrix, np.array([[left - 0.5, top - 0.5], [left + across - 0.5, top + down - 0.5]]))
    assert xs.min() - 0.5 == pytest.approx(wanted[0, 0], abs=1.1)
    assert xs.max() + 0.5 == pytest.approx(wanted[1, 0], abs=1.1)
    assert ys.min() - 0.5 == pytest.approx(wanted[0, 1], abs=1.1)
    assert ys.max() + 0.5 == pytest.approx(wanted[1, 1], abs=1.1)


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (640, 480), (100, 60), (9, 8), (3000, 20)])
def test_fit_keeps_the_aspect_and_pads_to_the_multiple(size: tuple[int, int]) -> None:
    width, height = size
    picture, scale_x, scale_y = fit(np.zeros((height, width, 3), np.uint8), 384, 32)
    assert picture.shape[0] % 32 == 0
    assert picture.shape[1] % 32 == 0
    assert width * scale_x <= picture.shape[1]
    assert height * scale_y <= picture.shape[0]
    if min(size) >= 60:
        assert scale_x == pytest.approx(scale_y, rel=0.02)


@pytest.mark.parametrize(
    ("corners", "good"),
    [
        ([[0, 0], [60, 0], [60, 20], [0, 20]], True),
        ([[0, 0], [60, 0], [60, 3], [0, 3]], False),
        ([[0, 0], [10, 0], [10, 5], [0, 5]], False),
        ([[0, 0], [20, 0], [20, 60], [0, 60]], False),
        ([[0, 0], [0, 20], [60, 20], [60, 0]], False),
        ([[0, 0], [60, 0], [0, 20], [60, 20]], False),
    ],
)
def test_only_plate_shaped_corners_pass(corners: list[list[int]], good: bool) -> None:
    quad: Quad = np.array(corners, np.float32)
    assert is_plate_shaped(quad) is good


def test_grey_pictures_tell_no_colour() -> None:
    grey = plate_picture(64, 64, [(8, 8, 30, 10)])
    assert not is_coloured(grey)
    assert is_coloured(cv2.applyColorMap(grey, cv2.COLORMAP_HSV))
    (found,) = Detector(BoxFinder(), BoxRefiner(), SETTINGS).detect(plate_picture(640, 480, [(100, 300, 120, 40)]))
    assert found.colour_certainty == 0.0


def test_a_picture_that_is_one_plate_keeps_its_edges() -> None:
    found = Detector(BoxFinder(), BoxRefiner(), SETTINGS).look(plate_picture(136, 36, [(0, 0, 136, 36)]))
    assert found.corners[2] == (135.5, 35.5)


def test_the_shipped_detector_finds_drawn_plates() -> None:
    detector = build_detector()
    composer = Composer([], 11, (640, 360), (70.0, 200.0))
    asked = hit = 0
    for _ in range(60):
        picture = composer.compose()
        found = detector.detect(picture.image)
        for wanted in picture.plates:
            asked += 1
            centre = wanted.corners.mean(0)
            hit += any(np.abs(np.mean(f.corners, axis=0) - centre).max() < 8 for f in found)
    assert asked > 15
    assert hit > 0.7 * asked


@pytest.mark.parametrize(
    ("longest_px", "sides"),
    [(300, (320, 256)), (1280, (320, 256)), (1281, (640, 320, 256)), (4000, (640, 320, 256))],
)
def test_a_large_picture_is_looked_at_larger(longest_px: int, sides: tuple[int, ...]) -> None:
    settings = replace(SETTINGS, side_px=320, largest_side_px=640, smaller_side_px=256, most_shrunk=4.0)
    assert settings.sides_for(longest_px) == sides
    assert replace(settings, smaller_side_px=320).sides_for(longest_px) == sides[:-1]


def test_a_small_plate_of_a_large_picture_is_found_at_the_larger_size_alone() -> None:
    finder = BoxFinder()
    settings = replace(SETTINGS, side_px=96, largest_side_px=384, most_shrunk=2.0)
    (found,) = Detector(finder, None, settings).detect(plate_picture(700, 400, [(300, 200, *WHITE_BOX_SIDES)]))
    assert [shape[3] for shape in finder.shapes] == [384]
    assert found.corners[0] == pytest.approx((300, 200), abs=3)


def test_a_plate_too_large_for_the_larger_size_is_found_at_the_smaller_one() -> None:
    class SmallOnly(BoxFinder):
        def run(self, input: FloatArray) -> tuple[FloatArray, ...]:
            (output,) = super().run(input)
            if input.shape[3] > 200:
                output[:, 0] = -9.0
            return (output,)

    finder = SmallOnly()
    settings = replace(SETTINGS, side_px=192, largest_side_px=384, most_shrunk=2.0)
    (found,) = Detector(finder, None, settings).detect(plate_picture(700, 400, [(100, 100, 440, 140)]))
    assert [shape[3] for shape in finder.shapes] == [384, 192]
    assert found.corners[2] == pytest.approx((540, 240), abs=6)


def test_where_nothing_is_found_a_last_look_is_taken_at_a_smaller_size() -> None:
    finder = BoxFinder()
    settings = replace(SETTINGS, side_px=384, smaller_side_px=256)
    assert Detector(finder, None, settings).detect(np.zeros((288, 384, 3), np.uint8)) == []
    assert [shape[3] for shape in finder.shapes] == [384, 256]
    finder.shapes.clear()
    assert Detector(finder, None, settings).detect(plate_picture(384, 288, [(100, 100, *WHITE_BOX_SIDES)]))
    assert [shape[3] for shape in finder.shapes] == [384]


@pytest.mark.parametrize(("network", "size"), [("finder", (192, 256)), ("refiner", (64, 128))])
def test_opencv_and_onnxruntime_agree_on_integers(network: str, size: tuple[int, int]) -> None:
    pytest.importorskip("onnxruntime", reason="the variant of integers is for onnxruntime")
    section = load_section("detector")[network]
    input = np.random.default_rng(3).normal(0, 0.7, (1, 3, *size)).astype(np.float32)
    chosen = variant_of(section, ("integers",))
    answers = [
        load_network(engine, WEIGHTS_FOLDER / chosen["file"], chosen["sha256"]).run(input)[0]
        for engine in ("onnxruntime", "opencv")
    ]
    assert np.abs(answers[0] - answers[1]).mean() < 0.02, "a feature may be rounded the other way"


def test_a_refiner_of_integers_sees_what_one_of_floats_sees() -> None:
    pytest.importorskip("onnxruntime", reason="the variant of integers is for onnxruntime")
    section = load_section("detector")["refiner"]
    floats, integers = (
        load_network("onnxruntime", WEIGHTS_FOLDER / chosen["file"], chosen["sha256"])
        for chosen in (section, variant_of(section, ("integers",)))
    )
    rng = np.random.default_rng(9)
    for kind in (PlateKind.BLUE, PlateKind.YELLOW, PlateKind.NEW_ENERGY_SMALL):
        closeup = np.full((64, 128, 3), 70, np.uint8)
        closeup[14:50, 16:112] = cv2.resize(draw_plate(rng, kind).image, (96, 36), interpolation=cv2.INTER_AREA)
        input = np.ascontiguousarray((closeup.astype(np.float32).transpose(2, 0, 1)[None] - 127.5) / 64)
        (plain,), (small,) = floats.run(input)[0], integers.run(input)[0]
        assert plain[8] > 0, "a plate"
        assert np.abs(plain[:8] - small[:8]).reshape(4, 2).max(0) == pytest.approx([0, 0], abs=0.008)
        assert abs(plain[8] - small[8]) < 0.5
        assert plain[9:14].argmax() == small[9:14].argmax()


def test_integers_put_corners_where_floats_put_them() -> None:
    pytest.importorskip("onnxruntime", reason="the variant of integers is for onnxruntime")
    section = load_section("detector")["finder"]
    networks = [
        load_network("onnxruntime", WEIGHTS_FOLDER / chosen["file"], chosen["sha256"])
        for chosen in (section, variant_of(section, ("integers",)))
    ]
    rng = np.random.default_rng(2)
    picture = cv2.resize(rng.normal(110, 30, (24, 40, 3)).clip(0, 255).astype(np.uint8), (320, 192))
    for number in range(3):
        plate = draw_plate(rng, PlateKind.BLUE, px_per_mm=0.16).image
        top, left = 20 + 50 * number, 40 + 70 * number
        picture[top : top + plate.shape[0], left : left + plate.shape[1]] = plate
    input = np.ascontiguousarray((picture.astype(np.float32).transpose(2, 0, 1)[None] - 127.5) / 64)
    plain, small = networks
    floats, integers = plain.run(input)[0][0], small.run(input)[0][0]
    seen = floats[0] > 0
    assert seen.sum() >= 3, "the plates are there"
    corners_px = 32 * np.abs(floats[1:9] - integers[1:9])[:, seen]
    assert corners_px.mean() < 0.4, "of the finder's picture; all layers in integers: a pixel"
