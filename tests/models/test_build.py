"""Each engine gets the weights that the manifest means for it, and all weights together stay small."""

from __future__ import annotations

import numpy as np
import pytest

from models import build
from models.manifest import WEIGHTS_FOLDER, load_section


def test_a_variant_is_for_its_engine_alone() -> None:
    finder, refiner = load_section("detector")["finder"], load_section("detector")["refiner"]
    assert build.variant_of(finder, "opencv")["file"] == "finder.onnx"
    assert build.variant_of(finder, "onnxruntime")["file"] == "finder.int8.onnx"
    assert build.variant_of(refiner, "onnxruntime") == refiner


def test_the_finder_of_small_integers_finds_the_same_plates() -> None:
    pytest.importorskip("onnxruntime")
    import cv2

    capture = cv2.VideoCapture(str(WEIGHTS_FOLDER.parents[1] / "greenlane" / "demo" / "lane.mp4"))
    compared = 0
    while (grabbed := capture.read())[0] and compared < 5:
        picture = np.asarray(grabbed[1], np.uint8)
        plain = build.build_detector("opencv").detect(picture)
        small = build.build_detector("onnxruntime").detect(picture) if plain else []
        for one, other in zip(plain, small, strict=bool(plain)):
            height = one.corners[3][1] - one.corners[0][1]
            np.testing.assert_allclose(one.corners, other.corners, atol=0.12 * height)
        compared += bool(plain)
        for _ in range(40):
            capture.grab()
    assert compared == 5


def test_all_weights_together_are_at_most_three_megabytes() -> None:
    detector = load_section("detector")
    variants = [
        variant
        for section in (detector["finder"], detector["refiner"])
        for variant in section.get("variants", {}).values()
    ]
    named = [detector["finder"], detector["refiner"], load_section("recogniser"), load_section("second"), *variants]
    files = sorted(WEIGHTS_FOLDER.glob("*.onnx"))
    assert {file.name for file in files} == {section["file"] for section in named}
    assert sum(file.stat().st_size for file in files) <= 3_000_000
