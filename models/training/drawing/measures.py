"""How hard a picture of a plate is to read: how wide, blurred, tilted, faint and noisy it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Grey = NDArray[np.float32]

ACROSS_PX = 128.0
"""Blur is told for a plate that is 128 pixels wide, as the recogniser sees it: its strokes are 3 wide."""

_SLOPES = np.arange(-20.0, 20.5, 0.5)
_REBLUR_PX = 2.5
_LAPLACE_PAIR = np.asarray([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_PLATE_MM = (440.0, 140.0)


@dataclass(frozen=True)
class Measures:
    """One plate's picture in numbers.

    blur_px: softness of upright strokes as a Gaussian's standard deviation (gradient ratio of Zhuo and Sim 2011), for a
    plate of 128 pixels. contrast: grey levels between the darkest and the brightest twentieth. level: mean
    grey. noise: deviation of a pixel from its surroundings in grey levels (Immerkaer 1996, where it is flat).
    tilt_degrees: slope of the row of characters, down to the right. lean_degrees: how far upright strokes lean, feet to
    the right. Both are told on the plate's own proportions and estimated with the projection profiles of Postl (1986).
    character_height: share of the picture's height that the characters take; 90 of 140 mm in a level plate cut at
    its edges.
    """

    blur_px: float
    contrast: float
    level: float
    noise: float
    tilt_degrees: float
    lean_degrees: float
    character_height: float


def measure(crop: Image) -> Measures:
    """Measures of a one-row plate that fills a BGR picture (height, width, 3), in the picture's own pixels."""
    grey = as_grey(crop)
    strokes = upright_strokes(grey)
    tilt, lean = slopes_degrees(strokes)
    height = character_height(strokes, tilt)
    return Measures(blur_px(grey), contrast(grey), float(grey.mean()), noise(grey), tilt, lean, height)


def measure_cut(image: Image, corners: Grey) -> Measures:
    """Measures of a one-row plate with known corners (4, 2) in a larger picture, whose tilt need not be estimated."""
    along = (corners[1] - corners[0] + corners[2] - corners[3]) / 2
    width = max(round(float(np.hypot(*along))), 16)
    height = max(round(width * _PLATE_MM[1] / _PLATE_MM[0]), 8)
    target = np.asarray([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(corners, target.astype(np.float32))
    flat = cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    tilt = float(np.rad2deg(np.arctan2(along[1], along[0])))
    return replace(measure(np.asarray(flat, np.uint8)), tilt_degrees=tilt)


def as_grey(image: Image | Grey) -> Grey:
    """BGR (height, width, 3), uint8 or float32, to grey levels 0 to 255."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.float32)


def contrast(grey: Grey) -> float:
    """Grey levels between the 5th and the 95th of a hundred."""
    low, high = np.percentile(grey, (5, 95))
    return float(high - low)


def blur_px(grey: Grey) -> float:
    """Standard deviation of the Gaussian that softens upright strokes, scaled to a plate 128 pixels wide.

    Told from how much a second, known blur weakens the strongest slopes: contrast and surroundings play no part.
    """
    reblur_px = _REBLUR_PX * grey.shape[1] / ACROSS_PX
    again = np.asarray(cv2.GaussianBlur(grey, (15, 1), reblur_px), np.float32)
    before, after = np.square(grey[:, 2:] - grey[:, :-2]), np.square(again[:, 2:] - again[:, :-2])
    strong = after >= np.percentile(after, 85)
    ratio = float(before[strong].sum() / max(float(after[strong].sum()), 1.0))
    return float(_REBLUR_PX / np.sqrt(max(ratio - 1.0, 0.01)))


def noise(grey: Grey) -> float:
    """Standard deviation of a pixel where the picture is flattest; in small crops some strokes still count in."""
    differences = np.abs(cv2.filter2D(grey, -1, _LAPLACE_PAIR))
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.0)
    slope = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    flat = slope <= np.percentile(slope, 25)
    return float(1.4826 * np.median(differences[flat]) / 6.0)


def upright_strokes(grey: Grey) -> Grey:
    """Slopes across, (height, width), the strongest cut off so that no single edge outweighs the characters."""
    slope = np.abs(cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3))
    # Softened, else no slope at all would win later for being spared the interpolation.
    return np.asarray(cv2.GaussianBlur(np.minimum(slope, np.percentile(slope, 95)), (0, 0), 1.0), np.float32)


def slopes_degrees(strokes: Grey) -> tuple[float, float]:
    """Tilt and lean: the slopes at which the upright strokes are most sharply divided into rows and columns."""
    height, width = strokes.shape
    tilts = [tilt_slope(degrees, width, height) for degrees in _SLOPES]
    tilt = int(np.argmax([_unevenness(_tilted_back(strokes, slope).mean(1)) for slope in tilts]))
    level = _tilted_back(strokes, tilts[tilt])
    leans = [lean_slope(degrees, width, height) for degrees in _SLOPES]
    lean = int(np.argmax([_unevenness(_leant_back(level, slope).mean(0)) for slope in leans]))
    return float(_SLOPES[tilt]), float(_SLOPES[lean])


def character_height(strokes: Grey, tilt: float) -> float:
    """Share of the rows, once level, whose strokes reach half of the strongest row's."""
    height, width = strokes.shape
    rows = _tilted_back(strokes, tilt_slope(tilt, width, height)).mean(1)
    return float((rows - rows.min() >= 0.5 * (rows.max() - rows.min())).mean())


def tilt_slope(degrees: float, width: float, height: float) -> float:
    """Pixels down per pixel to the right for a tilted plate that is stretched to width x height pixels."""
    return float(np.tan(np.deg2rad(degrees)) * (height / _PLATE_MM[1]) / (width / _PLATE_MM[0]))


def lean_slope(degrees: float, width: float, height: float) -> float:
    """Pixels to the right per pixel down for a leaning plate that is stretched to width x height pixels."""
    return float(np.tan(np.deg2rad(degrees)) * (width / _PLATE_MM[0]) / (height / _PLATE_MM[1]))


def _tilted_back(strokes: Grey, slope: float) -> Grey:
    height, width = strokes.shape
    matrix = np.asarray([[1, 0, 0], [-slope, 1, slope * (width - 1) / 2]], np.float32)
    return np.asarray(cv2.warpAffine(strokes, matrix, (width, height), flags=cv2.INTER_LINEAR), np.float32)


def _leant_back(strokes: Grey, slope: float) -> Grey:
    height, width = strokes.shape
    matrix = np.asarray([[1, -slope, slope * (height - 1) / 2], [0, 1, 0]], np.float32)
    return np.asarray(cv2.warpAffine(strokes, matrix, (width, height), flags=cv2.INTER_LINEAR), np.float32)


def _unevenness(profile: Grey) -> float:
    return float(np.square(np.diff(profile)).sum())
