"""Draws what the reader saw onto a picture: boxes, and texts set from the stored glyphs, so that no font is needed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from controller.records import PlateRead
from models.glyphs import GlyphSet, load_glyphs

Picture = NDArray[np.uint8]

READABLE = (60, 220, 60)
UNSURE = (40, 60, 240)
PLAIN_STYLE = "zenhei"


def annotated(picture: Picture, plates: Iterable[PlateRead]) -> Picture:
    """A copy of the BGR picture with every plate outlined and named: green where the text is a plate's, else red.

    A plate that is hardly readable is named "?".
    """
    drawn = picture.copy()
    glyphs = load_glyphs()
    for plate in plates:
        colour = READABLE if plate.valid and plate.readable else UNSURE
        line_px = max(1, round(picture.shape[1] / 640))
        outline = np.round(np.array(plate.corners) * 16).astype(np.int32)
        cv2.polylines(drawn, [outline], True, colour, line_px, cv2.LINE_AA, 4)
        _put(drawn, _label(glyphs, plate), plate, colour)
    return drawn


def _label(glyphs: GlyphSet, plate: PlateRead) -> Picture:
    """The plate's text as a mask, larger beside a larger plate."""
    mask = text_mask(glyphs, plate.text if plate.readable else "?")
    height = int(np.clip(plate.width_px / 5, 14, 64))
    return np.asarray(cv2.resize(mask, (max(1, mask.shape[1] * height // mask.shape[0]), height)), np.uint8)


def text_mask(glyphs: GlyphSet, text: str) -> Picture:
    """A line of characters as one mask (height, width), 255 where there is ink; unknown characters leave a gap."""
    pieces = []
    for character in text:
        styles = glyphs.styles_of(character)
        style = PLAIN_STYLE if PLAIN_STYLE in styles else (styles[0] if styles else None)
        mask = glyphs.masks[style][character] if style else np.zeros((64, 32), np.uint8)
        pieces.append(np.pad(mask, ((6, 6), (4, 4))))
    return np.hstack(pieces)


def write_picture(path: Path, picture: Picture) -> None:
    """Write a JPEG under any name. Raises OSError."""
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
    data.tofile(path)


def _put(picture: Picture, label: Picture, plate: PlateRead, colour: tuple[int, int, int]) -> None:
    """The label above the plate, below it where there is no room, cut at the picture's edge."""
    height, width = label.shape
    corners = np.array(plate.corners)
    left = int(np.clip(corners[:, 0].min(), 0, max(0, picture.shape[1] - width)))
    top = int(corners[:, 1].min()) - height - 3
    if top < 0:
        top = int(np.clip(corners[:, 1].max() + 3, 0, max(0, picture.shape[0] - height)))
    view = picture[top : top + height, left : left + width]
    ink = label[: view.shape[0], : view.shape[1], None] / 255.0
    view[:] = (ink * colour + (1 - ink) * (view * 0.25)).astype(np.uint8)
