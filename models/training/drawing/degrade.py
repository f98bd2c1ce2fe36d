"""Makes flat plates look like cut-outs of real pictures: wrong corners, tilt, blur, light, noise and compression."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.rectify import STRIP_HEIGHT, STRIP_WIDTH, Band

Image = NDArray[np.uint8]
Quad = NDArray[np.float32]

UNIT = np.asarray([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)


def tight_quad(rng: np.random.Generator, spread: float = 0.025) -> Quad:
    """Where the plate's corners land in the strip (shares) when a detector's corners are off by about `spread`.

    Sometimes one end is off by more, so that the first or last character is partly cut.
    """
    noise = np.clip(rng.normal(0, spread, (4, 2)), -2.5 * spread, 2.5 * spread)
    noise *= np.asarray([0.6, 1.4])
    common = np.clip(rng.normal(0, spread, (1, 2)), -2 * spread, 2 * spread) * np.asarray([0.5, 1.0])
    grow = 1 + np.clip(rng.normal(0, spread, (1, 2)), -2 * spread, 2 * spread)
    quad = (UNIT - 0.5) * grow + 0.5 + noise + common
    if rng.random() < 0.15:
        end = [0, 3] if rng.random() < 0.65 else [1, 2]
        quad[end, 0] += rng.uniform(-0.05, 0.05)
    return np.asarray(quad, np.float32)


def leaning_quad(rng: np.random.Generator) -> Quad:
    """A tight quad sheared both ways: further tilt for crops that are tilted already."""
    quad = tight_quad(rng, 0.015)
    quad[:, 1] += (UNIT[:, 0] - 0.5) * np.float32(rng.uniform(-0.28, 0.28))
    quad[:, 0] += (UNIT[:, 1] - 0.5) * np.float32(rng.uniform(-0.1, 0.1))
    return quad


def boxed_quad(rng: np.random.Generator) -> Quad:
    """Where the corners land when the strip is the upright box around a tilted plate, as in the CCPD crops."""
    tilt = rng.uniform(-0.5, 0.5)
    lean = np.clip(rng.normal(-0.1 * tilt, 0.08), -0.2, 0.2)
    left, right, top, bottom = max(tilt, 0), max(-tilt, 0), max(lean, 0), max(-lean, 0)
    quad = np.asarray([[bottom, left], [1 - top, right], [1 - bottom, 1 - left], [top, 1 - right]])
    return np.asarray(quad + rng.normal(0, 0.015, (4, 2)), np.float32)


def corners_for(quad: Quad, corners: Quad) -> Quad:
    """The image points to hand to the rectifier so that the true corners land at `quad` of the strip."""
    matrix = cv2.getPerspectiveTransform(quad, corners)
    return np.asarray(cv2.perspectiveTransform(UNIT[None], matrix)[0], np.float32)


def jittered_bands(rng: np.random.Generator, bands: tuple[Band, ...]) -> tuple[Band, ...]:
    """Two-row bands cut at slightly wrong heights; a single band stays as it is."""
    if len(bands) == 1:
        return bands
    moves = rng.uniform(-0.03, 0.03, (len(bands), 4))
    return tuple(
        Band(b.left + m[0], b.top + m[1], b.right + m[2], b.bottom + m[3], b.start, b.stop)
        for b, m in zip(bands, moves, strict=True)
    )


def degrade(rng: np.random.Generator, strip: Image, strength: float = 1.0) -> Image:
    """A strip (32, 128, 3) with random light, blur, resolution, noise and compression.

    strength: 1 for drawn plates, less for real ones that already went through a camera.
    """
    image = strip
    if rng.random() < 0.45 * strength:
        image = _blur(rng, image, strength)
    lit = _light(rng, image.astype(np.float32), strength)
    if rng.random() < 0.6:
        lit += rng.standard_normal(lit.shape, np.float32) * np.float32(rng.uniform(0.5, 14) * strength)
    image = np.clip(lit, 0, 255).astype(np.uint8)
    if rng.random() < 0.55 * strength:
        image = _low_resolution(rng, image)
    if rng.random() < 0.4:
        image = _compress(rng, image)
    return image


def _blur(rng: np.random.Generator, image: Image, strength: float) -> Image:
    if rng.random() < 0.6:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 0.6 + 1.1 * strength)), np.uint8)
    length = int(rng.integers(3, 4 + round(5 * strength)))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi) if rng.random() < 0.5 else rng.normal(0, 0.15)
    middle, reach = (length - 1) / 2, (length - 1) / 2
    dx, dy = np.cos(angle) * reach, np.sin(angle) * reach
    cv2.line(kernel, (round(middle - dx), round(middle - dy)), (round(middle + dx), round(middle + dy)), 1.0, 1)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


def _light(rng: np.random.Generator, image: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
    """Exposure, contrast, gamma, colour cast, gradients and glare."""
    if rng.random() < 0.15:
        image = image.mean(2, keepdims=True).repeat(3, 2)
    if rng.random() < 0.3:
        gamma = np.exp(rng.normal(0, 0.35 * strength))
        image = np.asarray(255 * (np.clip(image, 0, 255) / 255) ** gamma, np.float32)
    gain = np.exp(rng.normal(-0.15, 0.38 * strength)) * np.exp(rng.normal(0, 0.12, 3))
    pivot = rng.uniform(0, 180)
    contrast = np.exp(rng.normal(-0.15, 0.3 * strength))
    image = ((image - pivot) * contrast + pivot) * gain.astype(np.float32) + rng.normal(0, 10)
    if rng.random() < 0.35:
        slope = np.linspace(rng.uniform(0.4, 1.0), rng.uniform(0.7, 1.5), STRIP_WIDTH, dtype=np.float32)
        image = image * (slope if rng.random() < 0.5 else slope[::-1])[None, :, None]
    if rng.random() < 0.12 * strength:
        image = _glare(rng, image)
    if rng.random() < 0.1:
        edge = int(rng.integers(4, STRIP_HEIGHT - 4))
        part = slice(0, edge) if rng.random() < 0.5 else slice(edge, STRIP_HEIGHT)
        image[part] *= rng.uniform(0.4, 0.8)
    return np.asarray(image, np.float32)


def _glare(rng: np.random.Generator, image: NDArray[np.float32]) -> NDArray[np.float32]:
    x = np.arange(STRIP_WIDTH, dtype=np.float32)[None, :] - rng.uniform(0, STRIP_WIDTH)
    y = np.arange(STRIP_HEIGHT, dtype=np.float32)[:, None] - rng.uniform(0, STRIP_HEIGHT)
    spot = np.exp(-((x / rng.uniform(6, 30)) ** 2 + (y / rng.uniform(5, 20)) ** 2))
    return np.asarray(image + spot[:, :, None] * rng.uniform(40, 160), np.float32)


def _low_resolution(rng: np.random.Generator, image: Image) -> Image:
    width = int(rng.integers(44, 116))
    height = max(round(width * rng.uniform(0.22, 0.32)), 10)
    how = cv2.INTER_AREA if rng.random() < 0.7 else cv2.INTER_LINEAR
    back = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA)[int(rng.integers(3))]
    small = cv2.resize(image, (width, height), interpolation=how)
    return np.asarray(cv2.resize(small, (STRIP_WIDTH, STRIP_HEIGHT), interpolation=back), np.uint8)


def _compress(rng: np.random.Generator, image: Image) -> Image:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
