"""The panel at the pump (the refuelling terminal of the patent): a plate keyboard, and what the lane says to it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse

from service.errors import DeskError
from service.identity import access
from service.identity.people import Role
from service.identity.sessions import Session
from service.identity.web import page
from service.station import words
from service.station.format_table import typed_plate
from service.station.routes import changes_of, desk_of
from service.station.store import Lane, OrderState, StationDesk
from service.station.stream import FRESH_HEADER, panel_of, stream
from wire.live import LampState, Order, OrderKind, OrderResult
from wire.reasons import Reason

router = APIRouter(include_in_schema=False)

Driver = Annotated[Session, Depends(access.operator(Role.PANEL))]

PROVINCES = ("京津沪渝冀豫云辽黑湘", "皖鲁新苏浙赣鄂桂甘晋", "蒙陕吉闽贵粤青藏川宁", "琼使")
SIGNS = ("1234567890", "QWERTYUIOP", "ASDFGHJKL", "ZXCVBNM", "警学挂港澳领使")
SHOWN_FOR_S = 60.0
WANTS_PIN = frozenset({Reason.PIN_NEEDED, Reason.PIN_WRONG})


@router.get("/panel/{lane}")
async def show(request: Request, lane: str, session: Driver) -> Response:
    """The whole page."""
    station = panel_of(request, session, lane)
    facts = await run_in_threadpool(_facts, desk_of(request), station, lane)
    return page(
        request, "panel.html", session=session, station=station, lane=lane, provinces=PROVINCES, signs=SIGNS, **facts
    )


@router.get("/panel/{lane}/view")
async def view(request: Request, lane: str, session: Driver) -> Response:
    """The part of the page that changes."""
    facts = await run_in_threadpool(_facts, desk_of(request), panel_of(request, session, lane), lane)
    answer = page(request, "panel_view.html", session=session, lane=lane, **facts)
    answer.headers[FRESH_HEADER] = f"{facts['fresh_s']:.1f}"
    return answer


@router.get("/panel/{lane}/events")
async def events(request: Request, lane: str, session: Driver) -> Response:
    """Tells when to fetch the view again."""
    return stream(request, panel_of(request, session, lane), changes_of(request), lane)


@router.post("/panel/{lane}/typed")
async def typed(request: Request, lane: str, session: Driver) -> Response:
    """A plate was typed: it goes to the lane unit, which asks about it as about a read one and owns the lamp."""
    station, form = panel_of(request, session, lane), await access.fields(request)
    plate = typed_plate(form.get("plate", ""))
    if plate is None:
        return _typed_answer(request, lane, 422, words.REASONS[Reason.INVALID_PLATE])
    proof: str | None = None
    if form.get("pin"):
        checked = await _checked_pin(request, station, lane, plate, form["pin"])
        if not isinstance(checked, str):
            return _typed_answer(request, lane, *checked)
        proof = checked
    order = Order(id="new", kind=OrderKind.TYPED, by=session.person.name, plate=plate, pin_proof=proof)
    try:
        await run_in_threadpool(desk_of(request).order, station, lane, order, f"person:{session.person.name}")
    except DeskError:
        return _typed_answer(request, lane, 409, words.SILENT)
    return _typed_answer(request, lane, 202, words.WAITING)


async def _checked_pin(
    request: Request, station: str, lane: str, plate: str, pin: str
) -> str | tuple[int, words.Words]:
    """The proof for a right PIN; else status and words. A station's central control keeps no PINs."""
    check = request.app.state.check_pin
    if check is None:
        return 503, words.NO_PINS_HERE
    found = await run_in_threadpool(check, station, lane, plate, pin[:20])
    if isinstance(found, str):
        return found
    return (422, words.REASONS[Reason.PIN_WRONG]) if found is None else (429, words.PIN_LATER)


def _typed_answer(request: Request, lane: str, status: int, told: words.Words) -> Response:
    """JSON for the page's script; without scripts the page itself, which shows the order."""
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"zh": told[0], "en": told[1]}, status)
    target = request.url.path.removesuffix("/typed") + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(target, 303)


def _facts(desk: StationDesk, station: str, lane: str) -> dict[str, Any]:
    found = desk.lane(station, lane)
    orders = desk.last_orders(station, lane, OrderKind.TYPED)
    order = orders[0] if orders and desk.age_s(orders[0].made_at) < SHOWN_FOR_S else None
    fresh_s = desk.fresh_s([] if found is None else [found])
    if order is not None:
        fresh_s = min(fresh_s, SHOWN_FOR_S - desk.age_s(order.made_at), order.left_s or SHOWN_FOR_S)
    return {
        "fresh_s": fresh_s,
        "wants_pin": found is not None and not found.silent and found.status.reason in WANTS_PIN,
        "told": None if found is None or found.silent else found.status,
        "headline": _headline(found),
        "why": _why(found),
        "colour": "silent" if found is None or found.silent else found.status.lamp.value,
        "order": order,
        "order_words": None if order is None else _order_words(order),
        "yuan": words.yuan,
        "litres": words.litres,
    }


def _headline(lane: Lane | None) -> words.Words:
    if lane is None or lane.silent:
        return "无法连接", "Not connected"
    status = lane.status
    if status.phase in ("reading", "asking") and status.lamp is not LampState.GREEN:
        return words.PHASES[status.phase][0], words.PHASES[status.phase][1].capitalize()
    if status.volume_ml is not None:
        return words.PHASES["fuelling"][0], "Fuelling"
    return words.LAMPS[status.lamp]


def _why(lane: Lane | None) -> words.Words:
    if lane is None or lane.silent:
        return words.SILENT
    if lane.status.reason is Reason.VISIT_OVER and lane.status.visit is not None:
        return words.FUELLED
    return words.REASONS[lane.status.reason]


def _order_words(order: OrderState) -> words.Words | None:
    if order.expired:
        return words.EXPIRED
    if order.result is None:
        return words.WAITING
    return None if order.result is OrderResult.TAKEN else words.RESULTS[order.result]
