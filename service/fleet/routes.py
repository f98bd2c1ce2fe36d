"""The fleet's pages under /fleet, and the same facts as CSV and JSON; each for the fleet of whoever has logged in."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from service.fleet import owner_routes, store, views, words
from service.identity import access
from service.identity.people import Role
from service.identity.sessions import Session
from service.identity.web import page
from service.mileage.history import History
from service.mileage.vehicles import Vehicle
from service.reports.cells import harmless
from service.store.clock import WallClock, from_us, to_us
from service.store.database import Database, telling_faults
from service.store.zones import HOME_ZONE

SHOWN_FOR = timedelta(days=90)
LONGEST_SPAN = timedelta(days=400)

router = APIRouter(include_in_schema=False)
Manager = Annotated[Session, Depends(access.operator(Role.FLEET))]
Found = TypeVar("Found")


def mount(app: FastAPI, database: Database, clock: WallClock) -> None:
    """Adds the pages; app.state.fleet_clock tells them what today is, menu_counts the home page what waits."""
    app.state.fleet_database = database
    app.state.fleet_clock = clock
    app.state.menu_counts = lambda session: owner_routes.menu_counts(app.state.books, session)
    app.include_router(router)
    app.include_router(owner_routes.router)


@router.get("/fleet")
async def show(request: Request, session: Manager) -> Response:
    """The fleet's vehicles, page by page."""
    first = _first(request)

    def read(connection: Connection) -> dict[str, Any]:
        since_us = to_us(_clock(request).now() - SHOWN_FOR)
        fleet = _fleet(session)
        lines = store.lines_of(connection, fleet, first, since_us)
        return {"lines": lines, "total": store.count_of(connection, fleet)}

    facts = await run_in_threadpool(_read, request, read)
    facts |= await run_in_threadpool(owner_routes.waiting_of, request, session)
    return page(request, "fleet.html", session=session, first=first, days=SHOWN_FOR.days, **_shown(session), **facts)


@router.get("/fleet/exceptions")
async def show_exceptions(request: Request, session: Manager) -> Response:
    """What does not fit, of one page of vehicles."""
    first = _first(request)

    def read(connection: Connection) -> dict[str, Any]:
        plates = store.plates_of(connection, _fleet(session), first)
        found = views.exceptions_in(connection, plates)
        return {"exceptions": found, "plates": plates, "total": store.count_of(connection, _fleet(session))}

    facts = await run_in_threadpool(_read, request, read)
    return page(request, "fleet_exceptions.html", session=session, first=first, **_shown(session), **facts)


@router.get("/fleet/exceptions.csv")
def exceptions_csv(request: Request, session: Manager) -> Response:
    """What does not fit of all vehicles, made while it is sent."""
    head = ("plate", "at", "kind", "detail", "evidence")
    return _csv(_exception_rows(request, _fleet(session)), head, "exceptions.csv")


def _exception_rows(request: Request, fleet: str) -> Iterator[tuple[object, ...]]:
    first = 0
    while True:
        with telling_faults(), _database(request).reading() as connection:
            plates = store.plates_of(connection, fleet, first)
            found = views.exceptions_in(connection, plates)
        for e in found:
            evidence = "; ".join(f"{one.kind.value}: {one.detail}" for one in e.evidence)
            yield e.plate, _iso(e.at_us), e.kind.value, e.detail, evidence
        first += len(plates)
        if len(plates) < store.VEHICLES_A_PAGE:
            return


@router.get("/fleet/vehicles/{plate}")
async def show_vehicle(request: Request, plate: str, session: Manager) -> Response:
    """One vehicle: fills on a map, consumption, what does not fit."""
    since_us, until_us = _span(request)

    def read(connection: Connection) -> views.VehicleView:
        return views.view_of(connection, _own(connection, session, plate), since_us, until_us)

    view = await run_in_threadpool(_read, request, read)
    shown = _shown(session) | {"since": _date(since_us), "until": _date(until_us - 1)}
    return page(request, "fleet_vehicle.html", session=session, view=view, **shown)


@router.get("/fleet/vehicles/{plate}/fills.csv")
async def fills_csv(request: Request, plate: str, session: Manager) -> Response:
    """The vehicle's fills of the span, one a line."""
    rows = await run_in_threadpool(_fills, request, session, plate)
    return _csv((tuple(row.values()) for row in rows), words.FILL_COLUMNS, "fills.csv")


@router.get("/fleet/vehicles/{plate}/fills.json")
async def fills_json(request: Request, plate: str, session: Manager) -> Response:
    """The same, for programs."""
    return JSONResponse(await run_in_threadpool(_fills, request, session, plate))


def _fills(request: Request, session: Session, plate: str) -> list[dict[str, object]]:
    since_us, until_us = _span(request)

    def read(connection: Connection) -> list[dict[str, object]]:
        vehicle = _own(connection, session, plate)
        found = views.witnesses_of(History(connection, vehicle.plate), vehicle, since_us, until_us)
        return [words.fill_row(witnesses) for witnesses in found]

    return _read(request, read)


def _own(connection: Connection, session: Session, plate: str) -> Vehicle:
    """The vehicle of this session's fleet. Raises AccessRefused, the same for another fleet's and for none."""
    vehicle = views.vehicle_in(connection, _fleet(session), plate)
    if vehicle is None:
        raise access.AccessRefused(404, "your fleet has no such vehicle")
    return vehicle


def _fleet(session: Session) -> str:
    if session.person.fleet is None:
        raise access.AccessRefused(403, "this account has no fleet")
    return session.person.fleet


def _span(request: Request) -> tuple[int, int]:
    """From (included) to (excluded) in µs: the days asked for in either order, else the last ninety; at most 400."""
    now = _clock(request).now()
    first_us, until_us = (views.day_us(request.query_params.get(name, ""), -1) for name in ("from", "to"))
    if 0 <= until_us < first_us:
        first_us, until_us = until_us, first_us
    until_us = to_us(now) + 1 if until_us < 0 else until_us + _us(timedelta(days=1))
    earliest_us = until_us - _us(LONGEST_SPAN)
    since_us = until_us - _us(SHOWN_FOR) if first_us < 0 else first_us
    return max(min(since_us, until_us), earliest_us), until_us


def _us(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _first(request: Request) -> int:
    text = request.query_params.get("first", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 7 else 0


def _read(request: Request, read: Callable[[Connection], Found]) -> Found:
    with telling_faults(), _database(request).reading() as connection:
        return read(connection)


def _database(request: Request) -> Database:
    database: Database = request.app.state.fleet_database
    return database


def _clock(request: Request) -> WallClock:
    clock: WallClock = request.app.state.fleet_clock
    return clock


def _shown(session: Session) -> dict[str, Any]:
    """What all templates of the fleet need."""
    return {"fleet": session.person.fleet, "a_page": store.VEHICLES_A_PAGE, "time_of": _time, **words.FOR_TEMPLATES}


def _time(at_us: int) -> str:
    return f"{from_us(at_us).astimezone(HOME_ZONE):%Y-%m-%d %H:%M}"


def _iso(at_us: int) -> str:
    return from_us(at_us).astimezone(HOME_ZONE).isoformat()


def _date(at_us: int) -> str:
    return _time(at_us)[:10]


def _csv(rows: Iterable[tuple[object, ...]], head: tuple[str, ...], name: str) -> Response:
    """Lines as they come, with a byte-order mark for Excel; a text that Excel would compute is quoted as text."""

    def lines() -> Iterator[str]:
        yield "\ufeff" + ",".join(head) + "\r\n"
        for row in rows:
            text = io.StringIO()
            csv.writer(text).writerow([harmless(value) if isinstance(value, str) else value for value in row])
            yield text.getvalue()

    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)
