"""Bounds what connections may take: heads by time and size, and how many stay open, in all, by address and by device.

uvicorn bounds none of this (its timeouts begin after a first answer), so its protocol is extended here; see
docs/decisions/connections.md.
"""

from __future__ import annotations

import enum
import logging
import os
import resource
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.http.event_connection import EventConnection
from service.http.problems import problem
from wire.reasons import ErrorCode

log = logging.getLogger(__name__)

STATE = "connections"
"""Key of the Connections in the application's lifespan state."""
CONNECTION = "connection"
"""Key of a request's own connection in its state."""
LOG_EVERY_S = 60.0
_QUIET = logging.getLogger(f"{__name__}.strangers")
_QUIET.setLevel(logging.ERROR)
"""A line for each malformed request would let strangers fill the log."""
MOST_FILES = 65_536
SPARE_FILES = 160
"""For the database, logs and what else a process opens."""


CONNECTIONS = "GREENLANE_CONNECTIONS"
"""The setting by which a worker takes more connections than its default, for many phones."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """A stranger's address has room for 20 pages of 6 connections and for 32 lane units that have not signed yet.

    head_s, body_s: for a request that has begun. idle_s: a connection is kept this long for the next one.
    """

    in_all: int = 4000
    per_address: int = 256
    per_device: int = 128
    head_s: float = 10.0
    head_bytes: int = 64 * 1024
    body_s: float = 30.0
    idle_s: float = 5.0


class Connections:
    """The open connections of one process. For one event loop.

    Where there is no room the oldest connection makes room that has not sent a whole head yet, so that half-open ones
    shut nobody out; only when there is none, the new one is refused. proxies: their connections are other people's.
    """

    def __init__(
        self,
        limits: ConnectionLimits,
        proxies: tuple[IPv4Network | IPv6Network, ...] = (),
        count: Callable[[str], None] = lambda why: None,
    ) -> None:
        self.limits = limits
        self._proxies = proxies
        self._count = count
        self._open: dict[GuardedProtocol | EventConnection, str] = {}
        self._headless: dict[GuardedProtocol, str] = {}
        self._headless_of: defaultdict[str, dict[GuardedProtocol, None]] = defaultdict(dict)
        self._held: Counter[str] = Counter()
        self._logged_s = -LOG_EVERY_S

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: GuardedProtocol, address: str) -> bool:
        """Whether there is room for it."""
        holder = "proxy" if self._is_proxy(address) else f"address {source_of(address)}"
        in_its_place = holder != "proxy" and self._held[holder] >= self.limits.per_address
        if in_its_place and not self._evict(holder):
            return self._refuse("address", holder)
        if len(self._open) >= self.limits.in_all and not self._evict(None):
            return self._refuse("all", holder)
        self._open[connection] = self._headless[connection] = holder
        self._headless_of[holder][connection] = None
        self._held[holder] += 1
        return True

    def note_head(self, connection: GuardedProtocol) -> None:
        """It has sent a whole head: it is not the first any more to make room."""
        holder = self._headless.pop(connection, None)
        if holder is not None:
            self._headless_of[holder].pop(connection)
            if not self._headless_of[holder]:
                del self._headless_of[holder]

    def give_to_device(self, connection: GuardedProtocol, device: str) -> None:
        """A good signature came over it: it counts against the device, as far as that has room."""
        before, holder = self._open.get(connection), f"device {device}"
        if before is None or before == holder or self._held[holder] >= self.limits.per_device:
            return
        self._let_go(before)
        self._open[connection] = holder
        self._held[holder] += 1

    def exchange(self, before: GuardedProtocol, after: EventConnection) -> None:
        """The same connection by another protocol."""
        if before in self._open:
            self._open[after] = self._open.pop(before)

    def leave(self, connection: GuardedProtocol | EventConnection) -> None:
        """It is closed. Idempotent."""
        if isinstance(connection, GuardedProtocol):
            self.note_head(connection)
        holder = self._open.pop(connection, None)
        if holder is not None:
            self._let_go(holder)

    def dropped(self, why: str, address: str) -> None:
        """Count and tell, once a minute, that a connection was not let in or not let stay."""
        self._count(why)
        if time.monotonic() - self._logged_s >= LOG_EVERY_S:
            self._logged_s = time.monotonic()
            log.warning(
                "connections are refused or dropped (%s, %s; %d are open); greenlane_refused_connections counts them",
                why,
                source_of(address),
                len(self._open),
            )

    def _let_go(self, holder: str) -> None:
        self._held[holder] -= 1
        if not self._held[holder]:
            del self._held[holder]

    def _evict(self, holder: str | None) -> bool:
        """Let the oldest go that has not sent a whole head, of this holder or of anybody; whether there was one."""
        among = self._headless if holder is None else self._headless_of.get(holder, {})
        oldest = next(iter(among), None)
        if oldest is not None:
            self.leave(oldest)
            oldest.drop("half_open")
        return oldest is not None

    def _refuse(self, why: str, holder: str) -> bool:
        self.dropped(why, holder.removeprefix("address "))
        return False

    def _is_proxy(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._proxies)


class _Phase(enum.Enum):
    """What the connection waits for: a request, the rest of its head, the rest of its body."""

    IDLE = "idle"
    HEAD = "head"
    BODY = "body"


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol within the limits of the application's Connections, answering in the service's record."""

    def __init__(self, *words: Any, **options: Any) -> None:
        super().__init__(*words, **options)
        self._room: Connections = self.app_state.get(STATE, _UNBOUNDED)
        self.timeout_keep_alive = self._room.limits.idle_s
        self._timer: Any = None
        self._phase = _Phase.HEAD
        self._head_bytes = 0
        self._is_let_in = False
        self._answering: RequestResponseCycle = None  # type: ignore[assignment] # of those that came together
        self.logger = _QUIET

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        self._is_let_in = self._room.admit(self, self._address)
        if self._is_let_in:
            self._wait(self._room.limits.head_s, "slow_head")
        else:
            self._answer(503, ErrorCode.UNAVAILABLE, "too many connections; try again in 10 s")

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._room.leave(self)
        super().connection_lost(exc)

    def eof_received(self) -> None:
        """The transport closes now and says so a turn of the loop later: an answer before then has nobody to go to."""
        if self._answering is not None and not self._answering.response_complete:
            self._answering.disconnected = True
            self._answering.message_event.set()

    def data_received(self, data: bytes) -> None:
        if not self._is_let_in or self.transport.is_closing():
            return
        if self._phase is _Phase.IDLE:
            self._phase, self._head_bytes = _Phase.HEAD, 0
            self._wait(self._room.limits.head_s, "slow_head")
        super().data_received(data)
        if self._phase is _Phase.HEAD and not self.transport.is_closing():
            self._head_bytes += len(data)
            self._check_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"][CONNECTION] = self
        self._phase, self._head_bytes = _Phase.HEAD, 0

    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        self._phase, self._head_bytes = _Phase.BODY, size
        self._check_head()
        if self.transport.is_closing():
            return
        self._room.note_head(self)
        self._wait(self._room.limits.body_s, "slow_body")
        super().on_headers_complete()
        if not self.pipeline:
            self._answering = self.cycle

    def on_response_complete(self) -> None:
        if self.pipeline:
            self._answering = self.pipeline[-1][0]
        super().on_response_complete()

    def on_message_complete(self) -> None:
        self._stop_waiting()
        self._phase = _Phase.IDLE
        if self.cycle is not None and not self.transport.is_closing():
            super().on_message_complete()

    def on_body(self, body: bytes) -> None:
        if not self.transport.is_closing():
            super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        """What the parser refuses."""
        if not self.transport.is_closing():
            self._answer(400, ErrorCode.MALFORMED, "the request is not HTTP/1.1 as it should be")

    def belongs_to(self, device: str) -> None:
        """A good signature of this device came over it."""
        self._room.give_to_device(self, device)

    def hand_over(self) -> EventConnection | None:
        """Of the answer under way nothing is left but its events; None where the client is gone already.

        From the request's own task. For uvicorn the request is answered: its task ends, nothing of it stays in memory.
        """
        is_gone = self not in self.connections
        self._answering.response_complete = True
        self._stop_waiting()
        if is_gone:
            return None
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        self.pipeline.clear()
        made = EventConnection(self.transport, self._room, self.connections)
        self.connections.discard(self)
        self._room.exchange(self, made)
        self.parser = self.cycle = self._answering = self.scope = self.headers = None  # type: ignore[assignment]
        return made

    def drop(self, why: str) -> None:
        """Without an answer: whoever is there has not spoken properly."""
        self._stop_waiting()
        self._room.dropped(why, self._address)
        self.transport.abort()

    def _check_head(self) -> None:
        if self._head_bytes > self._room.limits.head_bytes:
            self.drop("large_head")

    def _wait(self, seconds: float, why: str) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(seconds, self.drop, why)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _answer(self, status: int, code: ErrorCode, detail: str) -> None:
        made = problem(status, code, detail, {"Connection": "close"})
        head = b"".join(name + b": " + value + b"\r\n" for name, value in made.raw_headers)
        self.transport.write(b"HTTP/1.1 %d Refused\r\n%b\r\n%b" % (status, head, bytes(made.body)))
        self.transport.close()


def source_of(address: str) -> str:
    """What counts as one client: the address; of IPv6 the /64 that one customer has."""
    if ":" not in address:
        return address[:64]
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or IPv6Network((int(parsed), 64), strict=False))


def limits_of_this_process() -> ConnectionLimits:
    """As many connections as the process may open files, after raising its own bound as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    files = MOST_FILES if soft == resource.RLIM_INFINITY else soft
    return ConnectionLimits(in_all=max(64, min(_wanted(), files - SPARE_FILES)))


def _wanted() -> int:
    """$GREENLANE_CONNECTIONS where it is a number above 0, else the default."""
    words = os.environ.get(CONNECTIONS, "")
    return int(words) if words.isdecimal() and int(words) > 0 else ConnectionLimits().in_all


_UNBOUNDED = Connections(ConnectionLimits(in_all=2**31, per_address=2**31))
