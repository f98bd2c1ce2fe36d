"""The default engine: OpenCV's own network module, so that a lane needs no more than opencv-python.

OpenCV keeps one thread count for the whole process: loading a network sets it, also for image functions. It does not
check the number of channels of its input.
"""

from __future__ import annotations

import cv2
import numpy as np

from controller.errors import ReaderError
from models.engines import PLAIN, FloatArray
from models.engines.opencv_graph import rewritten
from models.engines.pixels import laid_out

GENERATION = int(cv2.__version__.split(".")[0])

ONE_BY_ONE = GENERATION < 5
"""OpenCV 4 (seen with 4.10) dies of SIGFPE on batches of networks with attention: it gets one item at a time."""

_AVX_VNNI = 28
"""What OpenCV calls the processor's instructions for sums of products of 8-bit integers; Python has no name for it."""

INTEGERS = GENERATION >= 5 and cv2.checkHardwareSupport(_AVX_VNNI)
"""Whether integers are quicker than floats here: the finder of integers takes OpenCV 5 3.0 ms with those instructions
and 8 without, the one of floats 5.0, with the same answers to the bit; OpenCV 4 never gains by them."""

VARIANTS = ("integers",) if INTEGERS else ()
"""How quick it is with doubting_integers where it has those instructions has not been measured."""


class OpenCvNetwork:
    """A network run by cv2.dnn."""

    def __init__(self, model: bytes) -> None:
        try:
            model, self.layout = rewritten(model) if GENERATION >= 5 else (model, PLAIN)
            self._net = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))
        except (cv2.error, ValueError) as error:
            raise ReaderError(f"OpenCV {cv2.__version__} cannot load this network: {error}") from error
        self._outputs = self._net.getUnconnectedOutLayersNames()

    def run(self, input: FloatArray) -> tuple[FloatArray, ...]:
        input = laid_out(input, self.layout)
        if not ONE_BY_ONE or len(input) < 2:
            return self._forward(input)
        answers = [self._forward(input[n : n + 1]) for n in range(len(input))]
        return tuple(np.concatenate(parts) for parts in zip(*answers, strict=True))

    def _forward(self, input: FloatArray) -> tuple[FloatArray, ...]:
        try:
            self._net.setInput(input)
            answers = self._net.forward(self._outputs)
        except cv2.error as error:
            raise ReaderError(f"OpenCV {cv2.__version__} cannot run this network on {input.shape}: {error}") from error
        return tuple(np.asarray(answer, np.float32) for answer in answers)


def load(model: bytes, threads: int) -> OpenCvNetwork:
    """Load an ONNX file's bytes; threads binds the whole process. Raises ReaderError."""
    cv2.setNumThreads(threads)
    return OpenCvNetwork(model)
