"""Rewrites a network so that OpenCV 5 runs it quicker; what it answers stays the same.

OpenCV 5 works on eight channels at a time and on ten pixels of a row at a time. It wastes most of a first convolution
over one or three channels, so that one takes two or four pixels as one of as many times the channels. And it computes
slowly where a kernel reaches beyond the edge, which in small maps is most of them: zeros laid around the map cost less.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from models.engines import PLAIN, InputLayout
from models.engines.onnx_bytes import OnnxMessage

LANES = 8
"""Channels that OpenCV works on at a time."""

_FOLDS = (2, 1), (2, 2)

WORTH_ZEROS = 10
"""How many numbers a convolution has to put out for each pixel that it takes in before zeros around the map pay."""

_QUICK = 64, 16
"""3x3 kernels over at least so many channels, into a multiple of so many, run well at the edges."""

# numbers of fields in onnx.proto
_GRAPH = 7
_NODES, _TENSORS, _INPUTS, _SHAPES = 1, 5, 11, 13
_INPUT, _OUTPUT, _OPERATOR, _ATTRIBUTES = 1, 2, 4, 5
_ATTRIBUTE_NAME, _ATTRIBUTE_NUMBER, _ATTRIBUTE_NUMBERS, _ATTRIBUTE_TYPE = 1, 3, 8, 20
_DIMENSIONS, _KIND, _NAME, _RAW = 1, 2, 8, 9
_FLOATS: dict[int, np.dtype[Any]] = {1: np.dtype("<f4"), 10: np.dtype("<f2")}
_WHOLE_NUMBERS, _LIST_OF_NUMBERS = 7, 7


def rewritten(model: bytes) -> tuple[bytes, InputLayout]:
    """The network rewritten and how it takes pictures now. Raises ValueError when the bytes are not a whole ONNX
    file."""
    file = OnnxMessage(model)
    graphs = file.messages(_GRAPH)
    if len(graphs) != 1:
        raise ValueError("no graph")
    try:
        graph = _Graph(graphs[0])
        layout = graph.fold()
        graph.lay_zeros()
    except IndexError:
        raise ValueError("a node lacks an input or a number") from None
    return bytes(file.put(_GRAPH, [graph.message()])), layout


class _Graph:
    """A graph's nodes and constants."""

    def __init__(self, graph: OnnxMessage) -> None:
        self._graph = graph
        self._nodes = graph.messages(_NODES)
        self._tensors = {tensor.text(_NAME): tensor for tensor in graph.messages(_TENSORS)}
        self._casts = {
            node.texts(_OUTPUT)[0]: node.texts(_INPUT)[0]
            for node in self._nodes
            if node.text(_OPERATOR) == "Cast" and node.texts(_INPUT)[0] in self._tensors
        }

    def message(self) -> OnnxMessage:
        """The graph as it is now."""
        return self._graph.put(_NODES, self._nodes).put(_TENSORS, self._tensors.values()).put(_SHAPES, [])

    def fold(self) -> InputLayout:
        """Let the first convolution, of stride 2, take several pixels as one."""
        (picture,) = self._graph.messages(_INPUTS)
        takers = [node for node in self._nodes if picture.text(1) in node.texts(_INPUT)]
        if len(takers) != 1 or not (first := self._convolution(takers[0])) or not first.halves_pictures():
            return PLAIN
        kernel, layout = min((_folded(first.kernel, fold) for fold in _FOLDS), key=lambda one: one[0].size)
        tensor = self._tensors[first.tensor]
        tensor.put(_DIMENSIONS, kernel.shape).put(_RAW, [kernel.tobytes()])
        strides = 2 // layout.fold[0], 2 // layout.fold[1]
        first.write(kernel_shape=kernel.shape[2:], strides=strides, pads=(0,) * 4)
        self._graph.put(_INPUTS, [_smaller(picture, layout)])
        return layout

    def lay_zeros(self) -> None:
        """Lay zeros around maps before the convolutions that gain by it."""
        nodes = []
        for place, node in enumerate(self._nodes):
            convolution = self._convolution(node)
            if convolution and convolution.gains_by_zeros():
                top, left, bottom, right = convolution.pads
                sizes = np.array([0, 0, top, left, 0, 0, bottom, right], "<i8")
                zeros, laid = f"zeros.{place}", f"laid.{place}"
                tensor = OnnxMessage().put(_DIMENSIONS, sizes.shape).put(_KIND, [_WHOLE_NUMBERS])
                self._tensors[zeros] = tensor.put(_NAME, [zeros]).put(_RAW, [sizes.tobytes()])
                given = node.texts(_INPUT)
                nodes.append(OnnxMessage().put(_INPUT, [given[0], zeros]).put(_OUTPUT, [laid]).put(_OPERATOR, ["Pad"]))
                node.put(_INPUT, [laid, *given[1:]])
                convolution.write(pads=(0,) * 4)
            nodes.append(node)
        self._nodes = nodes

    def _convolution(self, node: OnnxMessage) -> _Convolution | None:
        """The node as a convolution over all channels of a picture with constant floats, if it is one."""
        if node.text(_OPERATOR) != "Conv":
            return None
        weights = node.texts(_INPUT)[1]
        name = self._casts.get(weights, weights)
        tensor = self._tensors.get(name)
        kind, raw = (tensor.value(_KIND), tensor.value(_RAW)) if tensor else (None, None)
        if tensor is None or not isinstance(kind, int) or kind not in _FLOATS or not isinstance(raw, bytes):
            return None
        shape = tensor.numbers(_DIMENSIONS)
        if len(shape) != 4:
            return None
        convolution = _Convolution(node, name, np.frombuffer(raw, _FLOATS[kind]).reshape(shape))
        return convolution if convolution.numbers("group", (1,)) == (1,) else None


class _Convolution:
    """A node that convolves a picture. kernel: (outputs, inputs, rows, columns); tensor: its name."""

    def __init__(self, node: OnnxMessage, tensor: str, kernel: np.ndarray) -> None:
        self._node, self.tensor, self.kernel = node, tensor, kernel

    def numbers(self, name: str, otherwise: tuple[int, ...]) -> tuple[int, ...]:
        """An attribute of whole numbers."""
        found = [a for a in self._node.messages(_ATTRIBUTES) if a.text(_ATTRIBUTE_NAME) == name]
        if not found:
            return otherwise
        return tuple(found[0].numbers(_ATTRIBUTE_NUMBERS) or found[0].numbers(_ATTRIBUTE_NUMBER))

    def write(self, **changes: tuple[int, ...]) -> None:
        """Give attributes these values."""
        kept = [a for a in self._node.messages(_ATTRIBUTES) if a.text(_ATTRIBUTE_NAME) not in changes]
        self._node.put(_ATTRIBUTES, [*kept, *_attributes(changes)])

    @property
    def pads(self) -> tuple[int, ...]:
        """Zeros beyond the top, left, bottom and right edge."""
        return self.numbers("pads", (0,) * 4)

    def halves_pictures(self) -> bool:
        """Whether it takes each second pixel of a picture, from the first one on, and few channels."""
        _, channels, rows, columns = self.kernel.shape
        square = rows == columns and rows % 2 == 1 and self.pads == (rows // 2,) * 4
        steps = self.numbers("strides", (1, 1)), self.numbers("dilations", (1, 1))
        return square and steps == ((2, 2), (1, 1)) and channels < LANES

    def gains_by_zeros(self) -> bool:
        """Whether it reaches beyond the edges and that costs more than zeros around them."""
        outputs, inputs, *size = self.kernel.shape
        strides, dilations = self.numbers("strides", (1, 1)), self.numbers("dilations", (1, 1))
        plain = size == [3, 3] and strides == dilations == (1, 1)
        quick = plain and inputs >= _QUICK[0] and outputs % _QUICK[1] == 0
        return any(self.pads) and not quick and outputs >= WORTH_ZEROS * strides[0] * strides[1]


def _attributes(values: dict[str, tuple[int, ...]]) -> Iterator[OnnxMessage]:
    for name, numbers in values.items():
        message = OnnxMessage().put(_ATTRIBUTE_NAME, [name]).put(_ATTRIBUTE_NUMBERS, numbers)
        yield message.put(_ATTRIBUTE_TYPE, [_LIST_OF_NUMBERS])


def _folded(kernel: np.ndarray, fold: tuple[int, int]) -> tuple[np.ndarray, InputLayout]:
    """A kernel of stride 2 for pixels that are so many rows and columns of pixels, and the input's layout for it.

    Channels are those of the pixels row by row; unused ones fill the lanes.
    """
    outputs, inputs, size, _ = kernel.shape
    reach = size // 2
    before = tuple(-(-reach // pixels) for pixels in fold)
    after = tuple(reach // 2 if pixels == 2 else reach - 1 for pixels in fold)
    cells = [(size, before[axis] + 1 + after[axis])[fold[axis] == 2] for axis in (0, 1)]
    folded = np.zeros((outputs, *fold, inputs, *cells), kernel.dtype)
    for row, column in np.ndindex(size, size):
        (cell_y, y), (cell_x, x) = (divmod(at - reach, pixels) for at, pixels in zip((row, column), fold, strict=True))
        folded[:, y, x, :, before[0] + cell_y, before[1] + cell_x] = kernel[:, :, row, column]
    channels = inputs * fold[0] * fold[1]
    plain = folded.reshape(outputs, channels, *cells)
    filled = np.pad(plain, ((0, 0), (0, -channels % LANES), (0, 0), (0, 0)))
    return filled, InputLayout(fold, filled.shape[1], (before[0], before[1]), (after[0], after[1]))


def _smaller(picture: OnnxMessage, layout: InputLayout) -> OnnxMessage:
    """The declaration of an input with this layout."""
    (kind,) = picture.messages(2)
    (tensor,) = kind.messages(1)
    (shape,) = tensor.messages(2)
    sides = shape.messages(1)
    sides[1] = OnnxMessage().put(1, [layout.channels])
    for side, pixels, before, after in zip(sides[2:], layout.fold, layout.before, layout.after, strict=True):
        if length := side.numbers(1):
            side.put(1, [(length[0] + length[0] % 2) // pixels + before + after])
    return picture.put(2, [kind.put(1, [tensor.put(2, [shape.put(1, sides)])])])
