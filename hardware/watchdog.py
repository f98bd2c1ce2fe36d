"""Signs of life for systemd, by its notify socket. The board's own watchdog hears systemd's (`RuntimeWatchdogSec`)."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

from controller.ports import Clock
from hardware.resource import Resource

log = logging.getLogger(__name__)


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


def systemd_watchdog(clock: Clock, environment: Mapping[str, str] = os.environ) -> SystemdWatchdog | NoWatchdog:
    """The one that systemd asks for in the environment; signs of life go out three times per WATCHDOG_USEC."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return NoWatchdog()
    usec = environment.get("WATCHDOG_USEC", "")
    meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    interval_s = int(usec) / 3e6 if meant and usec.isdecimal() and int(usec) > 0 else None
    return SystemdWatchdog(address, interval_s, clock)
