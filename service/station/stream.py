"""Server-sent events: tells an open page that its station changed; the page then fetches what it shows."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from service.errors import Unavailable
from service.identity import access
from service.identity.sessions import Session
from service.live.changes import Changes, lane_topic, station_topic

HEARTBEAT_S = 3.0
"""A page that hears nothing for 4 s asks, and covers its lamp when there is no answer within 2 s."""
LONGEST_S = 300.0
"""A stream ends after this, and the page opens a new one: by then a session that is over is noticed."""
TOLD_PER_S = 100.0
"""Each page that is told fetches its view: a process lets no more than so many pages of a topic do so in a second."""
LEAST_GAP_S = 1.0
"""A page that was just told waits so long for the next time: a running fuelling changes twice a second."""
FRESH_HEADER = "Greenlane-Fresh-S"
"""Seconds after which a view may be out of date by time alone."""
TOLD_HEADER = "Greenlane-Told"
"""The change that a page was told of, when it fetches its view."""
_ALIVE = "event: alive\ndata: yes\n\n"


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


def stream(request: Request, station: str, changes: Changes, lane: str | None = None) -> Response:
    """An event "changed" at once and after every change, of one lane or of the whole station.

    An event "alive" comes every three seconds while the service knows what changes: a page that hears neither shows
    that it may be out of date.
    """
    return stream_of(station_topic(station) if lane is None else lane_topic(station, lane), changes)


def stream_of(topic: str, changes: Changes) -> Response:
    """The same for one topic, whatever it is about."""
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(_events(topic, changes), media_type="text/event-stream", headers=headers)


async def number_for(request: Request, topic: str, changes: Changes) -> int:
    """The change that an answer to this request has to show: the newest known, and no older than its page was told."""
    notified = request.headers.get(TOLD_HEADER, "")
    known = changes.known(topic)
    is_number = notified.isascii() and notified.isdecimal() and len(notified) <= 18
    if known is not None and (not is_number or int(notified) <= known):
        return known
    return await changes.number(topic)


async def _events(topic: str, changes: Changes) -> AsyncIterator[str]:
    """Pages are told in turn, each at a moment of its own in the gap, so that their fetches do not come all at once."""
    loop = asyncio.get_running_loop()
    ends_s, slot = loop.time() + LONGEST_S, random.random()
    told_s = loop.time()
    yield "retry: 1000\n\n"
    with changes.showing(topic), suppress(Unavailable):
        seen = await changes.number(topic)
        yield _changed(seen)
        while not changes.closed and loop.time() < ends_s:
            number = await changes.wait(topic, seen, HEARTBEAT_S)
            if number == seen:
                yield _ALIVE if changes.is_current else ": waiting\n\n"
                continue
            spread_s = changes.pages_of(topic) / TOLD_PER_S * changes.busy
            due_s = max(told_s + max(spread_s, LEAST_GAP_S * changes.busy), loop.time() + slot * spread_s)
            while due_s - loop.time() > HEARTBEAT_S and not changes.closed:
                await asyncio.sleep(HEARTBEAT_S)
                yield _ALIVE
            await asyncio.sleep(due_s - loop.time())
            changes.note_late(loop.time() - due_s)
            known = changes.known(topic)
            seen, told_s = number if known is None else known, loop.time()
            yield _changed(seen)


def _changed(number: int) -> str:
    return f"event: changed\ndata: {number}\n\n"
