"""A cashier's shift: begun with the cash in the drawer, ended by counting it; and bills that phones did not pay."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from service.counter.page_context import (
    Cashier,
    books_of,
    cash_of,
    choice,
    here_of,
    method_of,
    name_of,
    note_of,
    plate_asked,
    shown,
    station_facts_of,
    till_of,
)
from service.counter.shifts import close, open_shifts, reports
from service.counter.views import unpaid_bills
from service.identity import access
from service.identity.people import Role

router = APIRouter(prefix="/counter", include_in_schema=False)
LAST_SHIFTS = 10


@router.get("/shift")
async def show(request: Request, session: Cashier) -> Response:
    """The open shift with the form that ends it, or the form that begins one; and the last ones of this person."""
    chosen = await choice(request, session, "/counter/shift")
    if chosen is not None:
        return chosen
    station = await station_facts_of(request, session)
    till = till_of(request, session, station)
    shift, entries = await run_in_threadpool(lambda: (till.shift(), till.entries()))
    database, name = books_of(request).database, session.person.name
    past = await run_in_threadpool(lambda: reports(database, station.id, cashier=name, last=LAST_SHIFTS))
    closed = [one for one in past if one.closed_at]
    others = await run_in_threadpool(open_shifts, database, station.id)
    return shown(
        request,
        session,
        "shift.html",
        station,
        shift=shift,
        past=closed,
        entries=entries,
        others=[one for one in others if one != name],
    )


@router.post("/shift/open")
async def begin(request: Request, session: Cashier) -> Response:
    """The shift begins with what is in the drawer."""
    station = await station_facts_of(request, session)
    float_fen = cash_of((await access.fields(request)).get("yuan", ""))
    await run_in_threadpool(till_of(request, session, station).open_shift, float_fen)
    return RedirectResponse("/counter" + here_of(station.id), 303)


@router.post("/shift/close")
async def end(request: Request, session: Cashier) -> Response:
    """The cash is counted blind: what was expected is shown when the shift is closed.

    An operator ends the shift of somebody who has left.
    """
    station = await station_facts_of(request, session)
    form = await access.fields(request)
    counted_fen, note = cash_of(form.get("yuan", "")), note_of(form)
    by, cashier = session.person.name, form.get("cashier", session.person.name)
    if cashier != by and not session.person.role.covers(Role.OPERATOR):
        raise access.AccessRefused(403, "only an operator ends another's shift", "只有运营可以替别人交班")
    await run_in_threadpool(lambda: close(books_of(request), cashier, counted_fen, note, by=by, station=station.id))
    return RedirectResponse("/counter/shift" + here_of(station.id), 303)


@router.get("/bills")
async def bills(request: Request, session: Cashier) -> Response:
    """Bills of this station that no phone has paid, of one plate or all."""
    chosen = await choice(request, session, "/counter/bills")
    if chosen is not None:
        return chosen
    station = await station_facts_of(request, session)
    plate = plate_asked(request)
    found = await run_in_threadpool(unpaid_bills, books_of(request).database, station.id, plate)
    return shown(request, session, "bills.html", station, bills=found, of_plate=plate)


@router.post("/bills")
async def settle(request: Request, session: Cashier) -> Response:
    """A bill of this station is paid at the counter, once; then the receipt."""
    station = await station_facts_of(request, session)
    form = await access.fields(request)
    settled = till_of(request, session, station).settle
    key = await run_in_threadpool(settled, name_of(form, "bill"), method_of(form))
    return RedirectResponse("/counter/receipt" + here_of(station.id, key=key), 303)
