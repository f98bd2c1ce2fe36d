"""Engines that run a trained network, found by name: one small protocol, one table, no silent fall-back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from controller.errors import ReaderError

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class InputLayout:
    """How a network takes pictures quickest.

    fold: so many rows and columns of pixels are one pixel of as many times the channels, row by row. channels: what the
    array has, those beyond the picture's being zero; 0 for as many as there are. before, after: pixels (folded ones) of
    zeros above and left, below and right.
    """

    fold: tuple[int, int] = (1, 1)
    channels: int = 0
    before: tuple[int, int] = (0, 0)
    after: tuple[int, int] = (0, 0)


PLAIN = InputLayout()
"""As they are."""


class Network(Protocol):
    """A loaded network. It belongs to one thread at a time; nothing has to be closed."""

    def run(self, input: FloatArray) -> tuple[FloatArray, ...]:
        """Answer one contiguous batch (N, C, H, W); every output in the order of the model file.

        Height and width may differ from call to call where the model allows it. An array that is laid out as
        input_layout() says is taken as such. Raises ReaderError when the engine cannot run the network on that shape.
        """


def input_layout(network: Network) -> InputLayout:
    """How this network takes pictures quickest; as they are where it does not say."""
    layout: InputLayout = getattr(network, "layout", PLAIN)
    return layout


Loader = Callable[[bytes, int], Network]

_MODULES = {"opencv": "models.engines.opencv_engine", "onnxruntime": "models.engines.onnxruntime_engine"}
"""Name -> module with load(model: bytes, threads: int) -> Network and VARIANTS, the names under which the manifest may
have a variant of a network that it runs quicker on this machine, best first. Each imports its library only when it is
chosen."""

ENGINES = tuple(_MODULES)
"""Engines that run any network."""
DEFAULT_ENGINE = ENGINES[0]
"""It needs no more than the lane's own dependencies."""

EASYOCR = "easyocr"
READER_ENGINES = (*ENGINES, EASYOCR)
"""What a reader can be built on: EasyOCR runs the recogniser alone, beside a detector on another engine."""

MOST_THREADS = 16
"""As lane.toml allows. An engine makes as many as it is told to, and thousands bring the machine to a stop."""


def load_network(engine: str, weights: Path, sha256: str, threads: int = 1) -> Network:
    """Load an ONNX file after checking its SHA-256 (hexadecimal, from the manifest).

    threads: how many the engine may use; see the engine's module for whom else that binds. Raises ReaderError for an
    unknown engine, one that is not installed, another number of threads than 1 to MOST_THREADS, and weights that are
    missing, altered or unusable.
    """
    if not 1 <= threads <= MOST_THREADS:
        raise ReaderError(f"An engine takes 1 to {MOST_THREADS} threads, not {threads}.")
    load: Loader = _module(engine).load
    return load(checked_weights(weights, sha256), threads)


def variants_for(engine: str) -> tuple[str, ...]:
    """Names of a network's variants that this engine runs here, best first. Raises ReaderError as load_network."""
    names: tuple[str, ...] = _module(engine).VARIANTS
    return names


def _module(engine: str) -> ModuleType:
    if engine not in _MODULES:
        raise ReaderError(f"There is no engine named {engine!r}; choose one of: {', '.join(ENGINES)}.")
    try:
        return import_module(_MODULES[engine])
    except ImportError as error:
        raise ReaderError(f"The engine {engine!r} is not installed here ({error}).") from error


def checked_weights(weights: Path, sha256: str) -> bytes:
    """The bytes of a weights file. Raises ReaderError when it is missing or not the one with this SHA-256."""
    try:
        model = weights.read_bytes()
    except OSError as error:
        raise ReaderError(f"Cannot read the weights {weights}: {error.strerror}.") from error
    found = hashlib.sha256(model).hexdigest()
    if found != sha256:
        raise ReaderError(
            f"The weights {weights} are not the ones in the manifest (SHA-256 {found[:12]}… instead of "
            f"{str(sha256)[:12]}…)."
        )
    return model
