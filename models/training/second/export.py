"""Turns a trained second recogniser into calibrated ONNX weights with their manifest section."""

# mypy: allow-untyped-decorators, allow-any-generics

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.grammar import ALPHABET, MAX_CHARACTERS
from models.manifest import sha256_of, update_section
from models.second_opinion import CLASSES, HIDDEN, STRIP_HEIGHT, STRIP_WIDTH
from models.training.data.compact import compact
from models.training.second.net import SecondNet
from models.training.second.samples import IGNORED, SecondSample
from models.training.second.train import logits_of, tensors

TEMPERATURES = np.round(np.geomspace(1.0, 4.0, 60), 4)
"""Never below 1, as for the first recogniser."""


def calibrate(net: SecondNet, samples: Sequence[SecondSample]) -> SecondNet:
    """A copy with the one temperature that makes the samples' classes likeliest."""
    fitted: SecondNet = copy.deepcopy(net).eval()
    strips, classes, _ = tensors(samples)
    logits, true = logits_of(fitted, strips), classes.numpy()
    known = true != IGNORED
    losses = []
    for temperature in TEMPERATURES:
        scaled = logits[known] / temperature
        peak = scaled.max(1, keepdims=True)
        total = peak[:, 0] + np.log(np.exp(scaled - peak).sum(1))
        losses.append((total - np.take_along_axis(scaled, true[known][:, None], 1)[:, 0]).mean())
    fitted.temperature = torch.full((1,), float(TEMPERATURES[int(np.argmin(losses))]))
    return fitted


def export(net: SecondNet, weights: Path) -> None:
    """Write ONNX, opset 13, a free batch axis, constants in 16 bits; "logits" (N, 8, classes) after temperature."""
    weights.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        net.eval().float().to(memory_format=torch.contiguous_format),
        (torch.zeros(1, 1, STRIP_HEIGHT, STRIP_WIDTH),),
        str(weights),
        opset_version=13,
        dynamo=False,
        input_names=["strips"],
        output_names=["logits"],
        dynamic_axes={"strips": {0: "n"}, "logits": {0: "n"}},
    )
    compact(weights)


def write_section(net: SecondNet, weights: Path, manifest: Path, facts: Mapping[str, Any]) -> None:
    """The manifest's section "second"; `facts` adds the recipe and the figures."""
    shape = {"name": "strips", "height": STRIP_HEIGHT, "width": STRIP_WIDTH, "channels": "grey"}
    section = {
        "file": weights.name,
        "sha256": sha256_of(weights),
        "alphabet": ALPHABET,
        "input": {**shape, "mean": 127.5, "scale": 1 / 127.5},
        "output": {"name": "logits", "places": MAX_CHARACTERS, "classes": CLASSES, "blank": 0, "hidden": HIDDEN},
        "temperature": round(float(net.temperature.flatten()[0]), 4),
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        **facts,
    }
    update_section("second", section, manifest)
