"""The shipped second recogniser can be taken up again: the network reads as the file does."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training recipes need torch")
onnx = pytest.importorskip("onnx", reason="the weights are read with onnx")

from models.engines import load_network  # noqa: E402
from models.manifest import WEIGHTS_FOLDER, load_section  # noqa: E402
from models.training.second.net import as_input  # noqa: E402
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
        logits = net.forward_full(inputs)[0].numpy()
    assert np.allclose(logits, expected * (logits.std() / expected.std()), atol=0.02)


def test_another_architecture_is_refused() -> None:
    with pytest.raises(ValueError, match="convolutions"):
        load_shipped(WEIGHTS_FOLDER / "refiner.onnx", [np.zeros((48, 160), np.uint8)] * 2)
