"""Shipped weights can be taken up again: the network reads as the file does, and its normalisations can learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training recipes need torch")
onnx = pytest.importorskip("onnx", reason="the weights are read with onnx")

from models.engines import load_network  # noqa: E402
from models.grammar import ALPHABET, MAX_CHARACTERS  # noqa: E402
from models.manifest import WEIGHTS_FOLDER, load_section  # noqa: E402
from models.training.recogniser.export import export  # noqa: E402
from models.training.recogniser.net import RecogniserNet, as_input  # noqa: E402
from models.training.recogniser.samples import drawn_sample  # noqa: E402
from models.training.recogniser.start import SIGNS, load_shipped  # noqa: E402

RECOGNISER = WEIGHTS_FOLDER / "recogniser.onnx"


def strips(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [drawn_sample(rng).strip for _ in range(count)]


def test_it_reads_as_the_file_does() -> None:
    shown = strips(24)
    net = load_shipped(RECOGNISER, shown)
    inputs = as_input(torch.from_numpy(np.stack(shown))).contiguous()
    (expected,) = load_network("opencv", RECOGNISER, load_section("recogniser")["sha256"]).run(inputs.numpy())
    with torch.no_grad():
        logits = net.forward_full(inputs)[0].numpy()[:, : expected.shape[1], : expected.shape[2]]
    temperatures = logits[:, [0, -1]].std((0, 2)) / expected[:, [0, -1]].std((0, 2))
    assert np.allclose(logits[:, 0], expected[:, 0] * temperatures[0], atol=0.02)
    assert np.allclose(logits[:, 1:], expected[:, 1:] * temperatures[1], atol=0.02)


def test_its_normalisations_know_their_features() -> None:
    shown = strips(48)
    net = load_shipped(RECOGNISER, shown)
    inputs = as_input(torch.from_numpy(np.stack(shown)))
    with torch.no_grad():
        resting = net.forward_full(inputs)[0]
        for norm in (module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)):
            norm.train()  # the normalisations alone: what training drops at random is not meant here
        learning = net.forward_full(inputs)[0]
    assert (resting.argmax(2) == learning.argmax(2)).float().mean() > 0.99


def test_a_file_with_fewer_places_and_characters_is_widened(tmp_path: Path) -> None:
    torch.manual_seed(5)
    older, shown = RecogniserNet(places=8, classes=74), strips(8)
    inputs = as_input(torch.from_numpy(np.stack(shown))).contiguous()
    with torch.no_grad():
        older.train()(inputs)  # statistics of its own in every normalisation
    export(older, tmp_path / "older.onnx")
    net = load_shipped(tmp_path / "older.onnx", shown)
    with torch.no_grad():
        before, after = older.eval()(inputs), net(inputs)
    assert after.shape == (8, MAX_CHARACTERS, 1 + len(ALPHABET))
    assert torch.allclose(before, after[:, :8, :74], atol=0.02), "what it knew it still says"
    assert torch.allclose(after[:, 7], after[:, 8]), "the ninth place begins as the eighth"
    provinces = after[:, :, SIGNS].mean(2) - 1
    assert bool((after[:, :, 74] < provinces).all()), "a new character is not guessed before it is learnt"


def test_another_architecture_is_refused() -> None:
    with pytest.raises(ValueError, match="convolutions"):
        load_shipped(WEIGHTS_FOLDER / "refiner.onnx", strips(2))
