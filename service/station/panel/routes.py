"""The panel at the pump (the refuelling terminal of the patent): a plate keyboard, and what the lane says to it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse

from service.errors import AdminError, Unavailable
from service.http.format_table import look_of, missing, typed_plate
from service.identity import access
from service.identity.people import Role
from service.identity.sessions import Session
from service.identity.web import page
from service.station import words
from service.station.panel.screen import screen_of
from service.station.routes import store_of
from service.station.store import StationStore
from service.station.stream import FRESH_HEADER, panel_of, stream
from wire.live import LampState, Order, OrderKind
from wire.reasons import Reason

router = APIRouter(include_in_schema=False)

Driver = Annotated[Session, Depends(access.operator(Role.PANEL))]

PROVINCES = ("京津沪渝冀豫云辽黑湘", "皖鲁新苏浙赣鄂桂甘晋", "蒙陕吉闽贵粤青藏川宁", "琼使民军")
CHARACTERS = ("1234567890", "QWERTYUIOP", "ASDFGHJKL", "ZXCVBNM航应急", "警学挂港澳领使试临")


@router.get("/panel/{lane}")
async def show(request: Request, lane: str, session: Driver) -> Response:
    """The whole page."""
    station = panel_of(request, session, lane)
    facts = await run_in_threadpool(_facts, store_of(request), station, lane)
    if facts["is_unknown"] and session.person.role is not Role.PANEL:
        english = f"there is no lane {lane[:40]} at {station}: no unit of this name has ever reported"
        raise access.AccessRefused(404, english, f"油站 {station} 没有加油位 {lane[:40]}")
    return page(
        request,
        "panel.html",
        session=session,
        station=station,
        lane=lane,
        provinces=PROVINCES,
        characters=CHARACTERS,
        **facts,
    )


@router.get("/panel/{lane}/view")
async def view(request: Request, lane: str, session: Driver) -> Response:
    """The part of the page that changes."""
    facts = await run_in_threadpool(_facts, store_of(request), panel_of(request, session, lane), lane)
    answer = page(request, "panel_view.html", session=session, lane=lane, **facts)
    answer.headers[FRESH_HEADER] = f"{facts['fresh_s']:.1f}"
    return answer


@router.get("/panel/{lane}/events")
async def events(request: Request, lane: str, session: Driver) -> Response:
    """Tells when to fetch the view again."""
    return stream(request, panel_of(request, session, lane), lane)


@router.post("/panel/{lane}/typed")
async def typed(request: Request, lane: str, session: Driver) -> Response:
    """A plate was typed: it goes to the lane unit, which asks about it as about a read one and owns the lamp."""
    station, form = panel_of(request, session, lane), await access.fields(request)
    plate = typed_plate(form.get("plate", ""))
    if plate is None:
        return _typed_answer(request, 422, missing(form.get("plate", "")))
    found = await run_in_threadpool(store_of(request).lanes.of, station, lane)
    if found is not None and not found.silent and found.status.lamp is LampState.GREEN:
        return _typed_answer(request, 200, words.ALREADY_GREEN)
    proof: str | None = None
    if form.get("pin"):
        checked = await _checked_pin(request, station, lane, plate, form["pin"])
        if not isinstance(checked, str):
            return _typed_answer(request, *checked)
        proof = checked
    visit = None if found is None else found.status.visit
    by = session.person.name
    order = Order(id="new", kind=OrderKind.TYPED, by=by, plate=plate, pin_proof=proof, visit=visit)
    try:
        await run_in_threadpool(store_of(request).orders.give, station, lane, order, session.actor)
    except AdminError:
        return _typed_answer(request, 409, words.SILENT)
    return _typed_answer(request, 202, words.SENT)


async def _checked_pin(
    request: Request, station: str, lane: str, plate: str, pin: str
) -> str | tuple[int, words.Words]:
    """The proof for a right PIN; else status and words. A station's central control has the service judge it."""
    try:
        found = await run_in_threadpool(request.app.state.check_pin, station, lane, plate, pin[:20])
    except Unavailable:
        return 503, words.NO_PINS_NOW
    if isinstance(found, str):
        return found
    return (422, words.REASONS[Reason.PIN_WRONG]) if found is None else (429, words.PIN_LATER)


def _typed_answer(request: Request, status: int, outcome: words.Words) -> Response:
    """JSON for the page's script; without scripts the page itself, which shows the order."""
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"zh": outcome[0], "en": outcome[1]}, status)
    target = request.url.path.removesuffix("/typed") + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(target, 303)


def _facts(store: StationStore, station: str, lane: str) -> dict[str, Any]:
    found = store.lanes.of(station, lane)
    order = next(iter(store.orders.last(station, lane, OrderKind.TYPED)), None)
    age_s = 0.0 if order is None else store.age_s(order.made_at)
    is_fresh = order is not None and found is not None and found.seen_at >= order.made_at
    screen = screen_of(found, order, age_s, is_fresh)
    fresh_s = store.lanes.fresh_s([] if found is None else [found])
    return {
        "fresh_s": fresh_s if screen.until_s is None else min(fresh_s, screen.until_s),
        "screen": screen,
        "is_unknown": found is None,
        "look_of": look_of,
        "lost": words.LOST,
        "counter": words.COUNTER,
        "type_here": words.TYPE_HERE,
        "number": words.number,
    }
