"""A live camera's losses, with links that follow a script and a clock moved by hand."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.clock import ManualClock
from controller.errors import CameraLost, EndOfVideo
from hardware.cameras.fake import FakeCamera, Outage, Shot
from hardware.cameras.live import LinkLost, LiveCamera
from hardware.cameras.stamps import StreamAge, believable_age_s

PICTURE = np.zeros((2, 3, 3), np.uint8)


class ScriptedLink:
    """Gives so many pictures of that age and then breaks."""

    def __init__(self, pictures: int, age_s: float = 0.0) -> None:
        self._left = pictures
        self._age_s = age_s
        self.closed = False

    def next_picture(self) -> tuple[object, float]:
        if not self._left:
            raise LinkLost("cable pulled")
        self._left -= 1
        return PICTURE, self._age_s

    def close(self) -> None:
        self.closed = True


class Site:
    """Hands out the links of a script; None stands for a camera that does not answer."""

    def __init__(self, links: Iterable[ScriptedLink | None]) -> None:
        self._links = iter(links)
        self.attempts = 0

    def connect(self) -> ScriptedLink:
        self.attempts += 1
        link = next(self._links)
        if link is None:
            raise LinkLost("no answer")
        return link


def test_a_lost_link_is_closed_and_a_new_one_made() -> None:
    clock, first = ManualClock(), ScriptedLink(2)
    camera = LiveCamera("lane", Site([first, ScriptedLink(1)]).connect, clock)
    assert [camera.read().number, camera.read().number] == [0, 1]
    with pytest.raises(CameraLost, match=r"lane: cable pulled; connecting again in 0\.5 s"):
        camera.read()
    assert first.closed
    assert camera.read().number == 2
    assert clock.monotonic_s() == pytest.approx(0.5)


def test_the_pause_grows_to_its_longest_and_read_never_blocks_long() -> None:
    clock = ManualClock()
    site = Site(None for _ in range(1000))
    camera = LiveCamera("lane", site.connect, clock, longest_pause_s=4.0)
    attempts_at, longest_block_s = [], 0.0
    while clock.monotonic_s() < 20:
        before_s, attempts = clock.monotonic_s(), site.attempts
        with pytest.raises(CameraLost):
            camera.read()
        longest_block_s = max(longest_block_s, clock.monotonic_s() - before_s)
        if site.attempts > attempts:
            attempts_at.append(round(clock.monotonic_s(), 3))
    assert attempts_at == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5]
    assert longest_block_s <= 0.5


def test_a_picture_ends_the_growing() -> None:
    clock = ManualClock()
    camera = LiveCamera("lane", Site([None, None, None, ScriptedLink(1), ScriptedLink(1)]).connect, clock)
    frames_at, lost = [], 0
    while len(frames_at) < 2:
        try:
            camera.read()
            frames_at.append(clock.monotonic_s())
        except CameraLost:
            lost += 1
    assert frames_at == [pytest.approx(3.5), pytest.approx(4.0)]


def test_a_late_picture_is_stamped_when_it_was_taken() -> None:
    clock = ManualClock(monotonic_s=100.0)
    frame = LiveCamera("lane", Site([ScriptedLink(1, age_s=1.5)]).connect, clock).read()
    assert frame.captured_s == 98.5
    assert (clock.now() - frame.captured_at).total_seconds() == 1.5


@given(delays_s=st.lists(st.floats(0.0, 3.0), min_size=1, max_size=40), zero_s=st.floats(-1e5, 1e5))
def test_ages_are_delays_against_the_least(delays_s: list[float], zero_s: float) -> None:
    age, least_s = StreamAge(), float("inf")
    for number, delay_s in enumerate(delays_s):
        taken_s = number * 0.066
        least_s = min(least_s, delay_s)
        assert age.age_s(taken_s + delay_s, taken_s + zero_s) == pytest.approx(delay_s - least_s, abs=1e-6)


def test_clocks_that_drift_apart_do_not_age_pictures() -> None:
    """100 ppm for a day are 8.6 s."""
    age = StreamAge()
    assert max(age.age_s(second * 1.0001, float(second)) for second in range(0, 86_400, 2)) < 0.01


def test_a_backlog_is_seen_and_worked_off() -> None:
    age = StreamAge()
    for number in range(30):
        age.age_s(number / 15, number / 15)
    ages = [age.age_s(5.0 + number * 0.01, (30 + number) / 15) for number in range(53)]
    assert ages[0] == pytest.approx(3.0)
    assert ages == sorted(ages, reverse=True)
    assert ages[-1] < 0.1


@pytest.mark.parametrize("stream_s", [0.0, -5.0])
def test_stamps_that_do_not_go_on_say_nothing(stream_s: float) -> None:
    age = StreamAge()
    age.age_s(0.0, 0.0)
    assert age.age_s(9.0, stream_s) == 0.0


@pytest.mark.parametrize(("age_s", "believed_s"), [(0.3, 0.3), (-0.1, 0.0), (1e6, 0.0), (float("nan"), 0.0)])
def test_ages_from_another_clock_are_not_believed(age_s: float, believed_s: float) -> None:
    assert believable_age_s(age_s) == believed_s


def test_the_fake_plays_outages_and_late_pictures() -> None:
    clock = ManualClock()
    camera = FakeCamera([Shot(PICTURE, 0.1), Outage(1.2, retry_s=0.5), Shot(PICTURE, 0.1, age_s=0.4)], clock)
    assert camera.read().captured_s == pytest.approx(0.1)
    for _ in range(3):
        with pytest.raises(CameraLost):
            camera.read()
    late = camera.read()
    assert (late.number, clock.monotonic_s() - late.captured_s) == (1, pytest.approx(0.4))
    with pytest.raises(EndOfVideo):
        camera.read()
