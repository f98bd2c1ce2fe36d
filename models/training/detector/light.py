"""What light, lens and compression do to a picture: one call that ages a composed training picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

_NOISE = np.random.default_rng(7).normal(0.0, 1.0, (1 << 20) + 4_000_000).astype(np.float32)
"""Drawn once: fresh normal numbers would cost more than the network's step."""


def age(rng: np.random.Generator, image: Picture) -> tuple[Picture, bool]:
    """A picture (H, W, 3) as another camera, hour and weather would give it, and whether its colours still tell."""
    if rng.random() < 0.25:
        image = _glare(rng, image)
    image = _tone(rng, image)
    grey = rng.random() < 0.06
    if grey:
        image = np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8)
    image = _blur(rng, image)
    if rng.random() < 0.6:
        image = add_noise(rng, image, float(rng.uniform(1.0, 14.0)))
    if rng.random() < 0.4:
        image = compress(image, int(rng.integers(22, 90)))
    return image, not grey


def add_noise(rng: np.random.Generator, image: Picture, sigma: float) -> Picture:
    """Sensor noise of that standard deviation in grey levels, partly common to the three channels."""
    start = int(rng.integers(0, 1 << 20))
    noise = np.resize(_NOISE[start : start + min(image.size, 4_000_000)], image.shape)
    if rng.random() < 0.5:
        noise = noise[..., :1]
    return np.asarray(np.clip(image + sigma * noise, 0, 255), np.uint8)


def compress(image: Picture, quality: int) -> Picture:
    """Through JPEG and back."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def _tone(rng: np.random.Generator, image: Picture) -> Picture:
    """Brightness, contrast, gamma and colour cast in one table per channel; now and then night."""
    night = rng.random() < 0.2
    gain = rng.uniform(0.15, 0.6) if night else rng.uniform(0.6, 1.45)
    gamma = np.exp(rng.normal(0.0, 0.28))
    lift = rng.uniform(-25, 25) if not night else rng.uniform(-5, 12)
    cast = np.exp(rng.normal(0.0, 0.09, 3))
    levels = np.arange(256, dtype=np.float32) / 255.0
    table = 255.0 * levels[:, None] ** gamma * gain * cast + lift
    return np.asarray(cv2.LUT(image, np.clip(table, 0, 255).astype(np.uint8).reshape(256, 1, 3)), np.uint8)


def _blur(rng: np.random.Generator, image: Picture) -> Picture:
    chance = rng.random()
    if chance < 0.35:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.3))), np.uint8)
    if chance < 0.5:
        length = int(rng.integers(2, 6))
        kernel = np.zeros((7, 7), np.float32)
        angle = rng.uniform(0, np.pi)
        reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
        start, end = np.round(3 - reach).astype(int), np.round(3 + reach).astype(int)
        cv2.line(kernel, (int(start[0]), int(start[1])), (int(end[0]), int(end[1])), 1.0)
        return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)
    return image


def _glare(rng: np.random.Generator, image: Picture) -> Picture:
    """One to three round lights, as headlights or the sun give them."""
    height, width = image.shape[:2]
    light = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        cv2.circle(light, centre, int(rng.uniform(0.02, 0.12) * width), float(rng.uniform(80, 255)), -1)
    small = cv2.resize(light, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(1.0, 8.0)))
    light = cv2.resize(small, (width, height))
    tint = rng.uniform(0.75, 1.0, 3).astype(np.float32)
    return np.asarray(np.clip(image + light[..., None] * tint, 0, 255), np.uint8)
