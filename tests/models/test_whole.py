"""A plate of which a bumper or a chain hides a part is never taken for another one: the judge of wholeness sees it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from controller.errors import ReaderError
from controller.records import Corners
from models import build
from models.build import build_reader, build_second
from models.engines import FloatArray, load_network
from models.grammar import PlateKind
from models.manifest import WEIGHTS_FOLDER, load_section
from models.reader import OnDeviceReader
from models.second_opinion import HIDDEN, STRIP_HEIGHT, STRIP_WIDTH, coloured_strip, objections, veiled
from models.training.drawing.plates import draw_plate
from models.whole import Wholeness

Picture = NDArray[np.uint8]
LEFT, TOP, WIDTH = 240, 200, 150


def scene(text: str, seed: int) -> tuple[Picture, int]:
    """A plain front with one drawn plate 150 px wide, and the plate's height."""
    plate = draw_plate(np.random.default_rng(seed), PlateKind.BLUE, text).image
    height = round(WIDTH * plate.shape[0] / plate.shape[1])
    picture = np.full((360, 640, 3), 95, np.uint8)
    picture[TOP : TOP + height, LEFT : LEFT + WIDTH] = cv2.resize(plate, (WIDTH, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.7), np.uint8), height


def corners(height: int, above: float = 0.0) -> Corners:
    """The plate's corners, the upper edge this share of it lower, as behind a bumper."""
    top, right, bottom = TOP + above * height, float(LEFT + WIDTH), float(TOP + height)
    return (float(LEFT), top), (right, top), (right, bottom), (float(LEFT), bottom)


def behind_a_bumper(picture: Picture, height: int, share: float, tone: tuple[int, int, int]) -> Picture:
    hidden = picture.copy()
    hidden[TOP - height : TOP + round(share * height), LEFT - 60 : LEFT + WIDTH + 60] = tone
    return np.asarray(cv2.GaussianBlur(hidden, (0, 0), 0.6), np.uint8)


def judge(engine: str = "opencv") -> Wholeness:
    section = load_section("whole")
    return Wholeness(load_network(engine, WEIGHTS_FOLDER / section["file"], section["sha256"]), section)


@cache
def reader() -> OnDeviceReader:
    return build_reader()


TONES = [(30, 30, 32), (90, 95, 96), (200, 205, 205)]


@pytest.mark.parametrize("tone", TONES)
def test_the_upper_strokes_behind_a_bumper_are_known_to_be_hidden(tone: tuple[int, int, int]) -> None:
    """Cut out at the bumper's edge, as a finder takes what is left for the plate: a 0 has become a U, a 7 a 1."""
    for seed, text in enumerate(("皖AH8M30", "川A36T80", "苏ED0N19")):
        picture, height = scene(text, seed)
        covered = behind_a_bumper(picture, height, 0.3, tone)
        strips = [coloured_strip(picture, corners(height), 1), coloured_strip(covered, corners(height, 0.29), 1)]
        whole, hidden = judge().partly_hidden(strips)
        assert whole < 0.5
        assert hidden > 0.7


@pytest.mark.sample(2)
@pytest.mark.parametrize("share", [0.22, 0.26, 0.3, 0.34, 0.4])
def test_no_bumper_makes_another_plate_certain(share: float) -> None:
    for seed, text in enumerate(("皖AH8M30", "川A36T8X", "津AMU972", "苏ED0N19", "京AG6104", "川A6W01T")):
        picture, height = scene(text, seed)
        for tone in TONES:
            for plate in reader().read(behind_a_bumper(picture, height, share, tone)).plates:
                assert plate.text == text or not plate.certain


class Saying:
    """A network that always gives the same answer."""

    def __init__(self, *shape: int) -> None:
        self.shape = shape

    def run(self, input: FloatArray) -> tuple[FloatArray, ...]:
        return (np.zeros(self.shape, np.float32),)


def test_a_plate_that_is_not_whole_may_be_any_other() -> None:
    shares = np.zeros((2, 8, HIDDEN + 1), np.float32)
    shares[:, :, 0] = 1
    left, whole = veiled(shares, np.asarray([0.9, 0.1], np.float32))
    assert np.allclose(left[:, HIDDEN], 0.9)
    assert np.allclose(left.sum(1), 1)
    assert objections(left, "") == {"hidden"}
    assert objections(whole, "") == set()


def test_engines_judge_alike() -> None:
    pytest.importorskip("onnxruntime")
    shape = (STRIP_HEIGHT, STRIP_WIDTH, 3)
    strips = [np.random.default_rng(n).integers(0, 255, shape).astype(np.uint8) for n in range(3)]
    opencv, onnx = (judge(engine).partly_hidden(strips) for engine in ("opencv", "onnxruntime"))
    np.testing.assert_allclose(opencv, onnx, atol=2e-4)
    np.testing.assert_allclose(judge().partly_hidden(strips[1:2])[0], opencv[1], atol=2e-4)


def test_what_does_not_fit_is_refused() -> None:
    section = load_section("whole")
    with pytest.raises(
        ReaderError, match="width of the judge of wholeness's input is 128, but this version knows 160 alone"
    ):
        Wholeness(Saying(1, 1), section | {"input": section["input"] | {"width": 128}})
    with pytest.raises(ReaderError, match="height of the judge of wholeness's input is None"):
        Wholeness(Saying(1, 1), {})
    strips: Sequence[Picture] = [np.zeros((STRIP_HEIGHT, STRIP_WIDTH, 3), np.uint8)] * 2
    with pytest.raises(ReaderError, match="not with the expected one"):
        Wholeness(Saying(2, 3), section).partly_hidden(strips)


def test_without_its_weights_the_reader_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(WEIGHTS_FOLDER, tmp_path / "weights")
    (tmp_path / "weights" / str(load_section("whole")["file"])).unlink()
    monkeypatch.setattr(build, "WEIGHTS_FOLDER", tmp_path / "weights")
    with pytest.raises(ReaderError, match=r"whole\.onnx"):
        build_second()
