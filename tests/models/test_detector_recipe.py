"""The detector's recipes: what training asks for is what the lane decodes, and the whole recipe runs."""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the recipes need the extra `training`")

from models.closeups import map_points  # noqa: E402
from models.detector import CLOSEUP_PX, COLOURS, STRIDE, Detector, DetectorSettings  # noqa: E402
from models.engines import FloatArray, load_network  # noqa: E402
from models.manifest import WEIGHTS_FOLDER, load_section  # noqa: E402
from models.training.commands import detector  # noqa: E402
from models.training.data.scenes import ScenePlate  # noqa: E402
from models.training.detector import recipe  # noqa: E402
from models.training.detector.compose import Composed  # noqa: E402
from models.training.detector.net import Finder, Refiner  # noqa: E402
from models.training.detector.refine import UNSURE, closeup_batch, closeup_of, refiner_loss  # noqa: E402
from models.training.detector.targets import finder_batch, finder_loss, finder_target  # noqa: E402
from models.training.drawing.plates import DrawnPlate  # noqa: E402

SETTINGS = replace(recipe.SETTINGS, side_px=320)


def composed(*plates: ScenePlate, unjudged: tuple[np.ndarray, ...] = ()) -> Composed:
    return Composed(np.zeros((224, 320, 3), np.uint8), plates, unjudged, (), True)


def plate(left: float, top: float, width: float, colour: str = "green", rows: int = 1) -> ScenePlate:
    box = np.array([[0, 0], [1, 0.04], [1.01, 0.36], [0.01, 0.32]], np.float32) * width + (left, top)
    return ScenePlate("粤AD12345", np.asarray(box, np.float32), colour, rows)


class Perfect:
    """Answers exactly what a target asks for."""

    def __init__(self, picture: Composed) -> None:
        target = finder_target(picture)
        classes = [
            np.where(values[None] == np.arange(count)[:, None, None], 9.0, 0.0)
            for values, count in ((target.colour, len(COLOURS)), (target.rows, 2))
        ]
        heat = np.log(np.clip(target.heat, 1e-4, 1 - 1e-4) / (1 - np.clip(target.heat, 1e-4, 1 - 1e-4)))
        self.output = np.concatenate([heat[None], target.corners, *classes])[None].astype(np.float32)

    def run(self, input: FloatArray) -> tuple[FloatArray, ...]:
        assert input.shape == (1, 3, 224, 320)
        return (self.output,)


def test_the_lane_decodes_what_training_asks_for() -> None:
    plates = (plate(30, 40, 20), plate(120, 30, 150, "yellow", 2), plate(100, 180, 40, "black"))
    picture = composed(*plates)
    proposals = Detector(Perfect(picture), None, SETTINGS).propose(picture.image)
    assert len(proposals) == 3
    for wanted in plates:
        found = min(proposals, key=lambda p: float(np.abs(p.quad - wanted.corners).max()))
        np.testing.assert_allclose(found.quad, wanted.corners, atol=1e-3)
        assert COLOURS[int(np.argmax(found.colour))] == wanted.colour
        assert int(np.argmax(found.rows)) + 1 == wanted.rows


def test_what_is_to_be_found_has_kinds_that_nothing_else_teaches_and_unknown_ones() -> None:
    rng = np.random.default_rng(6)
    drawn = [recipe.finding_plate(rng) for _ in range(300)]
    known = [plate.kind for plate in drawn if isinstance(plate, DrawnPlate)]
    assert 10 < 300 - len(known) < 45
    assert min(known.count(kind) for kind in recipe.UNLIKE_KINDS) > 10
    assert sum(known.count(kind) for kind in recipe.BLACK_KINDS) > 30


def test_a_closeup_of_a_plate_asks_for_its_corners() -> None:
    wanted = plate(90, 80, 100)
    closeup = closeup_of(composed(wanted), wanted.corners + np.float32([3, -4]))
    assert (closeup.plate, closeup.rows, COLOURS[closeup.colour]) == (1, 0, "green")
    answer = np.zeros((1, 16), np.float32)
    answer[0, :8], answer[0, 8] = closeup.corners.ravel(), 6.0

    class PerfectRefiner:
        def run(self, input: FloatArray) -> tuple[FloatArray, ...]:
            return (answer,)

    moved = composed(replace(wanted, corners=wanted.corners + np.float32([3, -4])))
    once = replace(SETTINGS, looks=1)
    (found,) = Detector(Perfect(moved), PerfectRefiner(), once).detect(moved.image)
    np.testing.assert_allclose(np.array(found.corners), wanted.corners, atol=0.05)


@pytest.mark.parametrize(
    ("shift", "label"), [((0, 0), 1), ((12, 6), 1), ((55, 0), UNSURE), ((0, 120), 0), ((-200, 100), 0)]
)
def test_closeups_beside_the_plate_are_none_and_half_ones_are_not_judged(shift: tuple[int, int], label: int) -> None:
    wanted = plate(200, 60, 90)
    assert closeup_of(composed(wanted), np.asarray(wanted.corners + np.float32(shift))).plate == label


def test_what_may_be_a_plate_is_neither_asked_for_nor_forbidden() -> None:
    hidden = plate(100, 100, 60).corners
    target = finder_target(composed(unjudged=(hidden,)))
    assert target.judged[112 // STRIDE, 128 // STRIDE] == 0
    assert target.judged[20 // STRIDE, 20 // STRIDE] == 1
    assert closeup_of(composed(unjudged=(hidden,)), hidden).plate == UNSURE
    tiny = finder_target(composed(plate(100, 100, 8)))
    assert tiny.heat.max() == 0
    assert tiny.judged.min() == 0


def test_the_loss_is_lowest_for_the_right_answer() -> None:
    picture = composed(plate(30, 40, 40), plate(150, 100, 90, "blue"))
    _, target = finder_batch([picture])
    right = torch.from_numpy(Perfect(picture).output)
    best = sum(float(value) for value in finder_loss(right, target).values())
    for channel in (0, 1, 4, 10, 15):
        wrong = right.clone()
        wrong[:, channel] += 1.5
        assert sum(float(value) for value in finder_loss(wrong, target).values()) > best
    closeup = closeup_of(picture, picture.plates[1].corners)
    _, target = closeup_batch([closeup])
    answer = torch.zeros(1, 16)
    answer[0, :8] = torch.from_numpy(closeup.corners).flatten()
    assert float(refiner_loss(answer, target)["corners"]) == pytest.approx(0, abs=1e-6)
    answer[0, 0] += closeup.height * CLOSEUP_PX[1] / CLOSEUP_PX[0]
    assert float(refiner_loss(answer, target)["corners"]) == pytest.approx(3 / 8, rel=1e-3)


def test_networks_stay_small() -> None:
    sizes = [sum(p.numel() for p in network.parameters()) for network in (Finder(), Refiner())]
    assert sum(sizes) < 800_000
    assert Finder()(torch.zeros(1, 3, 96, 160)).shape == (1, 16, 96 // STRIDE, 160 // STRIDE)
    assert Refiner()(torch.zeros(2, 3, 64, 128)).shape == (2, 16)


def test_the_recipe_runs_from_drawing_to_the_lane(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    detector.add_arguments(parser)
    for stage in ("finder", "refiner", "export"):
        words = [stage, "--out", str(tmp_path), "--smoke", "--weights", str(tmp_path / "weights")]
        assert detector.run(parser.parse_args(words)) == 0
    resumed = ["finder", "--out", str(tmp_path), "--smoke", "--resume"]
    assert detector.run(parser.parse_args(resumed)) == 0
    onto = [
        "refiner",
        "--out",
        str(tmp_path / "onto"),
        "--smoke",
        "--finder",
        str(tmp_path / "weights" / "finder.onnx"),
    ]
    assert detector.run(parser.parse_args([*onto, "--continue", str(tmp_path / "weights" / "refiner.onnx")])) == 0
    section = json.loads((tmp_path / "weights" / "manifest.json").read_text(encoding="utf-8"))["detector"]
    networks = [
        load_network("opencv", tmp_path / "weights" / section[name]["file"], section[name]["sha256"])
        for name in ("finder", "refiner")
    ]
    trained = Detector(*networks, DetectorSettings.from_manifest(section))
    assert isinstance(trained.detect(np.zeros((90, 160, 3), np.uint8)), list)


def test_finder_and_refiner_become_ones_of_small_integers(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="quantising needs onnxruntime")
    weights = tmp_path / "weights"
    shutil.copytree(WEIGHTS_FOLDER, weights)
    parser = argparse.ArgumentParser()
    detector.add_arguments(parser)
    words = ["quantise", "--out", str(tmp_path), "--smoke", "--weights", str(weights)]
    assert detector.run(parser.parse_args(words)) == 0
    section = load_section("detector", weights / "manifest.json")
    shapes = {"finder": (1, 16, 96 // STRIDE, 160 // STRIDE), "refiner": (1, 16)}
    for name, (height, width) in (("finder", (96, 160)), ("refiner", (64, 128))):
        small = section[name]["variants"]["integers"]
        network = load_network("onnxruntime", weights / small["file"], small["sha256"])
        assert network.run(np.zeros((1, 3, height, width), np.float32))[0].shape == shapes[name]
        assert (weights / small["file"]).stat().st_size < 0.75 * (weights / section[name]["file"]).stat().st_size


def test_map_points_is_its_own_inverse() -> None:
    import cv2

    matrix = np.array([[1.2, 0.3, 5], [-0.2, 0.8, 9]], np.float32)
    points = np.array([[3.0, 4.0], [100.0, 7.0]])
    there = map_points(matrix, points)
    np.testing.assert_allclose(map_points(cv2.invertAffineTransform(matrix), there), points, atol=1e-3)
