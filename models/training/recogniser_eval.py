"""Reads real crops with a trained network and counts what is right, what is wrong, and what is wrong but certain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.grammar import ALPHABET
from models.training.realdata import RealCrop
from models.training.recogniser_net import RecogniserNet, as_input
from models.training.samples import plain_strip


@dataclass(frozen=True)
class CropRead:
    """What the network read on one crop: text and the probability of each sign."""

    crop: RealCrop
    text: str
    probabilities: tuple[float, ...]

    @property
    def exact(self) -> bool:
        return self.text == self.crop.text

    @property
    def exact_without_province(self) -> bool:
        return self.text[1:] == self.crop.text[1:]

    @property
    def weakest(self) -> float:
        return min(self.probabilities, default=0.0)


@torch.no_grad()
def crop_logits(net: RecogniserNet, crops: Sequence[RealCrop]) -> NDArray[np.float32]:
    """Logits (N, 8, classes) of the crops' plain strips."""
    net.eval()
    parts = []
    for start in range(0, len(crops), 64):
        strips = np.stack([plain_strip(crop) for crop in crops[start : start + 64]])
        parts.append(net(as_input(torch.from_numpy(strips))).float().numpy())
    return np.concatenate(parts) if parts else np.zeros((0, 8, 1 + len(ALPHABET)), np.float32)


def decode(logits: NDArray[np.float32]) -> tuple[str, tuple[float, ...]]:
    """Text and sign probabilities of one plate's logits (8, classes); blank places carry no sign."""
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    shares = shifted / shifted.sum(1, keepdims=True)
    best = shares.argmax(1)
    signs = [(ALPHABET[index - 1], float(row[index])) for index, row in zip(best, shares, strict=True) if index > 0]
    return "".join(sign for sign, _ in signs), tuple(share for _, share in signs)


def read_crops(net: RecogniserNet, crops: Sequence[RealCrop]) -> Iterable[CropRead]:
    """Read every crop's plain strip."""
    return [
        CropRead(crop, *decode(logits)) for crop, logits in zip(crops, crop_logits(net, crops), strict=True)
    ]
