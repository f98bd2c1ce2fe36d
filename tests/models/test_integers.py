"""Networks of 8-bit integers doubt what those of floats doubt."""

from __future__ import annotations

import pytest

from models import build
from models.manifest import WEIGHTS_FOLDER, load_section, named_weights, sha256_of
from tests.models.clip import frames

pytest.importorskip("onnxruntime", reason="integers are for ONNX Runtime")


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
