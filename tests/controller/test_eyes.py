"""Which pictures can be trusted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from controller.records import Change, Frame
from controller.settings_records import CameraSettings
from controller.watching.freshness import Eyes
from wire.reasons import Reason

AT = datetime(2026, 1, 5, tzinfo=UTC)
LIVE = CameraSettings(kind="rtsp")


def frame(captured_s: float) -> Frame:
    return Frame(1, None, captured_s, AT)


def test_without_a_first_frame_there_is_no_camera() -> None:
    assert Eyes(LIVE).trouble(0.0, None) is Reason.CAMERA_LOST


def test_a_fresh_frame_is_good_until_it_is_old() -> None:
    eyes = Eyes(LIVE)
    assert eyes.saw(frame(10.0), Change(0, 0.01), 10.05)
    assert eyes.trouble(10.9, None) is None
    assert eyes.trouble(11.1, None) is Reason.CAMERA_STALE


def test_a_camera_that_says_it_is_lost_gets_a_short_grace() -> None:
    eyes = Eyes(LIVE)
    eyes.saw(frame(10.0), Change(0, 0.01), 10.0)
    assert eyes.trouble(10.5, Reason.CAMERA_LOST) is None
    assert eyes.trouble(10.7, Reason.CAMERA_LOST) is Reason.CAMERA_LOST


def test_a_frame_that_comes_late_is_not_used() -> None:
    eyes = Eyes(LIVE)
    eyes.saw(frame(10.0), Change(0, 0.01), 10.0)
    assert not eyes.saw(frame(10.1), Change(0, 0.01), 12.0)
    assert eyes.trouble(12.0, None) is Reason.CAMERA_STALE


@pytest.mark.parametrize(("kind", "usable"), [("rtsp", False), ("file", True)])
def test_the_same_picture_for_seconds_is_a_dead_sensor_but_not_a_dead_film(kind: str, usable: bool) -> None:
    eyes = Eyes(CameraSettings(kind=kind))
    times = [10.0 + 0.1 * n for n in range(60)]
    used = [eyes.saw(frame(t), Change(0, 0, same=n > 0), t) for n, t in enumerate(times)]
    assert used[45]
    assert used[-1] is usable
    assert eyes.saw(frame(16.1), Change(0, 0.001), 16.1)
