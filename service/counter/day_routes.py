"""The office's first page: the day at a glance."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from service.counter.day import bars, glance, needed, week
from service.counter.page_context import Operator, books_of, choice, shown, station_facts_of
from service.counter.views import StationFacts
from service.station.routes import store_of

router = APIRouter(prefix="/office", include_in_schema=False)


@router.get("")
async def day(request: Request, session: Operator) -> Response:
    """The day, and what needs a hand."""
    chosen = await choice(request, session, "/office")
    if chosen is not None:
        return chosen
    station = await station_facts_of(request, session)
    return shown(request, session, "day.html", station, **await run_in_threadpool(_facts, request, station))


def _facts(request: Request, station: StationFacts) -> dict[str, Any]:
    database, now = books_of(request).database, books_of(request).clock.now()
    lanes = store_of(request).lanes.all_of(station.id)
    found = glance(database, station, lanes, now)
    waits, days = needed(database, station, lanes, now), week(database, station, now)
    return {"glance": found, "needed": waits, "bars": bars(found.hours_fen), "days": days}
