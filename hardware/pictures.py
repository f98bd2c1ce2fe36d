"""Files of pictures as people see them: the one place where they are opened."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from controller.errors import HardwareError
from hardware.quiet import silence_decoders
from wire.files import read_regular

Picture = NDArray[np.uint8]

_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
LARGEST_BYTES = 1 << 28
"""No camera makes a larger picture."""

GROUND = 255
"""What is transparent shows white, as on a page."""

_TIFF = (b"II*\0", b"MM\0*")
"""How such a file begins. OpenCV gives its colours dimmed by the transparency already, where the file says what its
fourth layer is."""

_TURNS: tuple[Callable[[Picture], Picture], ...] = (
    lambda picture: picture,
    np.fliplr,
    np.flipud,
    lambda picture: np.rot90(picture, 2),
    lambda picture: np.rot90(picture, 1),
    lambda picture: np.rot90(picture, 3),
    lambda picture: picture.transpose(1, 0, 2),
    lambda picture: np.rot90(picture, 2).transpose(1, 0, 2),
)
"""The eight ways in which a camera may have been held."""


class BadPicture(HardwareError):
    """str() says what is wrong with the file."""


def is_named_picture(name: str) -> bool:
    """Whether a file of this name is taken for a picture."""
    return Path(name).suffix.lower() in _SUFFIXES


def pictures_among(names: Iterable[str]) -> list[str]:
    """Those of a folder, in order; not hidden ones, such as the "._lane.jpg" that a Mac leaves beside each picture."""
    return sorted(name for name in names if is_named_picture(name) and not name.startswith("."))


def open_picture(path: Path) -> Picture:
    """BGR uint8 (height, width, 3). Raises BadPicture for whatever is not a whole picture in a regular file."""
    try:
        if path.is_dir():
            os.listdir(path)  # a folder that may not be looked into is not an empty one
            raise BadPicture("no pictures in this folder")
        data = read_regular(path, LARGEST_BYTES)
    except OSError as error:
        raise BadPicture(f"cannot be opened: {error.strerror or error}") from error
    return decode_picture(data)


def decode_picture(data: bytes) -> Picture:
    """The picture of a file's bytes, upright, on a white ground, 16 bits as 8. Raises BadPicture as open_picture()."""
    if not data:
        raise BadPicture("the file is empty")
    if truncated(data):
        raise BadPicture("the JPEG is cut off: its end marker is missing")
    silence_decoders()
    coded = np.frombuffer(data, np.uint8)
    try:
        picture = cv2.imdecode(coded, cv2.IMREAD_COLOR)
        if picture is None:
            raise BadPicture("not a picture that OpenCV can decode")
        return _on_ground(coded, np.asarray(picture, np.uint8))
    except cv2.error as error:
        raise BadPicture(f"not a picture: {error.err}") from error


def truncated(data: bytes) -> bool:
    """Whether this is a JPEG without an end-of-image marker; OpenCV decodes such a file in part and says nothing.

    Some cameras append bytes after the marker, so it may stand anywhere after the last scan began.
    """
    if not data.startswith(b"\xff\xd8"):
        return False
    scan = data.rfind(b"\xff\xda")
    return scan < 0 or data.find(b"\xff\xd9", scan) < 0


def _on_ground(coded: Picture, picture: Picture) -> Picture:
    """The picture, which OpenCV gives without its transparency, laid on the ground."""
    if bytes(coded[:2]) == b"\xff\xd8":
        return picture
    layers = cv2.imdecode(coded, cv2.IMREAD_UNCHANGED)
    if layers is None or layers.ndim != 3 or layers.shape[2] != 4 or layers.dtype not in (np.uint8, np.uint16):
        return picture
    share = layers[:, :, 3:].astype(np.float32) / np.iinfo(layers.dtype).max
    if share.min() == 1:
        return picture
    plain = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION), np.uint8)
    dimmed = bytes(coded[:4]) in _TIFF and bool((plain <= 255 * share + 1).all())
    laid = np.rint((plain if dimmed else plain * share) + GROUND * (1 - share)).clip(0, 255).astype(np.uint8)
    turn = next(turn for turn in _TURNS if np.array_equal(turn(plain), picture))
    return np.ascontiguousarray(turn(laid))
