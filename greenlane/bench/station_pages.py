"""Open pages for the station's bench: each keeps a stream of events and fetches its view as live.js does."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Container, Iterable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from greenlane.bench.client import KeptConnection, Target, parse_head, request_bytes
from service.errors import ServiceError

AGAIN_S = 0.25
"""live.js waits this long before it fetches again when it was told of a change during a fetch."""
_MARK = re.compile(rb"PROBE(\d+)")
_NUMBER = re.compile(rb"event: changed\s+data: (\d+)")


@dataclass(frozen=True, slots=True)
class Probe:
    """A change that was made to see when pages know of it: sent at sent_s, and counted at the latest as `number`."""

    sent_s: float
    number: int
    mark: int


Moment = tuple[int, int, float]
"""Page, what it learnt (a number of an event, a mark in a view), and when."""


def delays_s(probe_s: float, value: int, moments: Iterable[Moment], pages: Container[int]) -> dict[int, float]:
    """Seconds from then until each of the pages first learnt of at least this value."""
    found: dict[int, float] = {}
    for page, learnt, at_s in moments:
        if page in pages and learnt >= value and at_s >= probe_s and page not in found:
            found[page] = at_s - probe_s
    return found


class Audience:
    """All open pages of a run. name: a station's page, or the panel of a lane."""

    def __init__(self, target: Target, cookie: str, station: str) -> None:
        self.target = target
        self.station = station
        self.cookie = cookie
        self._query = "?" + urlencode({"station": station})
        self.probes: list[Probe] = []
        self.faults: Counter[str] = Counter()
        self.notified: list[Moment] = []
        self.shown: list[Moment] = []
        self.open = 0

    def paths(self, lane: str | None) -> tuple[str, str]:
        """Of the stream and of the view of a station's page, or of a lane's panel."""
        base = "/station" if lane is None else f"/panel/{quote(lane)}"
        return f"{base}/events{self._query}", f"{base}/view{self._query}"

    def was_shown(self, page: int, number: int, at_s: float) -> None:
        self.notified.append((page, number, at_s))

    def has_shown(self, page: int, view: bytes, at_s: float) -> None:
        found = _MARK.search(view)
        self.shown.append((page, int(found[1]) if found else 0, at_s))


class _Stream(asyncio.Protocol):
    """The raw event stream of one page: what follows "event: changed" is handed on."""

    def __init__(self, request: bytes, ended: asyncio.Future[str]) -> None:
        self._request = request
        self._ended = ended
        self._tail = b""
        self.number = -1
        self.changed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        text = self._tail + data
        self._tail = text[-80:] if b"\n\n" not in text[-80:] else text.rpartition(b"\n\n")[2]
        if text.startswith(b"HTTP/1.1 ") and not text.startswith(b"HTTP/1.1 200"):
            self._end(f"stream: {text[9:12].decode()}")
        for found in _NUMBER.finditer(text):
            self.number = int(found[1])
            self.changed.set()

    def connection_lost(self, error: Exception | None) -> None:
        self._end("stream: closed")

    def _end(self, words: str) -> None:
        if not self._ended.done():
            self._ended.set_result(words)


class OpenPage:
    """One page until it is cancelled; a stream that ends is opened again, as a browser does."""

    def __init__(self, audience: Audience, number: int, lane: str | None) -> None:
        self._audience = audience
        self._number = number
        self._events, self._view = audience.paths(lane)
        self._connection = KeptConnection(audience.target, cookie=audience.cookie)
        self._fresh_s = 15.0

    async def run(self) -> None:
        try:
            while True:
                await self._watch()
                await asyncio.sleep(1)
        finally:
            self._connection.close()

    async def _watch(self) -> None:
        target, loop = self._audience.target, asyncio.get_running_loop()
        headers = {"Accept": "text/event-stream"}
        request = request_bytes(target, "GET", self._events, b"", headers, self._audience.cookie)
        ended: asyncio.Future[str] = loop.create_future()
        try:
            transport, stream = await loop.create_connection(
                lambda: _Stream(request, ended), target.host, target.port, ssl=target.context()
            )
        except OSError as error:
            self._audience.faults[f"stream: {type(error).__name__}"] += 1
            return
        self._audience.open += 1
        try:
            await self._follow(stream, ended)
        finally:
            self._audience.open -= 1
            transport.close()

    async def _follow(self, stream: _Stream, ended: asyncio.Future[str]) -> None:
        loop = asyncio.get_running_loop()
        seen, ended_seen = -1, False
        ended.add_done_callback(lambda _: stream.changed.set())
        while not ended_seen:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._fresh_s):
                    await stream.changed.wait()
            stream.changed.clear()
            if stream.number != seen:
                seen = stream.number
                self._audience.was_shown(self._number, seen, loop.time())
            await self._fetch(seen)
            await asyncio.sleep(AGAIN_S)
            ended_seen = ended.done()
        self._audience.faults[ended.result()] += 1

    async def _fetch(self, notified: int) -> None:
        try:
            answer = await self._connection.send(
                "GET", self._view, b"", {"Accept": "text/html", "Greenlane-Told": str(notified)}
            )
        except (OSError, TimeoutError) as error:
            self._audience.faults[f"view: {type(error).__name__}"] += 1
            return
        if answer.status != 200:
            self._audience.faults[f"view: {answer.status}"] += 1
            return
        self._fresh_s = max(0.5, float(answer.headers.get("greenlane-fresh-s", "15")))
        self._audience.has_shown(self._number, answer.body, asyncio.get_running_loop().time())


async def log_in(target: Target, name: str, password: str) -> str:
    """The cookies of a new session. Raises ServiceError."""
    connection = KeptConnection(target)
    try:
        form = await connection.send("GET", "/login")
        secret = form.body.decode().partition('name="csrf" value="')[2].partition('"')[0]
        cookies = _cookies(form.headers)
        connection = KeptConnection(target, cookie=cookies)
        scheme = "https" if target.is_tls else "http"
        fields = urlencode({"name": name, "password": password, "csrf": secret, "next": "/"}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"{scheme}://{target.authority}"}
        answer = await connection.send("POST", "/login", fields, headers)
    finally:
        connection.close()
    if answer.status != 303:
        raise ServiceError(f"{name} could not log in: the service answered {answer.status}")
    return _cookies(answer.headers)


async def number_now(audience: Audience) -> int:
    """The station's counter as a page that opens now is told it. Raises ServiceError."""
    events, _ = audience.paths(None)
    target = audience.target
    reader, writer = await asyncio.open_connection(target.host, target.port, ssl=target.context())
    try:
        writer.write(request_bytes(target, "GET", events, b"", {"Accept": "text/event-stream"}, audience.cookie))
        status, _ = parse_head(await reader.readuntil(b"\r\n\r\n"))
        if status != 200:
            raise ServiceError(f"{events} answered {status}")
        text = b""
        while (found := _NUMBER.search(text)) is None:
            more = await reader.read(4096)
            if not more:
                raise ServiceError(f"{events} ended without an event")
            text += more
        return int(found[1])
    finally:
        writer.close()


def _cookies(headers: dict[str, str]) -> str:
    lines = headers.get("set-cookie", "").split("\n")
    return "; ".join(connection.partition(";")[0] for connection in lines if connection)
