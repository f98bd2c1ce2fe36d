"""Writes a recogniser's ONNX file, fits its temperature, and writes its section of the manifest."""

# mypy: allow-untyped-decorators, allow-any-generics

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.grammar import ALPHABET, MAX_CHARACTERS
from models.manifest import STRIP_MEAN, STRIP_SCALE, sha256_of, update_section
from models.training.data.compact import compact

TEMPERATURES = np.round(np.geomspace(1.0, 4.0, 60), 4)
"""Never below 1: the calibration crops hold few provinces, and what sharpens those would flatter the rare ones."""


def best_temperature(logits: NDArray[np.float32], classes: NDArray[np.int64]) -> float:
    """The temperature that makes the classes (M,) likeliest under logits (M, classes)."""
    losses = []
    for temperature in TEMPERATURES:
        scaled = logits / temperature
        peak = scaled.max(1, keepdims=True)
        total = peak[:, 0] + np.log(np.exp(scaled - peak).sum(1))
        losses.append((total - np.take_along_axis(scaled, classes[:, None], 1)[:, 0]).mean())
    return float(TEMPERATURES[int(np.argmin(losses))])


def write_onnx(net: nn.Module, strip: tuple[int, int, int], weights: Path) -> None:
    """Opset 13, a free batch axis, constants in 16 bits; "strips" (N, *strip) to "logits" after temperature."""
    weights.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        net.eval().float().to(memory_format=torch.contiguous_format),
        (torch.zeros(1, *strip),),
        str(weights),
        opset_version=13,
        dynamo=False,
        input_names=["strips"],
        output_names=["logits"],
        dynamic_axes={"strips": {0: "n"}, "logits": {0: "n"}},
    )
    compact(weights)


def write_recogniser_section(name: str, net: nn.Module, weights: Path, manifest: Path, own: Mapping[str, Any]) -> None:
    """The manifest's section `name`. own: "strip" (height, width, channels), "output", "temperature", then facts."""
    rest = dict(own)
    section = {
        "file": weights.name,
        "sha256": sha256_of(weights),
        "alphabet": ALPHABET,
        "input": {"name": "strips", **rest.pop("strip"), "mean": STRIP_MEAN, "scale": STRIP_SCALE},
        "output": {"name": "logits", "places": MAX_CHARACTERS, **rest.pop("output"), "blank": 0},
        "temperature": rest.pop("temperature"),
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        **rest,
    }
    update_section(name, section, manifest)
