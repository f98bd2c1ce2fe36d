"""The engine for machines with ONNX Runtime (the extra `onnx`); its threads are its own."""

from __future__ import annotations

import numpy as np
import onnxruntime

from controller.errors import ReaderError
from models.engines import FloatArray

VARIANTS = ("integers", "doubting_integers")
"""The first are those of the detector's networks, the others of the second recogniser and the judge of wholeness."""


class OnnxRuntimeNetwork:
    """A network run by an ONNX Runtime session on the processor."""

    def __init__(self, model: bytes, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exception classes have no common, public base
            raise ReaderError(f"ONNX Runtime {onnxruntime.__version__} cannot load this network: {error}") from error
        self._input = self._session.get_inputs()[0].name

    def run(self, input: FloatArray) -> tuple[FloatArray, ...]:
        try:
            answers = self._session.run(None, {self._input: input})
        except Exception as error:  # as above
            raise ReaderError(
                f"ONNX Runtime {onnxruntime.__version__} cannot run this network on {input.shape}: {error}"
            ) from error
        return tuple(np.asarray(answer, np.float32) for answer in answers)


def load(model: bytes, threads: int) -> OnnxRuntimeNetwork:
    """Load an ONNX file's bytes. Raises ReaderError."""
    return OnnxRuntimeNetwork(model, threads)
