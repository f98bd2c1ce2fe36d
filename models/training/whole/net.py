"""The network that tells whether something lies over a plate's characters: convolutions down to one row of columns."""

# mypy: allow-subclassing-any, allow-untyped-decorators

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.second_opinion import STRIP_HEIGHT

DROPOUT = 0.1


def _conv(inputs: int, outputs: int, size: tuple[int, int], stride: tuple[int, int], pad: tuple[int, int]) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, pad, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class WholeNet(nn.Module):
    """(N, 3, 48, 160) float BGR strips, (value - 127.5) / 127.5, to logits (N, 1): above 0, something lies over it.

    What it finds in the columns is averaged, for a bumper along the row, and its highest taken, for a chain.
    """

    def __init__(self, widths: tuple[int, int, int, int] = (16, 32, 64, 96)) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.backbone = nn.Sequential(
            _conv(3, first, (3, 3), (2, 2), (1, 1)),
            _conv(first, second, (3, 3), (2, 2), (1, 1)),
            _conv(second, second, (3, 3), (1, 1), (1, 1)),
            _conv(second, third, (3, 3), (2, 1), (1, 1)),
            _conv(third, third, (3, 3), (1, 1), (1, 1)),
        )
        self.rows = nn.Sequential(
            _conv(third, fourth, (STRIP_HEIGHT // 8, 3), (1, 1), (0, 1)),
            _conv(fourth, fourth, (1, 5), (1, 1), (0, 2)),
        )
        self.cells = nn.Conv2d(third, 1, 1)
        self.hidden = nn.Linear(2 * fourth, fourth)
        self.judge = nn.Linear(fourth, 1)
        self.register_buffer("shift", torch.zeros(1))
        self.shift: Tensor

    def forward_full(self, strips: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, 1) as they are trained, and of each cell (N, 6, 40), above 0 where something lies.

        The cells are there to learn from: they show the network what to look at, and are not exported.
        """
        features = self.backbone(strips)
        columns = self.rows(features).flatten(2)
        found = torch.cat([columns.mean(2), columns.amax(2)], 1)
        judged: Tensor = self.judge(functional.dropout(torch.relu(self.hidden(found)), DROPOUT, self.training))
        return judged, self.cells(features)[:, 0]

    def forward_plain(self, strips: Tensor) -> Tensor:
        """Logits (N, 1) as they are trained."""
        return self.forward_full(strips)[0]

    def forward(self, strips: Tensor) -> Tensor:
        """Logits (N, 1) less the shift that calibration found."""
        return self.forward_plain(strips) - self.shift


def as_input(strips: Tensor) -> Tensor:
    """uint8 strips (N, 48, 160, 3) BGR to the network's float input (N, 3, 48, 160)."""
    return ((strips.permute(0, 3, 1, 2).float() - 127.5) / 127.5).contiguous(memory_format=torch.channels_last)
