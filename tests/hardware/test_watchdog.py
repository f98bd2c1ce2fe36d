"""Signs of life reach systemd's socket and the board's watchdog, neither too often nor too seldom."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.clock import ManualClock
from controller.errors import HardwareError
from hardware.watchdog import (
    WDIOC_SETTIMEOUT,
    BoardWatchdog,
    FakeWatchdog,
    NoWatchdog,
    SystemdWatchdog,
    Watchdog,
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


def board(monkeypatch: pytest.MonkeyPatch, refuse: bool = False) -> list[int]:
    """Plain files take no watchdog ioctl; the time-outs that were set."""
    set_to: list[int] = []

    def ioctl(file: int, request: int, argument: list[int]) -> int:
        assert request == WDIOC_SETTIMEOUT
        if refuse:
            raise OSError(22, "Invalid argument")
        set_to.append(argument[0])
        return 0

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    return set_to


def test_the_board_is_fed_and_disarmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device, clock = tmp_path / "watchdog", ManualClock()
    device.touch()
    set_to = board(monkeypatch)
    watchdog = BoardWatchdog(clock, device, timeout_s=9)
    for _ in range(12):
        watchdog.alive()
        clock.advance(1.0)
    watchdog.close()
    watchdog.close()
    watchdog.alive()
    assert set_to == [9]
    assert device.read_bytes() == b"1111V"


def test_a_board_that_refuses_the_time_out_is_not_left_armed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path / "watchdog"
    device.touch()
    board(monkeypatch, refuse=True)
    with pytest.raises(HardwareError, match="does not accept a time-out"):
        BoardWatchdog(ManualClock(), device)
    assert device.read_bytes() == b"V"


def test_a_missing_device_is_named(tmp_path: Path) -> None:
    with pytest.raises(HardwareError, match="watchdog0 does not open"):
        BoardWatchdog(ManualClock(), tmp_path / "watchdog0")


@pytest.mark.parametrize("timeout_s", [0, 16])
def test_a_pi_counts_no_more_than_15_s(timeout_s: int) -> None:
    with pytest.raises(ValueError, match="15"):
        BoardWatchdog(ManualClock(), timeout_s=timeout_s)


@pytest.mark.parametrize("watchdog", [NoWatchdog(), FakeWatchdog()])
def test_the_quiet_ones_take_every_call(watchdog: Watchdog) -> None:
    for tell in (watchdog.ready, watchdog.alive, watchdog.stopping, watchdog.close):
        tell()
    watchdog.status("well")
