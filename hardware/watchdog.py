"""Signs of life: to systemd by its notify socket, and to the board's own watchdog."""

from __future__ import annotations

import array
import fcntl
import logging
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from controller.errors import HardwareError
from controller.ports import Clock
from hardware.resource import Resource

WDIOC_SETTIMEOUT = 0xC0045706
"""_IOWR('W', 6, int) of linux/watchdog.h."""

LONGEST_BOARD_TIMEOUT_S = 15
"""The BCM2835's watchdog counts no further."""

log = logging.getLogger(__name__)


class Watchdog(Protocol):
    """Hears that the lane lives; its silence restarts the process or the board."""

    def ready(self) -> None:
        """Start-up is over."""

    def alive(self) -> None:
        """Call at every tick; passed on as often as is needed."""

    def status(self, text: str) -> None:
        """One line for systemctl status."""

    def stopping(self) -> None: ...

    def close(self) -> None: ...


class SystemdWatchdog(Resource):
    """sd_notify(3) over a datagram socket.

    address: of NOTIFY_SOCKET, a path or "@" and an abstract name.
    interval_s: pause between two signs of life, None where systemd expects none.
    A socket that is gone is logged once; systemd then acts by itself.
    """

    def __init__(self, address: str, interval_s: float | None, clock: Clock) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        self.interval_s = interval_s
        self._clock = clock
        self._next_s = clock.monotonic_s()
        self._failing = False

    def ready(self) -> None:
        self._send("READY=1")

    def alive(self) -> None:
        if self.interval_s is not None and self._clock.monotonic_s() >= self._next_s:
            self._next_s = self._clock.monotonic_s() + self.interval_s
            self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        self._send("STATUS=" + " ".join(text.split()))

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def close(self) -> None:
        self._socket.close()

    def _send(self, message: str) -> None:
        try:
            self._socket.sendto(message.encode(), self._address)
            self._failing = False
        except OSError as error:
            if not self._failing:
                log.error("systemd does not hear: %s", error)
            self._failing = True


class NoWatchdog(Resource):
    """Nobody listens: the lane was started by hand."""

    def ready(self) -> None:
        pass

    def alive(self) -> None:
        pass

    def status(self, text: str) -> None:
        pass

    def stopping(self) -> None:
        pass

    def close(self) -> None:
        pass


class FakeWatchdog(Resource):
    """Keeps what it was told, in the words of sd_notify."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def ready(self) -> None:
        self.messages.append("READY=1")

    def alive(self) -> None:
        self.messages.append("WATCHDOG=1")

    def status(self, text: str) -> None:
        self.messages.append(f"STATUS={text}")

    def stopping(self) -> None:
        self.messages.append("STOPPING=1")

    def close(self) -> None:
        pass


class BoardWatchdog(Resource):
    """The board's own watchdog device: resets the whole board when it hears nothing for timeout_s (1 to 15).

    Opening arms it. close() disarms it; a process that dies without close() lets it fire. Raises HardwareError.
    """

    def __init__(self, clock: Clock, device: Path = Path("/dev/watchdog"), timeout_s: int = 10) -> None:
        if not 1 <= timeout_s <= LONGEST_BOARD_TIMEOUT_S:
            raise ValueError(f"a board watchdog counts 1 to {LONGEST_BOARD_TIMEOUT_S} s, not {timeout_s}")
        self._clock = clock
        self._interval_s = timeout_s / 3
        self._next_s = clock.monotonic_s()
        self._file: int | None = _open_board_watchdog(device, timeout_s)

    def ready(self) -> None:
        self.alive()

    def alive(self) -> None:
        if self._file is not None and self._clock.monotonic_s() >= self._next_s:
            self._next_s = self._clock.monotonic_s() + self._interval_s
            os.write(self._file, b"1")

    def status(self, text: str) -> None:
        pass

    def stopping(self) -> None:
        pass

    def close(self) -> None:
        """The letter V tells the driver that the end is meant ("magic close")."""
        file, self._file = self._file, None
        if file is not None:
            try:
                os.write(file, b"V")
            finally:
                os.close(file)


def _open_board_watchdog(device: Path, timeout_s: int) -> int:
    try:
        file = os.open(device, os.O_WRONLY | os.O_CLOEXEC)
    except OSError as error:
        raise HardwareError(f"the board's watchdog {device} does not open: {error.strerror}") from error
    try:
        fcntl.ioctl(file, WDIOC_SETTIMEOUT, array.array("i", [timeout_s]))
    except OSError as error:
        os.write(file, b"V")
        os.close(file)
        raise HardwareError(f"{device} does not accept a time-out of {timeout_s} s: {error.strerror}") from error
    return file


def systemd_watchdog(clock: Clock, environment: Mapping[str, str] = os.environ) -> SystemdWatchdog | NoWatchdog:
    """The one that systemd asks for in the environment; signs of life go out three times per WATCHDOG_USEC."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return NoWatchdog()
    usec = environment.get("WATCHDOG_USEC", "")
    meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    interval_s = int(usec) / 3e6 if meant and usec.isdecimal() and int(usec) > 0 else None
    return SystemdWatchdog(address, interval_s, clock)
