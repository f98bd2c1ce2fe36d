"""Which pictures can be trusted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from controller.records import Change, Frame
from controller.settings_records import CameraSettings
from controller.watching.freshness import Freshness
from wire.reasons import Reason

AT = datetime(2026, 1, 5, tzinfo=UTC)
LIVE = CameraSettings(kind="rtsp")


def frame(captured_s: float) -> Frame:
    return Frame(1, None, captured_s, AT)


def test_without_a_first_frame_there_is_no_camera() -> None:
    assert Freshness(LIVE).trouble(0.0, None) is Reason.CAMERA_LOST


def test_a_fresh_frame_is_good_until_it_is_old() -> None:
    freshness = Freshness(LIVE)
    assert freshness.saw(frame(10.0), Change(0, 0.01), 10.05)
    assert freshness.trouble(10.9, None) is None
    assert freshness.trouble(11.1, None) is Reason.CAMERA_STALE


def test_a_camera_that_says_it_is_lost_gets_a_short_grace() -> None:
    freshness = Freshness(LIVE)
    freshness.saw(frame(10.0), Change(0, 0.01), 10.0)
    assert freshness.trouble(10.5, Reason.CAMERA_LOST) is None
    assert freshness.trouble(10.7, Reason.CAMERA_LOST) is Reason.CAMERA_LOST


def test_a_frame_that_comes_late_is_not_used() -> None:
    freshness = Freshness(LIVE)
    freshness.saw(frame(10.0), Change(0, 0.01), 10.0)
    assert not freshness.saw(frame(10.1), Change(0, 0.01), 12.0)
    assert freshness.trouble(12.0, None) is Reason.CAMERA_STALE


@pytest.mark.parametrize(("kind", "usable"), [("v4l2", False), ("file", True), ("rtsp", True)])
def test_the_same_picture_for_seconds_is_a_dead_sensor_but_no_dead_film_or_stream(kind: str, usable: bool) -> None:
    freshness = Freshness(CameraSettings(kind=kind))
    times = [10.0 + 0.1 * n for n in range(60)]
    used = [freshness.saw(frame(t), Change(0, 0, same=n > 0), t) for n, t in enumerate(times)]
    assert used[45]
    assert used[-1] is usable
    assert freshness.saw(frame(16.1), Change(0, 0.001), 16.1)


FPS = 15
STILL = Change(0.0, 0.0, noise=1.0)
CLOCK = Change(0.0, 0.0005, noise=0.02)
KEYFRAME = Change(0.0, 0.0, noise=1.0)


def play(freshness: Freshness, changes: list[Change], from_s: float) -> list[float]:
    """Frames at 15 a second; the seconds, from the first one on, of those that cannot be used."""
    return [n / FPS for n, c in enumerate(changes) if not freshness.saw(frame(from_s + n / FPS), c, from_s + n / FPS)]


def test_a_picture_that_stands_still_under_a_clock_is_none_after_frozen_after_s() -> None:
    freshness = Freshness(LIVE)
    assert play(freshness, [STILL] * 20 * FPS, 0.0) == []
    frozen = [CLOCK if n % FPS == 0 else Change(0.0, 0.0, noise=0.0) for n in range(40 * FPS)]
    for n in range(0, len(frozen), 2 * FPS):
        frozen[n] = KEYFRAME
    bad = play(freshness, frozen, 20.0)
    assert bad[0] <= LIVE.frozen_after_s
    assert bad[-1] > 39.0
    assert len(bad) > 34 * FPS
    assert freshness.trouble(60.0, None) is Reason.CAMERA_STALE
    after = play(freshness, [STILL] * 3 * FPS, 60.0)
    assert max(after) < 1.5


def test_a_stream_that_never_carried_noise_is_believed_from_keyframe_to_keyframe() -> None:
    dark = [KEYFRAME if n % 250 == 0 else Change(0.0, 0.0, same=True, light=20.0) for n in range(3600 * FPS)]
    assert play(Freshness(LIVE), dark, 0.0) == []


def test_a_stream_without_keyframe_or_noise_for_a_minute_is_frozen() -> None:
    bad = play(Freshness(LIVE), [Change(0.0, 0.0, same=True)] * 90 * FPS, 0.0)
    assert 59.0 < bad[0] < 62.0


def test_a_lamp_that_goes_out_is_not_a_frozen_picture() -> None:
    """The stream has no noise in the dark; the light tells that it is another picture."""
    freshness = Freshness(LIVE)
    dark = [Change(0.0, 0.0, noise=float(n % 250 == 0), light=15.0) for n in range(120 * FPS)]
    assert play(freshness, [STILL] * 60 * FPS, 0.0) == []
    assert play(freshness, dark, 60.0) == []


def test_what_a_decoder_shows_for_want_of_a_picture_is_none() -> None:
    freshness = Freshness(LIVE)
    assert freshness.saw(frame(10.0), STILL, 10.0)
    assert not freshness.saw(frame(10.1), Change(1.0, 1.0, blank=True), 10.1)
    assert freshness.trouble(10.9, None) is None
    assert freshness.trouble(11.1, None) is Reason.CAMERA_STALE
