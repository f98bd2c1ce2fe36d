"""systemd's watchdog over our signs of life; runs inside the guest only, where systemd is process 1."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.kernel.guest.board import eventually, level

UNIT = "beat.service"


def show(name: str) -> str:
    return subprocess.run(
        ["systemctl", "show", "-P", name, UNIT], capture_output=True, text=True, check=True
    ).stdout.strip()


def green() -> bool:
    return (level(17), level(27)) == (1, 1)


def red() -> bool:
    return (level(17), level(27)) == (0, 0)


@pytest.fixture
def beating() -> Iterator[int]:
    """The process id of a unit that has said READY=1."""
    subprocess.run(["systemctl", "start", UNIT], check=True)
    yield int(show("MainPID"))
    subprocess.run(["systemctl", "stop", UNIT], check=True)


def test_signs_of_life_keep_it_running(beating: int) -> None:
    assert show("StatusText") == "beating"
    assert green()
    time.sleep(9)
    assert (int(show("MainPID")), show("NRestarts")) == (beating, "0")


@pytest.mark.parametrize("signal_number", [signal.SIGSTOP, signal.SIGKILL])
def test_a_process_that_hangs_or_dies_is_red_and_comes_back(beating: int, signal_number: signal.Signals) -> None:
    began_s = time.monotonic()
    os.kill(beating, signal_number)
    assert eventually(red, 30), "systemd's watchdog did not act"
    red_s = time.monotonic() - began_s
    assert eventually(lambda: show("ActiveState") == "active" and int(show("MainPID")) not in (0, beating), 300)
    print(f"{signal_number.name}: red after {red_s:.1f} s, ready again after {time.monotonic() - began_s:.1f} s")
    assert green()
