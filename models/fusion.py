"""One picture of a standing plate out of several frames: flattened, laid on each other, averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.closeups import quad_size
from models.rectify import Corners, Image, flatten

FEWEST = 4
"""From so many frames on a mean shows more than the best of them: noise falls to half."""

ALIKE = 0.8
"""Correlation with the newest frame under which a frame shows something else, or the plate was not met."""

_GROWN, _NARROWEST_PX, _WIDEST_PX = 1.6, 140, 240
_HEIGHTS = {1: 140 / 440, 2: 220 / 440}
_BORDER = 0.16
"""Surroundings on each side, as a share of the width: what the second recogniser and the judge of wholeness look at."""

_STEPS = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-3)
_SMOOTHED_PX = 5


@dataclass(frozen=True)
class Fused:
    """A BGR picture of one plate, its corners there, and of how many frames it is made."""

    picture: Image
    corners: NDArray[np.float32]
    frames: int


def fused(views: Sequence[tuple[Image, Corners]], rows: int) -> Fused | None:
    """The mean of a plate's views, pictures with its corners there, the newest last; None where too few of them match.

    Corners found in single frames are off by a little, so each flattened view is moved onto the newest one (enhanced
    correlation: Evangelidis and Psarakis, 2008). Raises ValueError for corners without area.
    """
    width = int(np.clip(_GROWN * np.median([quad_size(_quad(c))[0] for _, c in views]), _NARROWEST_PX, _WIDEST_PX))
    size, border = (width, round(width * _HEIGHTS[rows])), round(width * _BORDER)
    flat = [flatten(picture, corners, rows, size, border) for picture, corners in views]
    newest = cv2.cvtColor(flat[-1], cv2.COLOR_BGR2GRAY)
    moved = [laid for one in flat[:-1] if (laid := _laid_on(np.asarray(newest, np.uint8), one)) is not None]
    if len(moved) + 1 < FEWEST:
        return None
    mean = np.mean([*moved, flat[-1]], axis=0)
    plate = np.asarray([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32) + (border - 0.5)
    return Fused(np.asarray(np.rint(mean), np.uint8), np.asarray(plate, np.float32), len(moved) + 1)


def _laid_on(newest: Image, view: Image) -> Image | None:
    """A flattened view moved onto the newest one (grey); None where the two are not of one plate."""
    move = np.eye(2, 3, dtype=np.float32)
    grey = cv2.cvtColor(view, cv2.COLOR_BGR2GRAY)
    try:
        alike, move = cv2.findTransformECC(newest, grey, move, cv2.MOTION_AFFINE, _STEPS, None, _SMOOTHED_PX)
    except cv2.error:  # it does not converge
        return None
    if alike < ALIKE:
        return None
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(view, move, view.shape[1::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(laid, np.uint8)


def _quad(corners: Corners) -> NDArray[np.float32]:
    return np.asarray(corners, np.float32).reshape(4, 2)
