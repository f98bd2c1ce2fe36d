"""Networks of 8-bit integers read what those of floats read, and the recipe makes them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from models import build
from models.engines import load_network
from models.manifest import WEIGHTS_FOLDER, load_section, named_weights, sha256_of
from models.training.__main__ import main

pytest.importorskip("onnxruntime", reason="integers are for ONNX Runtime")

CLIP = WEIGHTS_FOLDER.parents[1] / "greenlane" / "demo" / "lane.mp4"


def frames(every: int) -> Iterator[np.ndarray]:
    capture = cv2.VideoCapture(str(CLIP))
    while (grabbed := capture.read())[0]:
        yield np.asarray(grabbed[1], np.uint8)
        for _ in range(every - 1):
            capture.grab()


def test_the_bundled_clip_is_doubted_alike_in_integers_and_in_floats(monkeypatch: pytest.MonkeyPatch) -> None:
    integers = build.build_reader("onnxruntime")
    monkeypatch.setattr(build, "variants_for", lambda engine: ("integers",))
    floats = build.build_reader("onnxruntime")
    compared = 0
    for picture in frames(40):
        for one, other in zip(floats.read(picture).plates, integers.read(picture).plates, strict=True):
            if one.weakest > 0.9:
                assert other.text == one.text
                assert other.weakest == one.weakest
                assert other.doubts == one.doubts
                compared += 1
    assert compared >= 5


def test_what_is_read_with_names_the_weights_of_either() -> None:
    for name in ("second", "whole"):
        section = load_section(name)
        path, sha256 = named_weights(section["variants"]["doubting_integers"], WEIGHTS_FOLDER)
        assert sha256_of(path) == sha256
        assert path.stat().st_size < 0.75 * named_weights(section, WEIGHTS_FOLDER)[0].stat().st_size


@pytest.mark.slow
def test_the_recipe_makes_integers_of_both_networks_that_doubt(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="the recipes need the extra `training`")
    weights = tmp_path / "weights"
    shutil.copytree(WEIGHTS_FOLDER, weights)
    for file in weights.glob("*.int8.onnx"):
        file.unlink()
    assert main(["integers", "--smoke", "--weights", str(weights)]) == 0
    sections = json.loads((weights / "manifest.json").read_text(encoding="utf-8"))
    shapes = {"second": (1, 48, 160), "whole": (3, 48, 160)}
    for name, shape in shapes.items():
        path, sha256 = named_weights(sections[name]["variants"]["doubting_integers"], weights)
        small, plain = (
            load_network("onnxruntime", path, sha256),
            load_network("onnxruntime", *named_weights(sections[name], weights)),
        )
        strips = np.zeros((2, *shape), np.float32)
        assert small.run(strips)[0].shape == plain.run(strips)[0].shape


def test_without_real_pictures_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnx", reason="the recipes need the extra `training`")
    monkeypatch.setenv("GREENLANE_DATA", str(tmp_path / "none"))
    assert main(["integers", "--weights", str(tmp_path / "weights")]) == 1
    assert not (tmp_path / "weights").exists()
