"""The thumbnail meter: a vehicle is a change, light and noise are none."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray

from controller.records import Region
from models.change import ThumbnailMeter

WHOLE = Region()
Picture = NDArray[np.uint8]


def ground(seed: int = 0, light: float = 1.0) -> Picture:
    """Textured ground with fresh sensor noise."""
    texture = np.random.default_rng(7).normal(100, 25, (36, 64)).repeat(20, 0).repeat(20, 1)
    noise = np.random.default_rng(seed).normal(0, 4, (720, 1280))
    grey = np.clip(texture * light + noise, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def with_vehicle(picture: Picture, left: int = 400, width: int = 500) -> Picture:
    copy = picture.copy()
    copy[200:650, left : left + width] = 30
    copy[300:380, left + 60 : left + width - 60] = 220
    return copy


def test_noise_is_no_change() -> None:
    meter = ThumbnailMeter()
    meter.measure(ground(0), WHOLE)
    for seed in range(1, 6):
        change = meter.measure(ground(seed), WHOLE)
        assert (change.presence, change.motion, change.same) == (0.0, 0.0, False)


def test_a_vehicle_is_present_while_it_stands_and_moves_only_when_it_comes() -> None:
    meter = ThumbnailMeter()
    meter.measure(ground(0), WHOLE)
    comes = meter.measure(with_vehicle(ground(1)), WHOLE)
    stands = meter.measure(with_vehicle(ground(2)), WHOLE)
    assert comes.presence == pytest.approx(0.24, abs=0.05)
    assert comes.motion == comes.presence
    assert stands.presence == pytest.approx(comes.presence, abs=0.02)
    assert stands.motion == 0.0
    assert meter.measure(ground(3), WHOLE).presence == 0.0


@pytest.mark.parametrize("light", [0.5, 0.8, 1.3, 1.8])
def test_a_change_of_the_light_alone_is_discounted(light: float) -> None:
    meter = ThumbnailMeter()
    meter.measure(ground(0), WHOLE)
    change = meter.measure(ground(1, light), WHOLE)
    assert change.presence < 0.02
    assert meter.measure(with_vehicle(ground(2, light)), WHOLE).presence > 0.15


def test_what_happens_outside_the_region_is_not_seen() -> None:
    meter = ThumbnailMeter()
    region = Region(0.0, 0.0, 0.3, 1.0)
    meter.measure(ground(0), region)
    assert meter.measure(with_vehicle(ground(1)), region).presence == 0.0


def test_learning_takes_the_picture_over() -> None:
    meter = ThumbnailMeter()
    meter.learn(1.0)
    meter.measure(ground(0), WHOLE)
    assert meter.measure(with_vehicle(ground(1)), WHOLE).presence > 0.1
    meter.learn(0.0)
    assert meter.measure(with_vehicle(ground(2)), WHOLE).presence > 0.1
    meter.learn(1.0)
    assert meter.measure(with_vehicle(ground(3)), WHOLE).presence == 0.0


def test_the_same_bytes_are_told() -> None:
    meter = ThumbnailMeter()
    picture = ground(0)
    assert not meter.measure(picture, WHOLE).same
    assert meter.measure(picture.copy(), WHOLE).same
    assert not meter.measure(ground(1), WHOLE).same


@pytest.mark.parametrize("size", [(1, 1), (20, 30), (480, 640), (1080, 1920)])
def test_any_size_and_a_change_of_size(size: tuple[int, int]) -> None:
    meter = ThumbnailMeter()
    meter.measure(ground(0), WHOLE)
    other = np.full((*size, 3), 100, np.uint8)
    meter.measure(other, WHOLE)
    assert meter.measure(other, WHOLE).same


def test_it_costs_less_than_a_millisecond_of_processor_time() -> None:
    meter, picture = ThumbnailMeter(), ground(0)
    meter.measure(picture, WHOLE)
    best = min(_cpu_s(meter, picture) for _ in range(5))
    assert best < 1e-3


def _cpu_s(meter: ThumbnailMeter, picture: Picture) -> float:
    start = time.thread_time()
    for _ in range(10):
        meter.measure(picture, WHOLE)
    return (time.thread_time() - start) / 10
