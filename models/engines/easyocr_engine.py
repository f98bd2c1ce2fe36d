"""The engine `easyocr`: EasyOCR reads the strips, with greenlane's own recogniser or with EasyOCR's models in a folder.

EasyOCR sees grey pictures only, and torch has one thread count for the whole process: opening an engine sets it.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import cv2
import easyocr
import numpy as np
import torch
from numpy.typing import NDArray

from controller.errors import ReaderError
from controller.records import CharacterRead
from models.decoding import decode
from models.engines.easyocr_files import LANGUAGES, write_network

Strip = NDArray[np.uint8]
FloatArray = NDArray[np.float32]

OWN_MODELS = ("zh_sim_g2.pth",)
"""What EasyOCR reads simplified Chinese with; its detector is not used, greenlane finds the plates."""

OWN_HEIGHT = 64
"""Height of the pictures that EasyOCR's own models read (imgH in easyocr/config.py)."""


class EasyOcrRecogniser:
    """Reads strips through one easyocr.Reader; one thread at a time.

    EasyOCR's confidence is not a probability, so each character's is taken from the network's own output in that run.
    """

    def __init__(self, reader: Any, alphabet: str, height: int, places: bool) -> None:
        """height: of the network's input. places: whether every second step is one place of greenlane's network."""
        self._reader = reader
        self._alphabet = alphabet
        self._height = height
        self._places = places
        self._steps: list[FloatArray] = []
        reader.recognizer.register_forward_hook(self._keep)

    def read(self, strips: Sequence[Strip]) -> list[tuple[CharacterRead, ...]]:
        """The characters of each strip from left to right; an empty tuple for a strip that shows no plate.

        strips: BGR uint8 (height, width, 3). Raises ReaderError when EasyOCR fails.
        """
        return [self._read(strip) for strip in strips]

    def _read(self, strip: Strip) -> tuple[CharacterRead, ...]:
        if strip.ndim != 3 or strip.shape[2] != 3:
            raise ValueError(f"a strip is (height, width, 3), not {strip.shape}")
        height, width = strip.shape[:2]
        self._steps.clear()
        # a Reader keeps the height of its network in a module global, which the next Reader overwrites
        easyocr.easyocr.imgH = self._height
        try:
            with _quiet():
                ((_, text, _),) = self._reader.recognize(
                    cv2.cvtColor(strip, cv2.COLOR_BGR2GRAY),
                    horizontal_list=[[0, width, 0, height]],
                    free_list=[],
                    allowlist=self._alphabet,
                    contrast_ths=0,
                    workers=0,
                )
        except (RuntimeError, ValueError, cv2.error) as error:
            raise ReaderError(f"EasyOCR {easyocr.__version__} cannot read this strip: {error}") from error
        characters = self._characters(self._steps[-1])
        if "".join(character.character for character in characters) != text:
            raise ReaderError(f"EasyOCR {easyocr.__version__} decodes its network's output in a way unknown here.")
        return characters

    def _characters(self, steps: FloatArray) -> tuple[CharacterRead, ...]:
        if self._places:
            return decode(steps[::2], self._alphabet)
        return characters_of_steps(steps, str(self._reader.character), self._alphabet)

    def _keep(self, module: object, given: object, output: Any) -> None:
        self._steps.append(np.asarray(output[0].numpy(), np.float32))


def open_shipped(model: bytes, section: Mapping[str, Any], threads: int) -> EasyOcrRecogniser:
    """The shipped ONNX recogniser as an EasyOCR network. section: the manifest's "recogniser". Raises ReaderError."""
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory(prefix="greenlane-") as folder:
        name = write_network(Path(folder), model, section)
        reader = _open(Path(folder), recog_network=name, user_network_directory=folder)
    return EasyOcrRecogniser(reader, section["alphabet"], section["input"]["height"], places=True)


def open_own(folder: Path, alphabet: str, threads: int) -> EasyOcrRecogniser:
    """EasyOCR's own recogniser from the user's folder, held to the characters of plates.

    Nothing is downloaded: raises ReaderError with the folder and the missing files.
    """
    missing = [name for name in OWN_MODELS if not (folder / name).is_file()]
    if missing:
        raise ReaderError(
            f"EasyOCR's models are missing in {folder}: {', '.join(missing)}. Nothing is downloaded; put them there."
        )
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory(prefix="greenlane-") as networks:
        reader = _open(folder, user_network_directory=networks)
    return EasyOcrRecogniser(reader, alphabet, OWN_HEIGHT, places=False)


def characters_of_steps(steps: FloatArray, classes: str, alphabet: str) -> tuple[CharacterRead, ...]:
    """Greedy CTC over logits (steps, 1 + characters), class 0 blank, with all but the alphabet left out.

    A character's probability is the highest of its run of steps, as the network gave it: before the others were left
    out.
    """
    shares = np.exp(steps - steps.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    allowed = np.array([True, *(character in alphabet for character in classes)])
    best = np.where(allowed, shares, -1.0).argmax(1)
    characters = []
    for number, run in groupby(range(len(best)), key=lambda step: int(best[step])):
        if number > 0:
            characters.append(CharacterRead(classes[number - 1], max(float(shares[step, number]) for step in run)))
    return tuple(characters)


def _open(models: Path, **arguments: Any) -> Any:
    """An easyocr.Reader without detector, download or graphics card; sys.path stays as it was."""
    path = list(sys.path)
    try:
        with _quiet():
            return easyocr.Reader(
                list(LANGUAGES),
                gpu=False,
                detector=False,
                model_storage_directory=str(models),
                download_enabled=False,
                verbose=False,
                quantize=False,
                **arguments,
            )
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise ReaderError(f"EasyOCR {easyocr.__version__} cannot load the models in {models}: {error}") from error
    finally:
        sys.path[:] = path


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of EasyOCR's use of torch and Pillow, which nobody here can act on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
