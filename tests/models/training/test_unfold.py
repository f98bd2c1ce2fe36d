"""Exported networks can be trained on: taken up again, they answer as their files do."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the training recipes need torch")
pytest.importorskip("onnx", reason="the weights are read with onnx")

from torch.nn import Module  # noqa: E402

from models.training.detector.net import Finder, Refiner  # noqa: E402
from models.training.detector.recipe import take_up  # noqa: E402


def exported(net: Module, path: Path, size: tuple[int, int]) -> Path:
    torch.onnx.export(net.eval(), (torch.zeros(1, 3, *size),), str(path), opset_version=13, dynamo=False)
    return path


@pytest.mark.parametrize(("kind", "size"), [(Finder, (64, 96)), (Refiner, (64, 128))])
def test_it_answers_as_before(kind: type[Module], size: tuple[int, int], tmp_path: Path) -> None:
    torch.manual_seed(4)
    first, pictures = kind(), torch.randn(8, 3, *size)
    with torch.no_grad():
        first.train()(pictures)  # statistics of its own in every normalisation
    again = kind()
    take_up(again, exported(first, tmp_path / "net.onnx", size), pictures)
    with torch.no_grad():
        assert torch.allclose(first.eval()(pictures), again.eval()(pictures), atol=1e-3)
        assert not torch.allclose(kind().eval()(pictures), again(pictures), atol=1e-3)


def test_another_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="this architecture"):
        take_up(Refiner(), exported(Finder(), tmp_path / "finder.onnx", (64, 96)), torch.zeros(2, 3, 64, 128))
