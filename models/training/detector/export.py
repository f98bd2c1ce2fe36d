"""Writes the detector's networks as ONNX, checks them against the trained ones, and fills their manifest section."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from models.detector import DetectorSettings
from models.engines import load_network
from models.manifest import WEIGHTS_FOLDER, load_section, sha256_of, update_section
from models.training.data.compact import compact
from models.training.detector.net import REFINER_SIZE, Finder, Refiner
from models.training.detector.train import averaged_weights

OPSET = 13
"""What OpenCV 4.10 to 5.0 and ONNX Runtime 1.20 on load alike."""

LARGEST_DIFFERENCE = 1e-2
"""Of answers up to about 7: weights of 16 bits move them by 3e-3 on noise, a wrong graph by more than 1."""


def export(folder: Path, settings: DetectorSettings, recipe: str, weights: Path = WEIGHTS_FOLDER) -> None:
    """folder/finder.pt and folder/refiner.pt -> ONNX files and the manifest's section "detector".

    A network without a checkpoint stays as the manifest has it. recipe: the commands that made the checkpoints. Raises
    FileNotFoundError where there is neither, ValueError when an exported network does not answer as the trained one.
    """
    manifest = weights / "manifest.json"
    section: dict[str, Any] = {
        "settings": {**asdict(settings), "colours": [str(colour) for colour in settings.colours]},
        "recipe": recipe,
    }
    parts: tuple[tuple[str, nn.Module, tuple[int, int], dict[int, str]], ...] = (
        ("finder", Finder(), (192, 320), {2: "height", 3: "width"}),
        ("refiner", Refiner(), REFINER_SIZE, {}),
    )
    for name, module, size, free in parts:
        checkpoint = folder / f"{name}.pt"
        if checkpoint.exists() or not manifest.exists():
            section[name] = _one(module, checkpoint, weights / f"{name}.onnx", size, free)
        else:
            section[name] = load_section("detector", manifest)[name]
    update_section("detector", section, manifest)


def _one(
    module: nn.Module, checkpoint: Path, path: Path, size: tuple[int, int], free: dict[int, str]
) -> dict[str, Any]:
    module.load_state_dict(averaged_weights(checkpoint))
    module.eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    example = torch.zeros(1, 3, *size)
    torch.onnx.export(
        module,
        (example,),
        str(path),
        opset_version=OPSET,
        dynamo=False,
        input_names=["picture"],
        output_names=["answer"],
        dynamic_axes={"picture": free, "answer": free} if free else None,
    )
    compact(path)
    sha256 = sha256_of(path)
    _compare(module, path, sha256, size)
    parameters = sum(parameter.numel() for parameter in module.parameters())
    return {"file": path.name, "sha256": sha256, "parameters": parameters}


def _compare(module: nn.Module, path: Path, sha256: str, size: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).normal(0, 1, (1, 3, *size)).astype(np.float32)
    with torch.no_grad():
        trained = module(torch.from_numpy(picture)).numpy()
    (exported,) = load_network("opencv", path, sha256).run(picture)
    difference = float(np.abs(trained - exported).max())
    if difference > LARGEST_DIFFERENCE:
        raise ValueError(f"{path}: the exported network differs by {difference:.4f}")
