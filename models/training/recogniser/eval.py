"""Reads strips and real crops with a network that is still in training."""

# mypy: allow-untyped-decorators, allow-any-generics

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from controller.records import CharacterRead
from models.decoding import decode
from models.grammar import ALPHABET
from models.training.data.realdata import Image, RealCrop
from models.training.recogniser.net import RecogniserNet, as_input
from models.training.recogniser.samples import plain_strip


@dataclass(frozen=True)
class CropRead:
    """What the network read on one crop."""

    crop: RealCrop
    characters: tuple[CharacterRead, ...]

    @property
    def text(self) -> str:
        return "".join(character.character for character in self.characters)

    @property
    def exact(self) -> bool:
        return self.text == self.crop.text

    @property
    def weakest(self) -> float:
        return min((character.probability for character in self.characters), default=0.0)


class TrainedReader:
    """A network in training that reads strips as the finished recogniser does."""

    def __init__(self, net: RecogniserNet) -> None:
        self._net = net.eval()

    @torch.no_grad()
    def read(self, strips: Sequence[Image]) -> list[tuple[CharacterRead, ...]]:
        """The characters of each strip (32, 128, 3)."""
        characters: list[tuple[CharacterRead, ...]] = []
        for start in range(0, len(strips), 64):
            inputs = as_input(torch.from_numpy(np.stack(strips[start : start + 64])))
            logits: NDArray[np.float32] = self._net(inputs).float().numpy()
            characters += [decode(plate, ALPHABET) for plate in logits]
        return characters


def read_crops(net: RecogniserNet, crops: Sequence[RealCrop]) -> list[CropRead]:
    """Read every crop's plain strip."""
    characters = TrainedReader(net).read([plain_strip(crop) for crop in crops])
    return [CropRead(crop, its) for crop, its in zip(crops, characters, strict=True)]
