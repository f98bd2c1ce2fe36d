"""The recogniser's network: a small residual backbone, an attention map per character, one shared classifier."""

# mypy: allow-subclassing-any, allow-untyped-decorators

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.grammar import ALPHABET, MAX_CHARACTERS

CLASSES = 1 + len(ALPHABET)
GRID_HEIGHT, GRID_WIDTH = 4, 32
WIDTHS = (32, 64, 112)
"""Channels of the backbone's three stages."""
DROPOUT = 0.1
"""Of the last features while training: the real crops are few, and it knows each of them by heart after a while."""


def _conv(inputs: int, outputs: int, stride: int | tuple[int, int] = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Residual(nn.Module):
    """Two 3x3 convolutions around a short cut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))


class RecogniserNet(nn.Module):
    """(N, 3, 32, 128) float strips, (BGR - 127.5) / 127.5, to logits (N, 9, 1 + characters), class 0 blank.

    Each of the nine places looks at the feature map (4 x 32 cells) through its own soft attention, so that a
    character's softmax is a plain probability that temperature can calibrate. `forward_full` also returns the
    attention.
    """

    def __init__(
        self,
        widths: tuple[int, int, int] = WIDTHS,
        hidden: int = 128,
        places: int = MAX_CHARACTERS,
        classes: int = CLASSES,
    ) -> None:
        super().__init__()
        first, second, third = widths
        self.backbone = nn.Sequential(
            _conv(3, first, 2, 5),
            Residual(first),
            _conv(first, second, 2),
            Residual(second),
            _conv(second, third, (2, 1)),
            Residual(third),
        )
        self.position = nn.Parameter(torch.zeros(1, third, GRID_HEIGHT, GRID_WIDTH))
        self.context = nn.Linear(third, 48)
        self.query = nn.Conv2d(third, 48, 3, padding=1)
        self.attention = nn.Conv2d(48, places, 1)
        self.bias = nn.Parameter(torch.zeros(1, places, GRID_HEIGHT * GRID_WIDTH))
        self.hidden = nn.Linear(third, hidden)
        self.place = nn.Parameter(torch.zeros(1, places, hidden))
        self.classify = nn.Linear(hidden, classes)
        nn.init.normal_(self.position, std=0.02)
        nn.init.normal_(self.place, std=0.02)
        self.register_buffer("temperature", torch.ones(1))
        self.temperature: Tensor

    def forward_full(self, strips: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, 9, classes) before temperature, and attention logits (N, 9, 128 cells)."""
        features = self.backbone(strips)
        context = self.context(features.mean((2, 3)))
        query = torch.relu(self.query(features + self.position) + context.unsqueeze(2).unsqueeze(3))
        scores = self.attention(query).flatten(2) + self.bias
        seen = torch.softmax(scores, 2) @ features.flatten(2).transpose(1, 2)
        hidden = torch.relu(self.hidden(seen) + self.place)
        return self.classify(functional.dropout(hidden, DROPOUT, self.training)), scores

    def forward(self, strips: Tensor) -> Tensor:
        """Logits (N, 9, classes) after temperature."""
        logits: Tensor = self.forward_full(strips)[0] / self.temperature
        return logits


def as_input(strips: Tensor) -> Tensor:
    """uint8 strips (N, 32, 128, 3) BGR to the network's float input (N, 3, 32, 128), channels last in memory."""
    scaled = (strips.permute(0, 3, 1, 2).float() - 127.5) / 127.5
    return scaled.contiguous(memory_format=torch.channels_last)
