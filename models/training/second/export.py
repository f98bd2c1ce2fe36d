"""Turns a trained second recogniser into calibrated ONNX weights with their manifest section."""

# mypy: allow-untyped-decorators, allow-any-generics

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from models.second_opinion import CLASSES, HIDDEN, STRIP_HEIGHT, STRIP_WIDTH
from models.training.data.onnx_file import best_temperature, write_onnx, write_recogniser_section
from models.training.second.net import SecondNet
from models.training.second.samples import IGNORED, SecondSample
from models.training.second.train import logits_of, tensors


def calibrate(net: SecondNet, samples: Sequence[SecondSample]) -> SecondNet:
    """A copy with the one temperature that makes the samples' classes likeliest."""
    fitted: SecondNet = copy.deepcopy(net).eval()
    strips, classes, _ = tensors(samples)
    logits, true = logits_of(fitted, strips), classes.numpy()
    known = true != IGNORED
    fitted.temperature = torch.full((1,), best_temperature(logits[known], true[known]))
    return fitted


def export(net: SecondNet, weights: Path) -> None:
    """Write ONNX; "logits" (N, 9, classes) after temperature."""
    write_onnx(net, (1, STRIP_HEIGHT, STRIP_WIDTH), weights)


def write_section(net: SecondNet, weights: Path, manifest: Path, facts: Mapping[str, Any]) -> None:
    """The manifest's section "second"; `facts` adds the recipe and the figures."""
    own = {
        "strip": {"height": STRIP_HEIGHT, "width": STRIP_WIDTH, "channels": "grey"},
        "output": {"classes": CLASSES, "hidden": HIDDEN},
        "temperature": round(float(net.temperature.flatten()[0]), 4),
    }
    write_recogniser_section("second", net, weights, manifest, own | dict(facts))
