"""Follows which plates the station's entry camera has read; nothing here makes a plate certain or a lamp green."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from controller.errors import Rejected
from controller.outbound.connections import Call, ConnectionPool, Sign
from controller.outbound.http import decoded, understood
from controller.ports import Clock
from wire.ahead import AskedAhead, Expected, ExpectedWanted
from wire.codec import encode
from wire.errors import GreenlaneError

log = logging.getLogger(__name__)


class AheadLink(Protocol):
    """The line over which is asked ahead. Every call ends within deadline_s or raises a ClientError."""

    def ask_ahead(self, asked: AskedAhead, deadline_s: float) -> None: ...

    def expected(self, number: int, wait_s: float, deadline_s: float) -> Expected:
        """The plates expected now: as soon as their list is another than `number`, or after wait_s."""

    def close(self) -> None: ...


class HttpAheadLink:
    """AheadLink over HTTP, on connections of its own: a question never waits for it. Thread-safe."""

    def __init__(
        self, base_url: str, station: str, lane: str, *, sign: Sign | None = None, ca_file: str | None = None
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._station, self._lane = station, lane
        self._connections = ConnectionPool(sign, ca_file or True)

    def ask_ahead(self, asked: AskedAhead, deadline_s: float) -> None:
        self._call("/v1/asked-ahead", encode(asked), deadline_s)

    def expected(self, number: int, wait_s: float, deadline_s: float) -> Expected:
        wanted = ExpectedWanted(station=self._station, lane=self._lane, wait_s=wait_s, number=number)
        return decoded(Expected, self._call("/v1/expected-plates", encode(wanted), deadline_s))

    def close(self) -> None:
        """Cut what is under way and close the connections. Idempotent."""
        self._connections.close()

    def _call(self, path: str, body: Mapping[str, Any], deadline_s: float) -> object:
        data = json.dumps(body, ensure_ascii=False).encode()
        return understood(self._connections.call(Call("POST", self._base_url + path, data), deadline_s))


class ExpectedPlates:
    """The plates expected at this lane's station, each until its time is over. Thread-safe; in memory alone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until_s: dict[str, float] = {}

    def keep(self, answer: Expected, asked_s: float) -> None:
        """Replace all by what was told; asked_s: before it was asked for, so that no plate lives too long."""
        until_s = {one.plate: asked_s + one.expires_in_s for one in answer.plates}
        with self._lock:
            self._until_s = until_s

    def __contains__(self, plate: object) -> bool:
        with self._lock:
            until_s = self._until_s.get(plate) if isinstance(plate, str) else None
        return until_s is not None and self._clock.monotonic_s() < until_s


@dataclass(frozen=True, slots=True)
class FollowerPace:
    """wait_s: of one call. absent_s: when to look again for a service that refuses this, as an older version does."""

    wait_s: float = 20.0
    deadline_s: float = 5.0
    gap_s: float = 0.2
    retry_s: float = 10.0
    absent_s: float = 600.0


class ExpectedFollower:
    """A worker that waits for each new list. follow_once is its turn."""

    def __init__(self, link: AheadLink, plates: ExpectedPlates, clock: Clock, pace: FollowerPace | None = None) -> None:
        self._link = link
        self._plates = plates
        self._clock = clock
        self._pace = pace or FollowerPace()
        self._number = 0
        self._is_first = True
        self._stopping = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._work, name="expected", daemon=True).start()

    def close(self) -> None:
        """Idempotent; a call under way is cut."""
        self._stopping.set()
        self._link.close()

    def follow_once(self) -> None:
        """Wait for the next list and keep it. Raises ClientError."""
        wait_s = 0.0 if self._is_first else self._pace.wait_s
        before_s = self._clock.monotonic_s()
        answer = self._link.expected(self._number, wait_s, wait_s + self._pace.deadline_s)
        self._plates.keep(answer, before_s)
        self._number, self._is_first = answer.number, False

    def _work(self) -> None:
        """Turns until closed. A service of an older version is asked again now and then: it may be upgraded."""
        failing = False
        while not self._stopping.is_set():
            try:
                self.follow_once()
                failing, pause_s = False, self._pace.gap_s
            except Rejected as error:
                _note(f"the service tells no expected plates: {error}", failing)
                failing, pause_s = True, self._pace.absent_s
            except GreenlaneError as error:
                _note(f"expected plates are not heard of: {error}", failing)
                failing, pause_s = True, self._pace.retry_s
            self._stopping.wait(pause_s)


def _note(text: str, failing: bool) -> None:
    """Once, until it works again."""
    if not failing:
        log.info("%s", text)
