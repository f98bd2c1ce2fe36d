"""Turns a trained recogniser into calibrated ONNX weights with their manifest section."""

# mypy: allow-untyped-decorators, allow-any-generics

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.grammar import ALPHABET, MAX_CHARACTERS
from models.rectify import STRIP_HEIGHT, STRIP_WIDTH
from models.training.data.onnx_file import best_temperature, write_onnx, write_recogniser_section
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
    first = best_temperature(logits[:, 0], classes[:, 0])
    rest = best_temperature(logits[:, 1:].reshape(-1, logits.shape[2]), classes[:, 1:].reshape(-1))
    places = torch.full((1, MAX_CHARACTERS, 1), rest)
    places[:, 0] = first
    fitted.temperature = places
    return fitted


def export(net: RecogniserNet, weights: Path) -> None:
    """Write ONNX; "logits" (N, 9, 1 + classes) after temperature."""
    write_onnx(net, (3, STRIP_HEIGHT, STRIP_WIDTH), weights)


def write_section(net: RecogniserNet, weights: Path, manifest: Path, facts: Mapping[str, Any]) -> None:
    """The manifest's section "recogniser"; `facts` adds the recipe and the figures."""
    temperatures = net.temperature.flatten().tolist()
    own = {
        "strip": {"height": STRIP_HEIGHT, "width": STRIP_WIDTH, "channels": "BGR"},
        "output": {"classes": 1 + len(ALPHABET)},
        "temperature": {"first_place": round(temperatures[0], 4), "other_places": round(temperatures[-1], 4)},
    }
    write_recogniser_section("recogniser", net, weights, manifest, own | dict(facts))
