"""The station's page: every lane live, visits with the way from frame to lamp, holds, and parked messages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse

from service.errors import AdminError, UnknownZone
from service.http import line_words, refusal_words
from service.identity import access
from service.identity.people import Role
from service.identity.sessions import Session
from service.identity.web import language_of, lead_on, page, part
from service.live.changes import station_topic
from service.station import words
from service.station.blocks import disowned_vehicles
from service.station.lane_statuses import Lane
from service.station.overview import step_words
from service.station.overview.book_views import HoldView, open_holds, station_title, station_titles
from service.station.overview.control_view import CentralControl, conflicts_of
from service.station.overview.shared import Rendering, SharedViews
from service.station.overview.visit_lines import folded, guess_of, is_undecided, why_of
from service.station.routes import changes_of, store_of
from service.station.store import StationStore
from service.station.stream import FRESH_HEADER, number_for, station_of, stream
from service.store.database import Database, telling_faults
from service.store.zones import HOME_ZONE, zone_of
from wire.live import ENTRANCE, Order, OrderKind, VisitReport
from wire.reasons import Verdict
from wire.typed import CONFIRMABLE

CONFLICTS_FOR = timedelta(days=30)

router = APIRouter(include_in_schema=False)

SWEPT_WITHIN_S = 5.0
CONTROL_FRESH_S = 10.0
"""What a central control allowed, and its list, run out by time alone."""
_CSRF = "a-csrf-token-of-each-session"
"""Stands in a shared rendering where every session's own token goes."""

Watcher = Annotated[Session, Depends(access.operator(Role.ATTENDANT))]
Operator = Annotated[Session, Depends(access.operator(Role.OPERATOR))]


@router.get("/station")
async def show(request: Request, session: Watcher) -> Response:
    """The whole page; for people of all stations first a list to choose from."""
    if session.person.station is None and not request.query_params.get("station"):
        titles = await run_in_threadpool(station_titles, _database(request))
        if len(titles) != 1:
            return page(request, "stations.html", session=session, stations=titles)
        return lead_on(request, "/station?" + urlencode({"station": next(iter(titles))}))
    station = station_of(request, session)
    facts = await run_in_threadpool(_facts, request, station)
    title = await run_in_threadpool(station_title, _database(request), station)
    may_order = session.person.role.covers(Role.OPERATOR)
    return page(request, "station.html", session=session, may_order=may_order, title=title, **facts)


@router.get("/station/view")
async def view(request: Request, session: Watcher) -> Response:
    """The part of the page that changes, rendered once for all who see the same."""
    station, language = station_of(request, session), language_of(request)
    may_order = session.person.role.covers(Role.OPERATOR)
    topic, changes = station_topic(station), changes_of(request)

    async def render() -> Rendering:
        number = await number_for(request, topic, changes)
        facts = await run_in_threadpool(_facts, request, station)
        text = await run_in_threadpool(part, language, "station_view.html", may_order=may_order, csrf=_CSRF, **facts)
        fresh_s = _fresh_s(store_of(request), facts["lanes"], facts["holds"])
        return Rendering(number, text, fresh_s if facts["control"] is None else min(fresh_s, CONTROL_FRESH_S))

    views: SharedViews = request.app.state.views
    found = await views.get((station, language, may_order), await number_for(request, topic, changes), render)
    headers = {FRESH_HEADER: f"{found.fresh_s:.1f}"}
    return HTMLResponse(found.text.replace(_CSRF, session.csrf), headers=headers)


@router.get("/station/events")
async def events(request: Request, session: Watcher) -> Response:
    """Tells when to fetch the view again."""
    return stream(request, station_of(request, session))


@router.get("/station/visits/{visit}")
async def visit(request: Request, visit: str, session: Watcher) -> Response:
    """One visit from frame to lamp."""
    station = station_of(request, session)
    found = await run_in_threadpool(store_of(request).visits.of, station, visit)
    if found is None:
        raise access.AccessRefused(404, "no such visit, or it is too long ago", "没有这条进站记录，或已超过保留期")
    picture = await run_in_threadpool(store_of(request).visits.picture, station, visit)
    zone = await run_in_threadpool(_zone, _database(request), station)
    return page(
        request,
        "visit.html",
        session=session,
        station=station,
        visit=found,
        steps=folded(found.story),
        has_picture=picture is not None,
        here=_here(station),
        clock_of=_clock_of(zone),
        **_words(),
    )


@router.get("/station/visits/{visit}/picture")
async def picture(request: Request, visit: str, session: Watcher) -> Response:
    """The visit's picture, while it is kept."""
    data = await run_in_threadpool(store_of(request).visits.picture, station_of(request, session), visit)
    if data is None:
        raise access.AccessRefused(404, "no picture is kept of this visit", "没有保留抓拍图")
    return Response(data, media_type="image/jpeg")


@router.post("/station/orders")
async def order(request: Request, session: Operator) -> Response:
    """Retry or discard a parked message of a lane unit, or (without a lane) of the central control; written down."""
    station = station_of(request, session)
    control = control_of(request)
    try:
        lane, wanted = _parked_order(await access.fields(request), session)
        if lane == "" and control is not None:
            await run_in_threadpool(control.decide, wanted.kind, wanted.message or 0, session.person.name, wanted.why)
        else:
            await run_in_threadpool(
                store_of(request).orders.give, station, lane, wanted, f"person:{session.person.name}"
            )
    except AdminError as error:
        raise access.AccessRefused(409, str(error)) from error
    return RedirectResponse("/station" + _here(station) + "#parked", 303)


@router.post("/station/move")
async def move(request: Request, session: Watcher) -> Response:
    """An attendant moves a plate's authorisation to the lane where its vehicle stands: the other lane gives it up."""
    station = station_of(request, session)
    asking = (await access.fields(request)).get("lane", "")[:40]
    found = await run_in_threadpool(store_of(request).lanes.of, station, asking)
    if found is None or found.silent or found.status.open_lane is None or found.status.plate is None:
        raise access.AccessRefused(
            409, "that lane no longer waits for another one; load the page again", "该加油位已不再等待，请刷新"
        )
    order = Order(id="new", kind=OrderKind.MOVE, by=session.person.name, plate=found.status.plate)
    actor = f"person:{session.person.name}"
    try:
        await run_in_threadpool(store_of(request).orders.give, station, found.status.open_lane, order, actor)
    except AdminError as error:
        raise access.AccessRefused(409, str(error)) from error
    return RedirectResponse("/station" + _here(station), 303)


@router.post("/station/confirm")
async def confirm(request: Request, session: Watcher) -> Response:
    """An attendant who sees the vehicle vouches for the plate that was typed; the name goes into the trail."""
    station = station_of(request, session)
    form = await access.fields(request)
    lane, plate = form.get("lane", "")[:40], form.get("plate", "")[:12]
    found = await run_in_threadpool(store_of(request).lanes.of, station, lane)
    waits = found is not None and not found.silent and found.status.typed and found.status.reason in CONFIRMABLE
    if found is None or not waits or not plate or found.status.plate != plate:
        raise access.AccessRefused(
            409, "that typed plate no longer waits to be confirmed; load the page again", "该车牌已不再等待确认，请刷新"
        )
    actor = f"person:{session.person.name}"
    order = Order(id="new", kind=OrderKind.CONFIRM, by=actor, plate=plate)
    try:
        await run_in_threadpool(store_of(request).orders.give, station, lane, order, actor)
    except AdminError as error:
        raise access.AccessRefused(409, str(error)) from error
    return RedirectResponse("/station" + _here(station), 303)


def _parked_order(form: dict[str, str], session: Session) -> tuple[str, Order]:
    """The lane and the order that a form of the parked messages stands for. Raises AdminError."""
    message, why = form.get("message", ""), form.get("why", "").strip()[:200]
    if not (message.isascii() and message.isdecimal() and len(message) <= 15) or form.get("kind") not in (
        "retry",
        "discard",
    ):
        raise AdminError("the form is incomplete; load the page again")
    kind = OrderKind(form["kind"])
    if kind is OrderKind.DISCARD and not (why and why.isprintable()):
        raise AdminError("say why the message is discarded")
    printable = why if why.isprintable() else ""
    wanted = Order(id="new", kind=kind, by=session.person.name, message=int(message) or 1, why=printable)
    return form.get("lane", "")[:40], wanted


def _facts(request: Request, station: str) -> dict[str, Any]:
    store, database, control = store_of(request), _database(request), control_of(request)
    since = store.now() - CONFLICTS_FOR
    lanes, visits = store.lanes.all_of(station), store.visits.newest(station)
    unsure = [visit.visit for visit in visits if visit.plate is None]
    return {
        "station": station,
        "here": _here(station),
        "lanes": lanes,
        "visits": visits,
        "pictured": store.visits.pictured(station, unsure) if unsure else set(),
        "holds": open_holds(database, station),
        "strange": disowned_vehicles(database, station, store.now()),
        "pending": {(lane, order.message) for lane, order in store.orders.about_parked(station)},
        "control": None if control is None else control.view(),
        "conflicts": conflicts_of(database, station, since) if control is None else control.conflicts(),
        "clock_of": _clock_of(_zone(database, station)),
        "confirmable": CONFIRMABLE,
        **_words(),
    }


def _fresh_s(store: StationStore, lanes: Sequence[Lane], holds: Sequence[HoldView]) -> float:
    """Until a lane is silent or the next hold expires; one that is over is given back within some seconds."""
    left_s = min((-store.age_s(hold.expires_at) for hold in holds), default=math.inf)
    return min(store.lanes.fresh_s(lanes), max(left_s, SWEPT_WITHIN_S))


def _words() -> dict[str, Any]:
    return {
        "conflict_words": words.CONFLICTS,
        "reasons": words.REASONS,
        "phases": words.PHASES,
        "lamps": words.LAMPS,
        "entrance": ENTRANCE,
        "stages": words.STAGES,
        "yuan": words.yuan,
        "litres": words.litres,
        "outcome": outcome,
        "verdict": verdict,
        "why_of": why_of,
        "guess_of": guess_of,
        "seconds": lambda s: f"{s:.1f} s",
        "step_words": step_words.in_chinese,
        "line_words": line_words.in_chinese,
        "kind_words": refusal_words.kind_words,
        "code_words": refusal_words.code_words,
        "refusal_in_chinese": refusal_words.in_chinese,
    }


def outcome(visit: VisitReport) -> str:
    """The style of a visit's decision."""
    return "warn" if is_undecided(visit) else "good" if visit.decision is Verdict.ALLOW else "bad"


def verdict(visit: VisitReport) -> words.Words:
    """A visit's decision, or that there is none yet."""
    if is_undecided(visit):
        return ("识别中", "being read")
    return ("放行", "allowed") if visit.decision is Verdict.ALLOW else ("拒绝", "refused")


def _here(station: str) -> str:
    return "?" + urlencode({"station": station})


def _clock_of(zone: ZoneInfo) -> Any:
    return lambda moment: _local(moment, zone)


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%m-%d %H:%M:%S}"


def _zone(database: Database, station: str) -> ZoneInfo:
    try:
        with telling_faults(), database.reading() as connection:
            return zone_of(connection, station) or HOME_ZONE
    except UnknownZone:
        return ZoneInfo("UTC")


def control_of(request: Request) -> CentralControl | None:
    """The central control whose page this is; None for the service's own."""
    control: CentralControl | None = request.app.state.control
    return control


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database
