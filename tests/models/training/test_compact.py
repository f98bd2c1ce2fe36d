"""Compacted weights are half as large and answer nearly the same."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="compacting needs onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from models.training.data.compact import compact  # noqa: E402


def test_half_the_size_and_the_same_answers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kernel = rng.normal(0, 0.1, (64, 8, 3, 3)).astype(np.float32)
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, c, 8, 8]) for name, c in (("x", 8), ("y", 64))]
    graph = helper.make_graph([node], "g", ends[:1], ends[1:], [numpy_helper.from_array(kernel, "w")])
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    picture = rng.normal(size=(1, 8, 8, 8)).astype(np.float32)
    sizes, answers = [], []
    for _ in range(2):
        net = cv2.dnn.readNetFromONNX(str(path))
        net.setInput(picture)
        answers.append(net.forward())
        sizes.append(path.stat().st_size)
        compact(path)
    assert sizes[1] < 0.6 * sizes[0]
    assert np.abs(answers[0] - answers[1]).max() < 0.01
    assert not np.array_equal(answers[0], answers[1])
