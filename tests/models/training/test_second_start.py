"""The shipped second recogniser can be taken up again: the network reads as the file does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training recipes need torch")
onnx = pytest.importorskip("onnx", reason="the weights are read with onnx")

from models.engines import load_network  # noqa: E402
from models.grammar import MAX_CHARACTERS  # noqa: E402
from models.manifest import WEIGHTS_FOLDER, load_section  # noqa: E402
from models.second_opinion import CLASSES, HIDDEN  # noqa: E402
from models.training.second.export import export  # noqa: E402
from models.training.second.net import SecondNet, as_input  # noqa: E402
from models.training.second.samples import Pool, drawn_second  # noqa: E402
from models.training.second.start import load_shipped  # noqa: E402

SECOND = WEIGHTS_FOLDER / "second.onnx"


def test_it_reads_as_the_file_does() -> None:
    rng, pool = np.random.default_rng(3), Pool(8)
    shown = [drawn_second(rng, pool).strip for _ in range(24)]
    net = load_shipped(SECOND, shown)
    inputs = as_input(torch.from_numpy(np.stack(shown))).contiguous()
    (expected,) = load_network("opencv", SECOND, load_section("second")["sha256"]).run(inputs.numpy())
    with torch.no_grad():
        whole = net.forward_full(inputs)[0].numpy()[:, : expected.shape[1]]
    logits = np.concatenate([whole[:, :, : expected.shape[2] - 1], whole[:, :, -1:]], 2)
    assert np.allclose(logits, expected * (logits.std() / expected.std()), atol=0.02)


def test_a_file_with_fewer_places_and_characters_is_widened(tmp_path: Path) -> None:
    torch.manual_seed(5)
    older = SecondNet(places=8, classes=75)
    rng, pool = np.random.default_rng(3), Pool(8)
    shown = [drawn_second(rng, pool).strip for _ in range(8)]
    inputs = as_input(torch.from_numpy(np.stack(shown))).contiguous()
    with torch.no_grad():
        older.train()(inputs)  # statistics of its own in every normalisation
    export(older, tmp_path / "older.onnx")
    net = load_shipped(tmp_path / "older.onnx", shown)
    with torch.no_grad():
        before, after = older.eval()(inputs), net(inputs)
    assert after.shape == (8, MAX_CHARACTERS, CLASSES)
    assert torch.allclose(before[:, :, :74], after[:, :8, :74], atol=0.02), "what it knew it still says"
    assert torch.allclose(before[:, :, 74], after[:, :8, HIDDEN], atol=0.02), "hidden stays the last class"
    assert torch.allclose(after[:, 7], after[:, 8]), "the ninth place begins as the eighth"


def test_another_architecture_is_refused() -> None:
    with pytest.raises(ValueError, match="convolutions"):
        load_shipped(WEIGHTS_FOLDER / "refiner.onnx", [np.zeros((48, 160), np.uint8)] * 2)
