"""Turns a trained judge of wholeness into ONNX weights with their manifest section."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.manifest import STRIP_MEAN, STRIP_SCALE, sha256_of, update_section
from models.second_opinion import STRIP_HEIGHT, STRIP_WIDTH
from models.training.data.onnx_file import write_onnx
from models.training.whole.net import WholeNet


def export(net: WholeNet, weights: Path) -> None:
    """Write ONNX; "logits" (N, 1) after the shift."""
    write_onnx(net, (3, STRIP_HEIGHT, STRIP_WIDTH), weights)


def write_section(net: WholeNet, weights: Path, manifest: Path, facts: Mapping[str, Any]) -> None:
    """The manifest's section "whole"; `facts` adds the recipe."""
    strip = {"height": STRIP_HEIGHT, "width": STRIP_WIDTH, "channels": "BGR"}
    section = {
        "file": weights.name,
        "sha256": sha256_of(weights),
        "input": {"name": "strips", **strip, "mean": STRIP_MEAN, "scale": STRIP_SCALE},
        "output": {"name": "logits", "hidden": "above 0"},
        "shift": round(float(net.shift.item()), 4),
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        **facts,
    }
    update_section("whole", section, manifest)
