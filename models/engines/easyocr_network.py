"""A recogniser's ONNX graph as a PyTorch module in the form that EasyOCR takes for a network of one's own.

EasyOCR imports this file by itself from its user network folder, so it needs nothing but torch.
"""

# mypy: allow-subclassing-any, allow-untyped-decorators

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

PADDED_COLUMNS = 8
"""From this many equal columns on at the right edge EasyOCR has padded: it repeats the last column up to a multiple of
the height. A plate of 440x140 mm gets 27 of them; a strip with fewer is hardly stretched."""

SURE = 30.0
"""Logit of a blank that stands between two places: certain in float32."""


class Model(nn.Module):
    """Grey plates (N, 1, height, width) in -1 to 1, as EasyOCR feeds them, to CTC logits (N, 2 * places - 1, classes).

    Class 0 is blank. A blank stands between any two places, so that greedy CTC decoding keeps doubled characters.
    num_class: classes including blank. size: height and width of the graph's input; mean, scale: (pixel - mean) * scale
    of pixels 0 to 255. nodes: the graph in order, each with op, inputs, output and attributes. tensors: name -> shape
    and type of the weights; they are the buffers of the state dict. entry, exit: the graph's input and output.
    """

    def __init__(
        self,
        num_class: int,
        *,
        size: Sequence[int],
        mean: float,
        scale: float,
        nodes: Sequence[Mapping[str, Any]],
        tensors: Mapping[str, Mapping[str, Any]],
        entry: str,
        exit: str,
    ) -> None:
        super().__init__()
        self.classes, self.size, self.mean, self.scale = num_class, tuple(size), float(mean), float(scale)
        self.nodes, self.entry, self.exit = nodes, entry, exit
        for name, tensor in tensors.items():
            self.register_buffer(name, torch.zeros(tensor["shape"], dtype=getattr(torch, tensor["type"])))

    def forward(self, pictures: Tensor, text: object = None) -> Tensor:
        """text is what EasyOCR passes to attention decoders; it is not used."""
        places = self.places(torch.cat([self._fitted(picture) for picture in pictures.unsqueeze(1)]))
        count, length, classes = places.shape
        if classes != self.classes:
            raise ValueError(f"the network knows {classes} classes, the characters make {self.classes}")
        steps = places.new_full((count, 2 * length - 1, classes), -SURE)
        steps[:, :, 0] = SURE
        steps[:, ::2] = places
        return steps

    def places(self, grey: Tensor) -> Tensor:
        """Logits (N, places, classes) of grey strips (N, 1, height, width) in -1 to 1."""
        pixels = ((grey * 127.5 + 127.5) - self.mean) * self.scale
        values: dict[str, Tensor] = dict(self.named_buffers())
        values[self.entry] = pixels.expand(-1, 3, -1, -1)
        for node in self.nodes:
            given = [values[name] for name in node["inputs"]]
            values[node["output"]] = OPERATORS[node["op"]](given, node["attributes"])
        return values[self.exit]

    def _fitted(self, picture: Tensor) -> Tensor:
        """One picture (1, 1, height, width) without EasyOCR's padding, stretched to the input's size."""
        differs = (picture != picture[..., -1:]).flatten(0, 2).any(0).nonzero()
        last = int(differs.max()) + 2 if len(differs) else picture.shape[-1]
        if picture.shape[-1] - last >= PADDED_COLUMNS:
            picture = picture[..., :last]
        if tuple(picture.shape[2:]) == self.size:
            return picture
        return functional.interpolate(picture, self.size, mode="bilinear", antialias=True)


def _convolution(given: list[Tensor], attributes: Mapping[str, Any]) -> Tensor:
    top, left, bottom, right = attributes.get("pads", (0, 0, 0, 0))
    padded = functional.pad(given[0], (left, right, top, bottom))
    return functional.conv2d(
        padded,
        *given[1:],
        stride=tuple(attributes.get("strides", (1, 1))),
        dilation=tuple(attributes.get("dilations", (1, 1))),
        groups=attributes.get("group", 1),
    )


def _gemm(given: list[Tensor], attributes: Mapping[str, Any]) -> Tensor:
    left = given[0].T if attributes.get("transA") else given[0]
    right = given[1].T if attributes.get("transB") else given[1]
    product = attributes.get("alpha", 1.0) * (left @ right)
    return product + attributes.get("beta", 1.0) * given[2] if len(given) > 2 else product


def _mean(given: list[Tensor], attributes: Mapping[str, Any]) -> Tensor:
    axes = given[1].tolist() if len(given) > 1 else attributes["axes"]
    return given[0].mean(tuple(axes), keepdim=bool(attributes.get("keepdims", 1)))


def _unsqueeze(given: list[Tensor], attributes: Mapping[str, Any]) -> Tensor:
    result = given[0]
    for axis in sorted(given[1].tolist()):
        result = result.unsqueeze(axis)
    return result


def _reshape(given: list[Tensor], attributes: Mapping[str, Any]) -> Tensor:
    old = given[0].shape
    return given[0].reshape([old[place] if size == 0 else size for place, size in enumerate(given[1].tolist())])


def _slice(given: list[Tensor], attributes: Mapping[str, Any]) -> Tensor:
    starts, ends = given[1].tolist(), given[2].tolist()
    axes = given[3].tolist() if len(given) > 3 else range(len(starts))
    strides = given[4].tolist() if len(given) > 4 else [1] * len(starts)
    result = given[0]
    for start, end, axis, stride in zip(starts, ends, axes, strides, strict=True):
        result = result[(slice(None),) * axis + (slice(start, end, stride),)]
    return result


OPERATORS: dict[str, Callable[[list[Tensor], Mapping[str, Any]], Tensor]] = {
    "Add": lambda given, attributes: given[0] + given[1],
    "Concat": lambda given, attributes: torch.cat(given, attributes["axis"]),
    "Conv": _convolution,
    "Div": lambda given, attributes: given[0] / given[1],
    "Gemm": _gemm,
    "MatMul": lambda given, attributes: given[0] @ given[1],
    "Mul": lambda given, attributes: given[0] * given[1],
    "ReduceMean": _mean,
    "Relu": lambda given, attributes: torch.relu(given[0]),
    "Reshape": _reshape,
    "Shape": lambda given, attributes: torch.tensor(given[0].shape),
    "Sigmoid": lambda given, attributes: torch.sigmoid(given[0]),
    "Slice": _slice,
    "Softmax": lambda given, attributes: torch.softmax(given[0], attributes.get("axis", -1)),
    "Transpose": lambda given, attributes: given[0].permute(*attributes["perm"]),
    "Unsqueeze": _unsqueeze,
}
"""ONNX operator (opset 13) -> what it does with its inputs and attributes."""
