"""The shipped reader on real scenes whose main plate was held out of training."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.build import build_reader
from models.training.data.scenes import load_scenes
from models.training.evaluation.scenes import figures, judge

pytestmark = pytest.mark.realdata


def test_held_out_scenes_keep_their_figures(real_data: Path) -> None:
    scenes = load_scenes(real_data / "data", held_out=True)
    result = figures(judge(scenes, build_reader().read))
    assert result["scenes"] >= 20
    assert result["main_exact"] >= 0.88 * result["scenes"]
    assert result["main_found"] == result["scenes"]
    assert result["found"] >= 0.93 * result["plates"]
    assert result["wrong_but_certain"] <= 0.04 * result["plates"]
    assert result["false_finds"] <= 0.2 * result["scenes"]
    assert result["corner_error_median"] < 0.14
