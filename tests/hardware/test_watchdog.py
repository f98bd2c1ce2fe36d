"""Signs of life reach systemd's socket, neither too often nor too seldom."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.clock import ManualClock
from controller.loop import SignsOfLife
from hardware.watchdog import (
    FakeWatchdog,
    NoWatchdog,
    SystemdWatchdog,
    systemd_watchdog,
)


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """A notify socket as systemd makes it, and its address as NOTIFY_SOCKET gives it."""
    place = str(tmp_path / "notify") if request.param == "path" else f"@greenlane-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + place[1:] if place.startswith("@") else place)
        listener.setblocking(False)
        yield place, listener


def heard(listener: socket.socket) -> list[str]:
    messages = []
    while True:
        try:
            messages.append(listener.recv(4096).decode())
        except BlockingIOError:
            return messages


def test_systemd_hears_everything(systemd: tuple[str, socket.socket]) -> None:
    address, listener = systemd
    clock = ManualClock()
    environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "6000000", "WATCHDOG_PID": str(os.getpid())}
    with systemd_watchdog(clock, environment) as watchdog:
        watchdog.ready()
        watchdog.status("lane 1:\n reading")
        for _ in range(30):
            watchdog.alive()
            clock.advance(0.2)
        watchdog.stopping()
    assert heard(listener) == ["READY=1", "STATUS=lane 1: reading", *["WATCHDOG=1"] * 3, "STOPPING=1"]


@pytest.mark.parametrize(
    "watch",
    [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "4000000", "WATCHDOG_PID": "1"}],
)
def test_no_signs_of_life_where_none_are_expected(systemd: tuple[str, socket.socket], watch: dict[str, str]) -> None:
    address, listener = systemd
    with systemd_watchdog(ManualClock(), {"NOTIFY_SOCKET": address, **watch}) as watchdog:
        watchdog.alive()
    assert heard(listener) == []


def test_without_systemd_nobody_is_told() -> None:
    assert isinstance(systemd_watchdog(ManualClock(), {}), NoWatchdog)


def test_a_lost_socket_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with SystemdWatchdog(str(tmp_path / "gone"), 1.0, ManualClock()) as watchdog:
        watchdog.ready()
        watchdog.ready()
    assert caplog.text.count("systemd does not hear") == 1


@pytest.mark.parametrize("watchdog", [NoWatchdog(), FakeWatchdog()])
def test_the_quiet_ones_take_every_call(watchdog: SignsOfLife) -> None:
    for tell in (watchdog.ready, watchdog.alive, watchdog.stopping, watchdog.close):
        tell()
    watchdog.status("well")
