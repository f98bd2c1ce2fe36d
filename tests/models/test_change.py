"""The thumbnail meter: a vehicle is a change, light and noise are none."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from controller.records import Region
from models.change import ThumbnailChangeMeter

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
    meter = ThumbnailChangeMeter()
    meter.measure(ground(0), WHOLE)
    for seed in range(1, 6):
        change = meter.measure(ground(seed), WHOLE)
        assert (change.presence, change.motion, change.same) == (0.0, 0.0, False)


def test_a_vehicle_is_present_while_it_stands_and_moves_only_when_it_comes() -> None:
    meter = ThumbnailChangeMeter()
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
    meter = ThumbnailChangeMeter()
    meter.measure(ground(0), WHOLE)
    change = meter.measure(ground(1, light), WHOLE)
    assert change.presence < 0.02
    assert meter.measure(with_vehicle(ground(2, light)), WHOLE).presence > 0.15


def test_what_happens_outside_the_region_is_not_seen() -> None:
    meter = ThumbnailChangeMeter()
    region = Region(0.0, 0.0, 0.3, 1.0)
    meter.measure(ground(0), region)
    assert meter.measure(with_vehicle(ground(1)), region).presence == 0.0


def test_learning_takes_the_picture_over() -> None:
    meter = ThumbnailChangeMeter()
    meter.learn(1.0)
    meter.measure(ground(0), WHOLE)
    assert meter.measure(with_vehicle(ground(1)), WHOLE).presence > 0.1
    meter.learn(0.0)
    assert meter.measure(with_vehicle(ground(2)), WHOLE).presence > 0.1
    meter.learn(1.0)
    assert meter.measure(with_vehicle(ground(3)), WHOLE).presence == 0.0


def test_the_same_bytes_are_told() -> None:
    meter = ThumbnailChangeMeter()
    picture = ground(0)
    assert not meter.measure(picture, WHOLE).same
    assert meter.measure(picture.copy(), WHOLE).same
    assert not meter.measure(ground(1), WHOLE).same


@pytest.mark.parametrize("size", [(1, 1), (20, 30), (480, 640), (1080, 1920)])
def test_any_size_and_a_change_of_size(size: tuple[int, int]) -> None:
    meter = ThumbnailChangeMeter()
    meter.measure(ground(0), WHOLE)
    other = np.full((*size, 3), 100, np.uint8)
    meter.measure(other, WHOLE)
    assert meter.measure(other, WHOLE).same


def test_it_costs_less_than_a_millisecond_of_processor_time() -> None:
    meter, picture = ThumbnailChangeMeter(), ground(0)
    meter.measure(picture, WHOLE)
    best = min(_cpu_s(meter, picture) for _ in range(5))
    assert best < 1e-3


def _cpu_s(meter: ThumbnailChangeMeter, picture: Picture) -> float:
    start = time.thread_time()
    for _ in range(10):
        meter.measure(picture, WHOLE)
    return (time.thread_time() - start) / 10


def test_a_running_clock_is_noise_in_a_few_tiles_and_a_sensors_in_all() -> None:
    meter, still = ThumbnailChangeMeter(), ground(1)
    meter.measure(still, WHOLE)
    assert meter.measure(ground(2), WHOLE).noise == 1.0
    meter.measure(still, WHOLE)
    clock = still.copy()
    clock[20:60, 20:420] = 255
    change = meter.measure(clock, WHOLE)
    assert not change.same
    assert 0.0 < change.noise < 0.1
    assert meter.measure(clock, WHOLE).noise == 0.0


def test_the_grey_of_a_decoder_without_a_keyframe_is_blank_and_the_grey_of_a_lane_is_not() -> None:
    noise = np.random.default_rng(3).normal(0, 0.6, (720, 1280, 1))
    grey = np.clip(np.full((720, 1280, 3), 128.0) + noise, 0, 255).astype(np.uint8)
    assert ThumbnailChangeMeter().measure(grey, WHOLE).blank
    assert ThumbnailChangeMeter().measure(grey, Region(0.2, 0.2, 0.8, 0.8)).blank
    assert not ThumbnailChangeMeter().measure(ground(1), WHOLE).blank
    assert not ThumbnailChangeMeter().measure((grey * (0.8, 0.9, 1.0)).astype(np.uint8), WHOLE).blank
    assert not ThumbnailChangeMeter().measure((grey * 0.15).astype(np.uint8), WHOLE).blank


def test_a_row_drawn_down_to_the_bottom_is_blank() -> None:
    smeared = with_vehicle(ground(1))
    smeared[400:] = smeared[400]
    noise = np.random.default_rng(3).normal(0, 1.0, (720, 1280, 1))
    smeared = np.clip(smeared + noise, 0, 255).astype(np.uint8)
    assert ThumbnailChangeMeter().measure(smeared, WHOLE).blank
    assert not ThumbnailChangeMeter().measure(with_vehicle(ground(1)), WHOLE).blank


def banded(picture: Picture, phase: float) -> Picture:
    """Lamps on mains current seen by a rolling shutter: bands along the rows that wander from frame to frame."""
    rows = np.arange(720)[:, None, None]
    return np.clip(picture * (1 + 0.28 * np.sin(2 * np.pi * rows / 288 + phase)), 0, 255).astype(np.uint8)


@pytest.mark.slow
def test_flickering_light_is_no_change_and_a_vehicle_under_it_is() -> None:
    meter = ThumbnailChangeMeter()
    meter.measure(banded(ground(0), 0.0), WHOLE)
    empty = [meter.measure(banded(ground(n), 1.95 * n), WHOLE) for n in range(1, 12)]
    assert max(change.presence for change in empty) < 0.03
    assert max(change.motion for change in empty) < 0.03
    there = [meter.measure(banded(with_vehicle(ground(n)), 1.95 * n), WHOLE) for n in range(1, 12)]
    assert min(change.presence for change in there) > 0.15


def test_a_vehicle_as_wide_as_the_lane_is_still_a_change() -> None:
    meter = ThumbnailChangeMeter()
    meter.measure(ground(0), WHOLE)
    assert meter.measure(with_vehicle(ground(1), 0, 1280), WHOLE).presence > 0.3


def test_a_camera_that_was_knocked_shows_the_lane_elsewhere() -> None:
    wide = np.random.default_rng(4).normal(100, 30, (50, 90)).astype(np.float32)
    street_frame = np.clip(cv2.resize(wide, (1440, 810), interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)
    street_frame = np.repeat(street_frame[..., None], 3, axis=2)
    meter = ThumbnailChangeMeter()
    meter.measure(street_frame[:720, :1280], WHOLE)
    assert meter.shift() is None
    change = meter.measure(street_frame[60:780, 120:1400], WHOLE)
    assert change.motion > 0.5
    shift = meter.shift()
    assert shift is not None
    assert shift == pytest.approx((-120 / 1280, -60 / 720), abs=0.02)


def test_another_light_over_the_same_lane_is_no_move() -> None:
    wide = np.random.default_rng(4).normal(100, 30, (45, 80)).astype(np.float32)
    street_frame = np.clip(cv2.resize(wide, (1280, 720), interpolation=cv2.INTER_CUBIC), 0, 255)
    y, x = np.mgrid[:720, :1280]
    spot = np.exp(-((x - 640) ** 2 + (y - 430) ** 2) / (2 * 260**2))
    meter = ThumbnailChangeMeter()
    meter.measure(np.repeat(street_frame.astype(np.uint8)[..., None], 3, axis=2), WHOLE)
    night = np.clip(street_frame * 0.35 + 150 * spot + 15, 0, 255).astype(np.uint8)
    assert meter.measure(np.repeat(night[..., None], 3, axis=2), WHOLE).motion > 0.3
    assert meter.shift() is None
