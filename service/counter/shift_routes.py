"""A cashier's shift: begun with the cash in the drawer."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from service.counter.place import Cashier, cash_of, choice, here_of, shown, station_facts_of, till_of
from service.identity import access

router = APIRouter(prefix="/counter/shift", include_in_schema=False)


@router.get("")
async def show(request: Request, session: Cashier) -> Response:
    """The open shift, or the form that begins one."""
    chosen = await choice(request, session, "/counter/shift")
    if chosen is not None:
        return chosen
    station = await station_facts_of(request, session)
    shift = await run_in_threadpool(till_of(request, session, station).shift)
    return shown(request, session, "shift.html", station, shift=shift)


@router.post("/open")
async def begin(request: Request, session: Cashier) -> Response:
    """The shift begins with what is in the drawer."""
    station = await station_facts_of(request, session)
    float_fen = cash_of((await access.fields(request)).get("yuan", ""))
    await run_in_threadpool(till_of(request, session, station).open_shift, float_fen)
    return RedirectResponse("/counter" + here_of(station.id), 303)
