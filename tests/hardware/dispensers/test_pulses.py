"""The kernel's own count of edges, with its event queue played by a pipe."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory
from hypothesis import given
from hypothesis import strategies as st

from hardware.dispensers import pulses
from hardware.dispensers.pulses import (
    LINE_EVENT,
    LINE_REQUEST,
    CallbackPulses,
    KernelPulses,
    closest_edges_s,
    newest,
    pulse_counter,
)

FALLING = 2


def events(*numbers: int) -> bytes:
    return b"".join(LINE_EVENT.pack(n * 2_000_000, FALLING, 23, n + 7, n) for n in numbers)


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The end of a pipe into which the kernel would write."""
    read_end, write_end = os.pipe()
    monkeypatch.setattr(pulses, "_request_edges", lambda device, line: read_end)
    yield write_end
    os.close(write_end)


def test_the_structures_have_the_kernels_sizes() -> None:
    assert (LINE_REQUEST.size, LINE_EVENT.size) == (592, 48)


def test_counts_what_came_since(queue: int) -> None:
    with KernelPulses(23, Path("/dev/null")) as counter:
        assert counter.count() == 0
        os.write(queue, events(1, 2, 3))
        assert counter.count() == 3
        assert counter.count() == 3
        os.write(queue, events(4))
        assert counter.count() == 4


def test_a_queue_that_overflowed_loses_no_pulse(queue: int) -> None:
    """The kernel drops the oldest events; the newest one still tells how many there were."""
    with KernelPulses(23, Path("/dev/null")) as counter:
        os.write(queue, events(*range(9000, 10_001)))
        assert counter.count() == 10_000


def test_after_close_the_last_count_stays(queue: int) -> None:
    counter = KernelPulses(23, Path("/dev/null"))
    os.write(queue, events(1, 2))
    assert counter.count() == 2
    counter.close()
    counter.close()
    assert counter.count() == 2


def test_a_chip_that_is_not_there_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        KernelPulses(23, tmp_path / "gpiochip9")


def test_a_device_that_is_no_chip_is_an_oserror_and_stays_closed(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="ioctl"):
        KernelPulses(23, tmp_path / "file")
    assert len(os.listdir("/proc/self/fd")) == before


@given(st.lists(st.integers(1, 2**31), min_size=1, max_size=20))
def test_the_newest_event_is_the_last(numbers: list[int]) -> None:
    assert newest(events(*numbers)) == numbers[-1]


def test_the_pins_decide_who_counts() -> None:
    pins = MockFactory()
    counter = pulse_counter(23, pins)
    assert isinstance(counter, CallbackPulses)
    counter.close()
    pins.chip = 99
    with pytest.raises(FileNotFoundError, match="gpiochip99"):
        pulse_counter(23, pins)


def test_the_callback_counts_falling_edges_only() -> None:
    pins = MockFactory()
    with CallbackPulses(23, pins) as counter:
        for _ in range(3):
            pins.pin(23).drive_low()
            pins.pin(23).drive_high()
        assert counter.count() == 3
    pins.pin(23).drive_low()
    counter.close()


def test_the_kernels_time_stamps_tell_a_bounce_however_late_they_are_read(queue: int) -> None:
    with KernelPulses(23, Path("/dev/null"), closest_s=0.0015) as counter:
        stamps = [0, 10_000_000, 11_000_000, 21_000_000, 24_000_000]
        for number, stamp in enumerate(stamps, 1):
            os.write(queue, LINE_EVENT.pack(stamp, FALLING, 23, number, number))
        assert counter.count() == 5
        assert counter.bounces == 1


def test_edges_close_together_are_bounces_by_callback_too() -> None:
    pins = MockFactory()
    for closest_s, bounces in ((3600.0, 2), (0.0, 0)):
        counter = CallbackPulses(23, pins, closest_s)
        for _ in range(3):
            pins.pin(23).drive_low()
            pins.pin(23).drive_high()
        assert (counter.count(), counter.bounces) == (3, bounces)
        counter.close()


def test_the_fastest_flow_is_no_bounce() -> None:
    """At 200 l/min and 100 pulses a litre a pulse comes every 3 ms."""
    assert closest_edges_s(200.0, 100.0) == pytest.approx(0.0015)
