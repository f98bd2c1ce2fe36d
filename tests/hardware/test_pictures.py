"""Pictures come out as people see them, whatever kind of file they are."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from hardware.pictures import BadPicture, decode_picture, open_picture

COLOURS = np.random.default_rng(2).integers(0, 255, (20, 30, 3), np.uint8)

CMYK = (
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAbEhQXFBEbFxYXHhwbIChCKyglJShROj0wQmBVZWRfVV1baniZgWpxkHNbXYW1hpCeo6utq2eAvMm6"
    "pseZqKuk/8AAFAgACAAIBEMRAE0RAFkRAEsRAP/EABQAAQAAAAAAAAAAAAAAAAAAAAX/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oADgRDAE0A"
    "WQBLAAA/ACTpQ0//2Q=="
)
"""8x8 pixels of one colour in four inks, which browsers show as red 46, green 191, blue 166."""


def layered() -> NDArray[np.uint8]:
    """The left third hidden, the middle one half shown, the right one whole."""
    alpha = np.repeat(np.array([0, 128, 255], np.uint8), 10)
    return np.dstack([COLOURS, np.tile(alpha, (20, 1))])


def shown() -> NDArray[np.uint8]:
    share = layered()[:, :, 3:] / 255
    return np.rint(COLOURS * share + 255 * (1 - share)).astype(np.uint8)


def coded(suffix: str, picture: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    options = [cv2.IMWRITE_WEBP_QUALITY, 101] if suffix == ".webp" else []
    return bytes(cv2.imencode(suffix, picture, options)[1])


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def with_chunks(png: bytes, *chunks: bytes) -> bytes:
    """A PNG with more chunks after its header."""
    return png[:33] + b"".join(chunks) + png[33:]


def exif(orientation: int) -> bytes:
    return b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01" + struct.pack(">HHI", orientation, 0, 0)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_what_is_hidden_is_not_seen(suffix: str) -> None:
    found = decode_picture(coded(suffix, layered()))
    assert (found.dtype, found.flags.c_contiguous) == (np.uint8, True)
    np.testing.assert_array_equal(found, shown())


def test_what_is_hidden_is_not_seen_in_webp_either() -> None:
    found = decode_picture(coded(".webp", layered()))
    assert (found[:, :10] == 255).all()
    np.testing.assert_array_equal(found[:, 20:], COLOURS[:, 20:])


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bits_are_shown_as_eight(suffix: str) -> None:
    np.testing.assert_array_equal(decode_picture(coded(suffix, COLOURS.astype(np.uint16) * 257)), COLOURS)
    found = decode_picture(coded(suffix, layered().astype(np.uint16) * 257))
    np.testing.assert_array_equal(found, shown())


def test_a_transparent_picture_is_turned_as_the_camera_was_held() -> None:
    turned = {1: shown(), 3: np.rot90(shown(), 2), 6: np.rot90(shown(), 3), 8: np.rot90(shown(), 1)}
    for orientation, expected in turned.items():
        png = with_chunks(coded(".png", layered()), chunk(b"eXIf", exif(orientation)))
        plain = with_chunks(coded(".png", COLOURS), chunk(b"eXIf", exif(orientation)))
        if decode_picture(plain).shape[:2] != expected.shape[:2]:
            pytest.skip("this OpenCV does not turn PNG")
        np.testing.assert_array_equal(decode_picture(png), expected, str(orientation))


def test_a_palette_with_a_hidden_colour() -> None:
    """Two colours, of which the first is hidden: columns of both."""
    row = b"\0" + bytes([0b01010101])
    header = struct.pack(">IIBBBBB", 8, 1, 1, 3, 0, 0, 0)
    colours = chunk(b"PLTE", bytes([10, 20, 30, 200, 100, 50]))
    image = chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + colours
    assert decode_picture(start + image)[0, :2].tolist() == [[30, 20, 10], [50, 100, 200]]
    assert decode_picture(start + chunk(b"tRNS", b"\0") + image)[0, :2].tolist() == [[255] * 3, [50, 100, 200]]


def test_four_inks_are_colours() -> None:
    found = decode_picture(base64.b64decode(CMYK))
    assert np.abs(found.astype(int) - [166, 191, 46]).max() <= 2


def test_a_grey_or_single_pixel_picture_is_a_picture(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((5, 7), 9, np.uint8))
    cv2.imwrite(str(tmp_path / "dot.png"), np.full((1, 1, 3), 9, np.uint8))
    assert open_picture(tmp_path / "grey.png").shape == (5, 7, 3)
    assert open_picture(tmp_path / "dot.png").shape == (1, 1, 3)
    with pytest.raises(BadPicture, match="no pictures in this folder"):
        open_picture(tmp_path)


def test_a_picture_with_more_pixels_than_any_is_refused() -> None:
    huge = struct.pack(">IIBBBBB", 1 << 20, 1 << 20, 8, 2, 0, 0, 0)
    with pytest.raises(BadPicture, match="not a picture"):
        decode_picture(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", huge) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))


@pytest.mark.parametrize("suffix", [".bmp", ".tiff", ".ppm", ".png"])
def test_a_picture_that_is_cut_off_is_told_once(suffix: str, capfd: pytest.CaptureFixture[str]) -> None:
    """OpenCV would tell of it too, in lines of its own on stderr."""
    whole = coded(suffix, COLOURS)
    with pytest.raises(BadPicture):
        decode_picture(whole[: len(whole) // 2])
    assert capfd.readouterr() == ("", "")
