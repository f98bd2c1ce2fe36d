"""Counting pulses: by the kernel itself where the pins are a gpiochip's, else by gpiozero's edge callbacks."""

from __future__ import annotations

import fcntl
import os
import struct
import threading
from pathlib import Path
from typing import Any, Protocol

from gpiozero import DigitalInputDevice

from hardware.pins import Pins
from hardware.resource import Resource

GPIO_V2_GET_LINE_IOCTL = 0xC250B407
"""_IOWR(0xB4, 7, struct gpio_v2_line_request) of linux/gpio.h, for a structure of 592 bytes."""

LINE_REQUEST = struct.Struct("=64I32sQI5I240sII5Ii")
"""struct gpio_v2_line_request: offsets, consumer, flags, attributes (none), number of lines, event buffer, fd."""

LINE_EVENT = struct.Struct("=QIIII24x")
"""struct gpio_v2_line_event: timestamp_ns, kind, line, sequence over all lines, sequence of this line."""

INPUT, EDGE_FALLING, PULL_UP = 1 << 2, 1 << 5, 1 << 8
"""GPIO_V2_LINE_FLAG_INPUT, _EDGE_FALLING and _BIAS_PULL_UP."""

EVENT_BUFFER = 1024
"""The most that the kernel keeps for one request."""


class PulseCounter(Protocol):
    """Falling edges of one pin since it was made."""

    def count(self) -> int:
        """Never goes back. Raises OSError or what the pin library raises."""

    @property
    def bounces(self) -> int:
        """Edges so far that came closer to the one before than closest_s."""

    def close(self) -> None: ...


class Spacing:
    """Counts edges that come closer to the one before than closest_s."""

    def __init__(self, closest_s: float) -> None:
        self.close = 0
        self._closest_s = closest_s
        self._last_s: float | None = None

    def saw(self, at_s: float) -> None:
        """An edge, at its time on any clock that does not go back."""
        if self._last_s is not None:
            self.after(at_s - self._last_s)
        self._last_s = at_s

    def after(self, gap_s: float) -> None:
        """An edge so long after the one before."""
        if gap_s < self._closest_s:
            self.close += 1


class KernelPulses(Resource):
    """Falling edges as the kernel's interrupt handler counted them; no thread, nothing is done per pulse.

    Each event carries its number on this line, and numbers go on while the queue overflows: the newest event tells the
    count, however long nobody looked. lgpio's callbacks hang on one Python thread, which any exception in it ends.
    Raises OSError when the line cannot be had (EBUSY: somebody else holds it).
    """

    def __init__(self, line: int, chip: Path, closest_s: float = 0.0) -> None:
        device = os.open(chip, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._events: int | None = _request_edges(device, line)
        finally:
            os.close(device)
        os.set_blocking(self._events, False)
        self._count = 0
        self._spacing = Spacing(closest_s)

    @property
    def bounces(self) -> int:
        return self._spacing.close

    def count(self) -> int:
        if self._events is None:
            return self._count
        try:
            while data := os.read(self._events, LINE_EVENT.size * EVENT_BUFFER):
                self._count = newest(data)
                for event in LINE_EVENT.iter_unpack(data):
                    self._spacing.saw(event[0] / 1e9)
        except BlockingIOError:
            pass
        return self._count

    def close(self) -> None:
        events, self._events = self._events, None
        if events is not None:
            os.close(events)


def _request_edges(device: int, line: int) -> int:
    """A file descriptor from which the falling edges of one line are read."""
    offsets = [line] + [0] * 63
    flags = INPUT | EDGE_FALLING | PULL_UP
    request = bytearray(
        LINE_REQUEST.pack(*offsets, b"greenlane pulser", flags, 0, *[0] * 5, b"", 1, EVENT_BUFFER, *[0] * 5, 0)
    )
    fcntl.ioctl(device, GPIO_V2_GET_LINE_IOCTL, request)
    return int(LINE_REQUEST.unpack(request)[-1])


def newest(events: bytes) -> int:
    """The last event's number on its line, which begins at 1; the kernel hands out whole events only."""
    return int(LINE_EVENT.unpack_from(events, len(events) - LINE_EVENT.size)[4])


class CallbackPulses(Resource):
    """Falling edges by gpiozero's callbacks, for mock pins and for libraries without a gpiochip."""

    def __init__(self, pin: int, pins: Pins, closest_s: float = 0.0) -> None:
        self._count = 0
        self._pins: Any = pins
        self._last: float | None = None
        self._spacing = Spacing(closest_s)
        self._lock = threading.Lock()
        self._device: Any = DigitalInputDevice(pin, pull_up=True, pin_factory=pins)
        # On the pin itself: half the events and a third of the time of the device's own when_activated.
        self._device.pin.edges = "falling"
        self._device.pin.when_changed = self._edge

    @property
    def bounces(self) -> int:
        return self._spacing.close

    def count(self) -> int:
        with self._lock:
            return self._count

    def close(self) -> None:
        """The callback goes first: one that is told to a closed device ends lgpio's event thread for good."""
        device, self._device = self._device, None
        if device is not None:
            device.pin.when_changed = None
            device.close()

    def _edge(self, ticks: float, level: int) -> None:
        with self._lock:
            self._count += 1
            if self._last is not None:
                self._spacing.after(self._pins.ticks_diff(ticks, self._last))
            self._last = ticks


def pulse_counter(pin: int, pins: Pins, closest_s: float = 0.0) -> PulseCounter:
    """The counter for a pin (BCM number) of that factory: its gpiochip's kernel counts where it has one."""
    chip = getattr(pins, "chip", None)
    if chip is None:
        return CallbackPulses(pin, pins, closest_s)
    return KernelPulses(pin, Path(f"/dev/gpiochip{chip}"), closest_s)


def closest_edges_s(fastest_l_per_min: float, pulses_per_l: float) -> float:
    """Half the time between two pulses of the fastest flow: nearer ones are one pulse that bounced."""
    return 0.5 * 60.0 / (fastest_l_per_min * pulses_per_l)
