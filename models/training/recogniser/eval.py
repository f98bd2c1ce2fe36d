"""Reads strips and real crops with a network that is still in training."""

# mypy: allow-untyped-decorators, allow-any-generics

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from controller.records import SignRead
from models.decoding import decode
from models.grammar import ALPHABET
from models.training.data.realdata import Image, RealCrop
from models.training.recogniser.net import RecogniserNet, as_input
from models.training.recogniser.samples import plain_strip


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


class TrainedReader:
    """A network in training that reads strips as the finished recogniser does."""

    def __init__(self, net: RecogniserNet) -> None:
        self._net = net.eval()

    @torch.no_grad()
    def read(self, strips: Sequence[Image]) -> list[tuple[SignRead, ...]]:
        """The signs of each strip (32, 128, 3)."""
        signs: list[tuple[SignRead, ...]] = []
        for start in range(0, len(strips), 64):
            inputs = as_input(torch.from_numpy(np.stack(strips[start : start + 64])))
            logits: NDArray[np.float32] = self._net(inputs).float().numpy()
            signs += [decode(plate, ALPHABET) for plate in logits]
        return signs


def read_crops(net: RecogniserNet, crops: Sequence[RealCrop]) -> list[CropRead]:
    """Read every crop's plain strip."""
    signs = TrainedReader(net).read([plain_strip(crop) for crop in crops])
    return [CropRead(crop, its) for crop, its in zip(crops, signs, strict=True)]
