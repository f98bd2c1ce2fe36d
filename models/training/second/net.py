"""The second recogniser's network: a plain pyramid of convolutions down to one row of columns, read place by place."""

# mypy: allow-subclassing-any, allow-untyped-decorators

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.grammar import MAX_CHARACTERS
from models.second_opinion import CLASSES, STRIP_HEIGHT, STRIP_WIDTH

COLUMNS = STRIP_WIDTH // 4
DROPOUT = 0.1


def _conv(inputs: int, outputs: int, size: tuple[int, int], stride: tuple[int, int], pad: tuple[int, int]) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, pad, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class SecondNet(nn.Module):
    """(N, 1, 48, 160) float grey strips, (grey - 127.5) / 127.5, to logits (N, 9, classes): blank, characters, hidden.

    Its features are one vector a column, from the whole height; each place looks along the columns. The first
    recogniser has a grid of cells, short cuts and colours instead, so the two seldom make the same mistake.
    """

    def __init__(
        self,
        widths: tuple[int, int, int, int] = (16, 32, 64, 96),
        hidden: int = 96,
        places: int = MAX_CHARACTERS,
        classes: int = CLASSES,
    ) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.backbone = nn.Sequential(
            _conv(1, first, (5, 5), (2, 2), (2, 2)),
            _conv(first, second, (3, 3), (2, 2), (1, 1)),
            _conv(second, second, (3, 3), (1, 1), (1, 1)),
            _conv(second, third, (3, 3), (2, 1), (1, 1)),
            _conv(third, third, (3, 3), (1, 1), (1, 1)),
            _conv(third, fourth, (STRIP_HEIGHT // 8, 3), (1, 1), (0, 1)),
            _conv(fourth, fourth, (1, 3), (1, 1), (0, 1)),
        )
        self.position = nn.Parameter(torch.zeros(1, fourth, COLUMNS))
        self.context = nn.Linear(fourth, 32)
        self.query = nn.Conv1d(fourth, 32, 5, padding=2)
        self.look = nn.Conv1d(32, places, 1)
        self.bias = nn.Parameter(torch.zeros(1, places, COLUMNS))
        self.hidden = nn.Linear(fourth, hidden)
        self.place = nn.Parameter(torch.zeros(1, places, hidden))
        self.classify = nn.Linear(hidden, classes)
        nn.init.normal_(self.position, std=0.02)
        nn.init.normal_(self.place, std=0.02)
        self.register_buffer("temperature", torch.ones(1))
        self.temperature: Tensor

    def forward_full(self, strips: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, 9, classes) before temperature, and where each place looks, (N, 9, columns) before softmax."""
        columns = self.backbone(strips).flatten(2)
        # turned before summing: OpenCV 5 takes a sum right behind a convolution for a short cut and wants equal shapes
        asked = self.query(columns + self.position).transpose(1, 2) + self.context(columns.mean(2)).unsqueeze(1)
        looks = functional.linear(torch.relu(asked), self.look.weight.squeeze(2), self.look.bias)
        scores = (looks + self.bias.transpose(1, 2)).transpose(1, 2)
        seen = torch.softmax(scores, 2) @ columns.transpose(1, 2)
        hidden = torch.relu(self.hidden(seen) + self.place)
        return self.classify(functional.dropout(hidden, DROPOUT, self.training)), scores

    def forward(self, strips: Tensor) -> Tensor:
        """Logits (N, 9, classes) after temperature."""
        logits: Tensor = self.forward_full(strips)[0] / self.temperature
        return logits


def as_input(strips: Tensor) -> Tensor:
    """uint8 strips (N, 48, 160) grey to the network's float input (N, 1, 48, 160)."""
    return ((strips.unsqueeze(1).float() - 127.5) / 127.5).contiguous(memory_format=torch.channels_last)
