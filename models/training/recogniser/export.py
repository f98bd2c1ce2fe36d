"""Turns a trained recogniser into calibrated ONNX weights with their manifest section."""

# mypy: allow-untyped-decorators, allow-any-generics

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.grammar import ALPHABET, MAX_CHARACTERS
from models.manifest import sha256_of, update_section
from models.rectify import STRIP_HEIGHT, STRIP_WIDTH
from models.training.data.compact import compact
from models.training.data.realdata import RealCrop
from models.training.recogniser.net import RecogniserNet, as_input
from models.training.recogniser.samples import (
    Sample,
    classes_of,
    drawn_sample,
    plain_strip,
    real_sample,
    unknown_centres,
)

TEMPERATURES = np.round(np.geomspace(1.0, 4.0, 60), 4)
"""Never below 1: the calibration crops hold few provinces, and what sharpens those would flatter the rare ones."""
VARIANTS = 2


def calibration_samples(crops: Sequence[RealCrop], seed: int = 7) -> list[Sample]:
    """Each checked crop as it is and in light variants, so that doubtful strips such as a lane meets are among them.

    Automatic labels are left out: their mistakes would be taken for the network's. Without real crops, drawn plates.
    """
    rng = np.random.default_rng(seed)
    checked = [crop for crop in crops if crop.source != "auto"]
    if not checked:
        return [drawn_sample(rng) for _ in range(64)]
    plain = [Sample(plain_strip(crop), classes_of(crop.text), unknown_centres()) for crop in checked]
    return plain + [real_sample(rng, crop) for crop in checked for _ in range(VARIANTS)]


@torch.no_grad()
def calibrate(net: RecogniserNet, samples: Sequence[Sample]) -> RecogniserNet:
    """A copy with the temperatures, one for the first place and one for the others, that make the samples likeliest."""
    fitted: RecogniserNet = copy.deepcopy(net).eval()
    strips = torch.from_numpy(np.stack([sample.strip for sample in samples]))
    logits = np.concatenate([fitted.forward_full(as_input(part))[0].numpy() for part in strips.split(64)])
    classes = np.stack([sample.classes for sample in samples])
    first, rest = _best(logits[:, :1], classes[:, :1]), _best(logits[:, 1:], classes[:, 1:])
    places = torch.full((1, MAX_CHARACTERS, 1), rest)
    places[:, 0] = first
    fitted.temperature = places
    return fitted


def _best(logits: NDArray[np.float32], classes: NDArray[np.int64]) -> float:
    losses = []
    for temperature in TEMPERATURES:
        scaled = logits / temperature
        peak = scaled.max(2, keepdims=True)
        total = peak[..., 0] + np.log(np.exp(scaled - peak).sum(2))
        losses.append((total - np.take_along_axis(scaled, classes[..., None], 2)[..., 0]).mean())
    return float(TEMPERATURES[int(np.argmin(losses))])


def export(net: RecogniserNet, weights: Path) -> None:
    """Write ONNX, opset 13, a free batch axis, constants in 16 bits; "logits" (N, 8, 1 + classes) after temperature."""
    weights.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        net.eval().float().to(memory_format=torch.contiguous_format),
        (torch.zeros(1, 3, STRIP_HEIGHT, STRIP_WIDTH),),
        str(weights),
        opset_version=13,
        dynamo=False,
        input_names=["strips"],
        output_names=["logits"],
        dynamic_axes={"strips": {0: "n"}, "logits": {0: "n"}},
    )
    compact(weights)


def write_section(net: RecogniserNet, weights: Path, manifest: Path, facts: Mapping[str, Any]) -> None:
    """The manifest's section "recogniser"; `facts` adds the recipe and the figures."""
    temperatures = net.temperature.flatten().tolist()
    section = {
        "file": weights.name,
        "sha256": sha256_of(weights),
        "alphabet": ALPHABET,
        "input": {
            "name": "strips",
            "height": STRIP_HEIGHT,
            "width": STRIP_WIDTH,
            "channels": "BGR",
            "mean": 127.5,
            "scale": 1 / 127.5,
        },
        "output": {"name": "logits", "places": MAX_CHARACTERS, "classes": 1 + len(ALPHABET), "blank": 0},
        "temperature": {"first_place": round(temperatures[0], 4), "other_places": round(temperatures[-1], 4)},
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        **facts,
    }
    update_section("recogniser", section, manifest)
