"""The recipe that makes the networks that doubt in 8-bit integers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the recipes need the extra `training`")
pytest.importorskip("onnxruntime", reason="quantising needs onnxruntime")

from models.engines import load_network
from models.manifest import WEIGHTS_FOLDER, named_weights
from models.training.__main__ import main


@pytest.mark.slow
def test_the_recipe_makes_integers_of_both_networks_that_doubt(tmp_path: Path) -> None:
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
    monkeypatch.setenv("GREENLANE_DATA", str(tmp_path / "none"))
    assert main(["integers", "--weights", str(tmp_path / "weights")]) == 1
    assert not (tmp_path / "weights").exists()
