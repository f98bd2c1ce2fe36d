"""An exported finder can be trained on: taken up again, it answers as its file does."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the training recipes need torch")
pytest.importorskip("onnx", reason="the weights are read with onnx")

from models.training.detector import take_up  # noqa: E402
from models.training.detector_net import Finder, Refiner  # noqa: E402


def exported(finder: Finder, path: Path) -> Path:
    torch.onnx.export(finder.eval(), (torch.zeros(1, 3, 64, 96),), str(path), opset_version=13, dynamo=False)
    return path


def test_it_answers_as_before(tmp_path: Path) -> None:
    torch.manual_seed(4)
    first, pictures = Finder(), torch.randn(8, 3, 64, 96)
    with torch.no_grad():
        first.train()(pictures)  # statistics of its own in every normalisation
    again = Finder()
    take_up(again, exported(first, tmp_path / "finder.onnx"), pictures)
    with torch.no_grad():
        assert torch.allclose(first.eval()(pictures), again.eval()(pictures), atol=1e-3)
        assert not torch.allclose(Finder().eval()(pictures), again(pictures), atol=1e-3)


def test_another_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="this architecture"):
        take_up(Refiner(), exported(Finder(), tmp_path / "finder.onnx"), torch.zeros(2, 3, 64, 128))
