"""The detector's two networks: the finder over the whole picture and the refiner over one candidate's cut-out."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.detector import CLOSEUP_PX, COLOURS

FINDER_CHANNELS = 1 + 8 + len(COLOURS) + 2
REFINER_SIZE = CLOSEUP_PX[::-1]
REFINER_OUTPUTS = 8 + 1 + len(COLOURS) + 2


def conv(inputs: int, outputs: int, size: int = 3, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """A convolution that keeps the size (or divides it by the stride), normalised and rectified."""
    padding = dilation * (size // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, padding, dilation=dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class DetectorBlock(nn.Module):  # type: ignore[misc]
    """One 3x3 convolution with a short cut around it."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.body = conv(channels, channels, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Separable(nn.Module):  # type: ignore[misc]
    """A 5x5 convolution of each channel by itself and one across them, with a short cut around both."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 5, padding=2, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Finder(nn.Module):  # type: ignore[misc]
    """Picture (N, 3, H, W), H and W multiples of 32 -> map (N, 16, H/8, W/8).

    Channels: centre logit; the four corners' offsets (x, y clockwise from top left) from the cell's centre in units
    of OFFSET_UNIT_PX; colour logits in the order of COLOURS; row-count logits (one row, two rows). A plate's corners
    need not be right to the pixel here: the refiner looks again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.quarter = nn.Sequential(conv(3, 16, 3, stride=2), conv(16, 24, stride=2))
        self.eighth = nn.Sequential(conv(24, 48, stride=2), DetectorBlock(48))
        self.sixteenth = nn.Sequential(
            conv(48, 96, stride=2), DetectorBlock(96), DetectorBlock(96, dilation=2), DetectorBlock(96, dilation=4)
        )
        self.up_eighth = conv(96, 48, 1)
        self.head = nn.Sequential(Separable(48), conv(48, 48, 1), nn.Conv2d(48, FINDER_CHANNELS, 1))
        last = self.head[-1]
        assert isinstance(last, nn.Conv2d)
        assert last.bias is not None
        nn.init.normal_(last.weight, std=0.01)
        nn.init.zeros_(last.bias)
        with torch.no_grad():
            last.bias[0] = -4.0  # plates are rare: start near their true share, as focal loss wants

    def forward(self, x: Tensor) -> Tensor:
        eighth = self.eighth(self.quarter(x))
        sixteenth = self.sixteenth(eighth)
        result: Tensor = self.head(eighth + functional.interpolate(self.up_eighth(sixteenth), scale_factor=2.0))
        return result


class Refiner(nn.Module):  # type: ignore[misc]
    """Cut-outs (N, 3, 64, 128) -> (N, 16): corner positions, plate logit, colour logits, row-count logits.

    Corners are x, y clockwise from top left as shares of the cut-out's width and height, 0 at its left and top edge.
    Each is the mean of a softmax map over the quarter-size grid, which places a corner more finely than a regression
    from few features does.
    """

    grid: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.quarter = nn.Sequential(conv(3, 16, 5, stride=2), conv(16, 32, stride=2), DetectorBlock(32))
        self.eighth = nn.Sequential(conv(32, 48, stride=2), DetectorBlock(48))
        self.sixteenth = nn.Sequential(conv(48, 64, stride=2), DetectorBlock(64))
        self.squeeze = conv(64, 24, 1)
        self.classes = nn.Sequential(
            nn.Linear(24 * 4 * 8, 64), nn.ReLU(inplace=True), nn.Linear(64, REFINER_OUTPUTS - 8)
        )
        self.up_eighth = conv(64, 48, 1)
        self.join_eighth = DetectorBlock(48)
        self.up_quarter = conv(48, 32, 1)
        self.corners = nn.Sequential(DetectorBlock(32), nn.Conv2d(32, 4, 1))
        self.register_buffer("grid", _grid(REFINER_SIZE[0] // 4, REFINER_SIZE[1] // 4), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        quarter = self.quarter(x)
        eighth = self.eighth(quarter)
        sixteenth = self.sixteenth(eighth)
        classes = self.classes(self.squeeze(sixteenth).flatten(1))
        eighth = self.join_eighth(eighth + functional.interpolate(self.up_eighth(sixteenth), scale_factor=2.0))
        quarter = quarter + functional.interpolate(self.up_quarter(eighth), scale_factor=2.0)
        maps = self.corners(quarter).flatten(2).float().softmax(2)
        return torch.cat([(maps @ self.grid).flatten(1), classes.float()], 1)


def _grid(rows: int, columns: int) -> Tensor:
    """Cell centres (rows * columns, 2) as shares of width and height, stretched to reach a little beyond the edges."""
    ys, xs = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    centres = torch.stack([(xs.flatten() + 0.5) / columns, (ys.flatten() + 0.5) / rows], 1)
    return (centres - 0.5) * 1.12 + 0.5
