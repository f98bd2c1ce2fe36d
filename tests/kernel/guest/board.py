"""The simulated board: lines of gpio-sim, controls of the vivid camera, waiting."""

from __future__ import annotations

import fcntl
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

LINES = next(iter(Path("/sys/devices/platform").glob("gpio-sim.*/gpiochip*")), Path("/absent"))
VIDIOC_S_CTRL = 0xC008561C
"""_IOWR('V', 28, struct v4l2_control) of linux/videodev2.h."""
VIVID_PERCENTAGE_DROPPED = 0x00F0F000 + 64
VIVID_DISCONNECT = 0x00F0F000 + 65
"""Controls of the kernel's vivid driver (vivid-ctrls.c)."""


def level(line: int) -> int:
    return int((LINES / f"sim_gpio{line}" / "value").read_text())


def pull(line: int, up: bool) -> None:
    """What hangs on an input line: a switch to ground closes with up=False."""
    (LINES / f"sim_gpio{line}" / "pull").write_text("pull-up" if up else "pull-down")


def control(device: str, name: int, value: int) -> None:
    file = os.open(device, os.O_RDWR)
    try:
        fcntl.ioctl(file, VIDIOC_S_CTRL, struct.pack("=Ii", name, value))
    finally:
        os.close(file)


def eventually(reached: Callable[[], bool], within_s: float) -> bool:
    until_s = time.monotonic() + within_s
    while not reached() and time.monotonic() < until_s:
        time.sleep(0.05)
    return reached()
