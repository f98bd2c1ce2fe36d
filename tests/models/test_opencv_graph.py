"""What a network is rewritten to for OpenCV 5 answers as it did, and is fed as it wants to be."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from controller.errors import ReaderError
from models.engines import PLAIN, FloatArray, InputLayout, opencv_engine
from models.engines.onnx_bytes import OnnxMessage
from models.engines.opencv_engine import OpenCvNetwork
from models.engines.opencv_graph import rewritten
from models.engines.pixels import Pixels, laid_out, levels
from models.manifest import WEIGHTS_FOLDER

INPUTS = {
    "finder": (1, 3, 96, 160),
    "finder.int8": (1, 3, 96, 160),
    "refiner": (1, 3, 64, 128),
    "refiner.int8": (1, 3, 64, 128),
    "recogniser": (2, 3, 32, 128),
    "second": (2, 1, 48, 160),
    "whole": (2, 3, 48, 160),
}


def file_of(name: str) -> bytes:
    return (WEIGHTS_FOLDER / f"{name}.onnx").read_bytes()


def input_of(shape: tuple[int, ...]) -> FloatArray:
    return np.random.default_rng(4).normal(0, 1, shape).astype(np.float32)


def untouched(name: str, input: FloatArray) -> FloatArray:
    net = cv2.dnn.readNetFromONNX(np.frombuffer(file_of(name), np.uint8))
    answers = []
    for one in input if opencv_engine.ONE_BY_ONE else [input]:
        net.setInput(np.ascontiguousarray(one.reshape(-1, *input.shape[1:])))
        answers.append(np.asarray(net.forward(), np.float32))
    return np.concatenate(answers)


def operators(model: bytes) -> list[str]:
    (graph,) = OnnxMessage(model).messages(7)
    return [node.text(4) for node in graph.messages(1)]


@pytest.mark.parametrize("name", INPUTS)
def test_rewriting_changes_no_answer(name: str) -> None:
    input = input_of(INPUTS[name])
    (answer,) = OpenCvNetwork(file_of(name)).run(input)
    np.testing.assert_allclose(answer, untouched(name, input), atol=1e-4)


@pytest.mark.parametrize("name", INPUTS)
def test_the_first_convolution_takes_several_pixels_as_one_and_edges_are_laid_with_zeros(name: str) -> None:
    model, layout = rewritten(file_of(name))
    assert layout.fold == ((2, 2) if INPUTS[name][1] == 1 else (2, 1))
    assert layout.channels == 8
    assert ("Pad" in operators(model)) == ("int8" not in name)
    assert rewritten(model)[1] == PLAIN, "what was folded is not folded again"


@pytest.mark.skipif(opencv_engine.GENERATION < 5, reason="OpenCV 4 takes networks as they are")
def test_a_picture_of_odd_size_is_found_like_any_other() -> None:
    input = input_of((1, 3, 95, 159))
    (answer,) = OpenCvNetwork(file_of("finder")).run(input)
    np.testing.assert_allclose(answer, untouched("finder", input), atol=1e-4)


@pytest.mark.parametrize("name", INPUTS)
def test_messages_are_written_as_they_were_read(name: str) -> None:
    model = file_of(name)
    message = OnnxMessage(model)
    assert bytes(message) == model
    (graph,) = message.messages(7)
    assert bytes(message.put(7, [graph.put(1, graph.messages(1))])) == model


@pytest.mark.parametrize("size", [1, 1000, 100_000])
def test_a_damaged_network_is_a_reader_error(size: int) -> None:
    with pytest.raises(ReaderError, match="cannot load"):
        OpenCvNetwork(file_of("whole")[:size])


def test_whole_numbers_are_read_packed_or_not_and_below_zero() -> None:
    message = OnnxMessage().put(8, [3, -2, 300])
    assert message.numbers(8) == [3, -2, 300]
    packed = b"".join(bytes(OnnxMessage().put(8, [number]))[1:] for number in (3, -2, 300))
    assert OnnxMessage(bytes(OnnxMessage().put(8, [])) + bytes([8 << 3 | 2, len(packed)]) + packed).numbers(8) == [
        3,
        -2,
        300,
    ]


LAYOUTS = (
    PLAIN,
    InputLayout((2, 1), 8, (1, 1), (0, 0)),
    InputLayout((2, 1), 8, (1, 2), (1, 1)),
    InputLayout((2, 2), 16, (1, 1), (1, 1)),
    InputLayout((2, 2), 12),
)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(32, 128, 3), (48, 160)])
def test_pictures_are_laid_out_as_the_layout_says(layout: InputLayout, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(7)
    pixels = Pixels(layout, levels({"mean": 127.5, "scale": 0.1}))
    for count in (2, 1, 2):
        pictures = [rng.integers(0, 256, shape).astype(np.uint8) for _ in range(count)]
        plain = np.stack([picture.reshape(*shape[:2], -1).transpose(2, 0, 1) for picture in pictures])
        wanted = laid_out(((plain.astype(np.float32) - np.float32(127.5)) * np.float32(0.1)), layout)
        np.testing.assert_array_equal(pixels.fill(pictures), wanted)


@pytest.mark.parametrize("operator", ["Cast", "Conv"])
def test_a_node_without_its_inputs_is_a_damaged_file(operator: str) -> None:
    file = OnnxMessage(file_of("whole"))
    (graph,) = file.messages(7)
    damaged = OnnxMessage().put(2, ["out"]).put(4, [operator])
    model = bytes(file.put(7, [graph.put(1, [*graph.messages(1), damaged])]))
    with pytest.raises(ValueError, match="a node lacks an input"):
        rewritten(model)
    with pytest.raises(ReaderError, match="cannot load this network"):
        OpenCvNetwork(model)
