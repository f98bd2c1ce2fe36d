"""Clocks, and what to think of the wall clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from controller.clock import ClockWatch, ManualClock, SystemClock
from controller.clock_error import UNSYNCHRONISED_S, kernel_error_s


def test_a_manual_clock_moves_only_by_hand() -> None:
    clock = ManualClock()
    before = clock.now()
    clock.sleep(2.5)
    clock.advance_to(4.0)
    clock.advance_to(1.0)
    assert clock.monotonic_s() == 4.0
    assert clock.now() - before == timedelta(seconds=4)
    with pytest.raises(ValueError, match="advanced"):
        clock.advance(-1)


def test_the_system_clock_tells_utc() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.monotonic_s() <= clock.monotonic_s()


def test_a_jump_is_told_once_and_a_slew_never() -> None:
    clock = ManualClock()
    watch = ClockWatch(clock)
    clock.advance(100)
    assert watch.check().flags == ()
    clock.set_wall(clock.now() + timedelta(seconds=1.5))
    assert not watch.check().jumped
    clock.set_wall(clock.now() - timedelta(hours=1))
    assert watch.check().flags == ("clock_jumped",)
    assert watch.check().flags == ()


def test_a_clock_that_was_never_set_is_flagged_until_it_is() -> None:
    clock = ManualClock(datetime(1970, 1, 1, tzinfo=UTC))
    watch = ClockWatch(clock)
    assert watch.check().flags == ("clock_unset",)
    clock.set_wall(datetime(2026, 5, 1, tzinfo=UTC))
    state = watch.check()
    assert not state.unset
    assert state.jumped


def test_many_small_steps_add_up_to_a_jump() -> None:
    clock = ManualClock()
    watch = ClockWatch(clock)
    received = 0
    for _ in range(10):
        clock.advance(1)
        clock.set_wall(clock.now() + timedelta(seconds=0.5))
        received += watch.check().jumped
    assert received == 2


def test_the_kernel_says_by_how_much_its_clock_may_be_wrong() -> None:
    error_s = kernel_error_s()
    assert error_s is None or 0 <= error_s <= UNSYNCHRONISED_S
