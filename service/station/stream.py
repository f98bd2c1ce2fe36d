"""Server-sent events: tells an open page that its station changed; the page then fetches what it shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from service.errors import Unavailable
from service.identity import access
from service.identity.sessions import Session
from service.live import Changes, station_topic

HEARTBEAT_S = 15.0
LONGEST_S = 300.0
"""A stream ends after this, and the page opens a new one: by then a session that is over is noticed."""


def station_of(request: Request, session: Session) -> str:
    """The station a page is about: the person's own, else the one that ?station= names."""
    asked = request.query_params.get("station", "")
    own = session.person.station
    if own is not None:
        if asked not in ("", own):
            raise access.AccessRefused(403, f"this person sees station {own} alone")
        return own
    if not asked:
        raise access.AccessRefused(400, "name a station: ?station=")
    return asked[:40]


def stream(request: Request, station: str, changes: Changes) -> Response:
    """An event "changed" at once and after every change; a comment now and then shows that the line lives."""
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(_events(request, station, changes), media_type="text/event-stream", headers=headers)


async def _events(request: Request, station: str, changes: Changes) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + LONGEST_S
    topic = station_topic(station)
    yield "retry: 1000\n\n"
    seen = -1
    while not changes.closed and loop.time() < ends_s and not await request.is_disconnected():
        try:
            number = await (changes.number(topic) if seen < 0 else changes.wait(topic, seen, HEARTBEAT_S))
        except Unavailable:
            return
        if number != seen:
            seen = number
            yield f"event: changed\ndata: {number}\n\n"
        else:
            yield ": alive\n\n"
