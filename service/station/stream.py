"""Server-sent events: tells an open page that its station changed; the page then fetches what it shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from service.http.connections import CONNECTION
from service.identity import access
from service.identity.sessions import Session
from service.live.changes import Changes, lane_topic, station_topic
from service.live.streams import RETRY, OpenStreams

FRESH_HEADER = "Greenlane-Fresh-S"
"""Seconds after which a view may be out of date by time alone."""
MOST_WAITING = 100
"""Events that a client may leave unread where its server keeps the connection to itself."""
TOLD_HEADER = "Greenlane-Told"
"""The change that a page was told of, when it fetches its view."""


def station_of(request: Request, session: Session) -> str:
    """The station a page is about: the person's own, else the one that ?station= names."""
    asked = request.query_params.get("station", "")
    own = session.person.station
    if own is not None:
        if asked not in ("", own):
            raise access.AccessRefused(403, f"this person sees station {own} alone", f"只能查看油站 {own}")
        return own
    if not asked:
        raise access.AccessRefused(400, "name a station: ?station=", "请指定油站")
    return asked[:40]


def panel_of(request: Request, session: Session, lane: str) -> str:
    """The station of a lane's panel, for whoever may use that panel. Raises AccessRefused."""
    station, own = station_of(request, session), session.person.lane
    if own is not None and lane != own:
        raise access.AccessRefused(
            403,
            f"this account belongs to lane {own} of station {station}, not to lane {lane[:40]}",
            f"此账号属于油站 {station} 的加油位 {own}，不能用于加油位 {lane[:40]}",
        )
    return station


def stream(request: Request, station: str, lane: str | None = None) -> Response:
    """Events of one lane or of the whole station, see service.live.streams."""
    return EventStream(station_topic(station) if lane is None else lane_topic(station, lane), streams_of(request))


def streams_of(request: Request) -> OpenStreams:
    """The open streams of this process."""
    streams: OpenStreams = request.app.state.streams
    return streams


class EventStream(StreamingResponse):
    """The events of one topic. On the service's own connections nothing of the request stays but what writes them."""

    media_type = "text/event-stream"

    def __init__(self, topic: str, streams: OpenStreams) -> None:
        super().__init__(self._events(), headers={"X-Accel-Buffering": "no"})
        self._topic = topic
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = scope.get("state", {}).get(CONNECTION)
        if connection is None:
            await super().__call__(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": RETRY, "more_body": True})
        sink = connection.hand_over()
        if sink is not None:
            self._streams.open(self._topic, sink)

    async def _events(self) -> AsyncIterator[bytes]:
        """For a server that keeps its connections to itself."""
        sink = _Waiting()
        yield RETRY
        self._streams.open(self._topic, sink)
        try:
            while text := await sink.texts.get():
                yield text
        finally:
            sink.ended()


class _Waiting:
    """Events that wait for a task to send them on."""

    def __init__(self) -> None:
        self.ended: Callable[[], None] = lambda: None
        self.texts: asyncio.Queue[bytes] = asyncio.Queue()

    @property
    def is_slow(self) -> bool:
        return self.texts.qsize() > MOST_WAITING

    def write(self, text: bytes) -> None:
        self.texts.put_nowait(text)

    def end(self) -> None:
        self.texts.put_nowait(b"")

    drop = end


async def number_for(request: Request, topic: str, changes: Changes) -> int:
    """The change that an answer to this request has to show: the newest known, and no older than its page was told."""
    notified = request.headers.get(TOLD_HEADER, "")
    known = changes.known(topic)
    is_number = notified.isascii() and notified.isdecimal() and len(notified) <= 18
    if known is not None and (not is_number or int(notified) <= known):
        return known
    return await changes.number(topic)
