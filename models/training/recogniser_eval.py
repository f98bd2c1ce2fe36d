"""Reads real crops with a network that is still in training."""

# mypy: allow-untyped-decorators, allow-any-generics

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from controller.records import SignRead
from models.grammar import ALPHABET
from models.recogniser import decode
from models.training.realdata import RealCrop
from models.training.recogniser_net import RecogniserNet, as_input
from models.training.samples import plain_strip


@dataclass(frozen=True)
class CropRead:
    """What the network read on one crop."""

    crop: RealCrop
    signs: tuple[SignRead, ...]

    @property
    def text(self) -> str:
        return "".join(sign.sign for sign in self.signs)

    @property
    def exact(self) -> bool:
        return self.text == self.crop.text

    @property
    def exact_without_province(self) -> bool:
        return self.text[1:] == self.crop.text[1:]

    @property
    def weakest(self) -> float:
        return min((sign.probability for sign in self.signs), default=0.0)


@torch.no_grad()
def crop_logits(net: RecogniserNet, crops: Sequence[RealCrop]) -> NDArray[np.float32]:
    """Logits (N, 8, classes) of the crops' plain strips."""
    net.eval()
    parts = []
    for start in range(0, len(crops), 64):
        strips = np.stack([plain_strip(crop) for crop in crops[start : start + 64]])
        parts.append(net(as_input(torch.from_numpy(strips))).float().numpy())
    return np.concatenate(parts) if parts else np.zeros((0, 8, 1 + len(ALPHABET)), np.float32)


def read_crops(net: RecogniserNet, crops: Sequence[RealCrop]) -> list[CropRead]:
    """Read every crop's plain strip."""
    return [
        CropRead(crop, decode(logits, ALPHABET)) for crop, logits in zip(crops, crop_logits(net, crops), strict=True)
    ]
