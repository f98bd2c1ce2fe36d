"""The operator's pages that give bills back: a station's bills, one with its whole fuelling, and the refund itself."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from service.books.records import TransferKind
from service.counter.bill_refunds import bills_of, fuelling_bill
from service.counter.page_context import (
    Operator,
    amount_of,
    books_of,
    choice,
    form_key,
    here_of,
    method_of,
    name_of,
    note_of,
    plate_asked,
    shown,
    station_facts_of,
)
from service.counter.second_person import SecondPerson
from service.counter.till import Payment
from service.counter.words import BILL_STATES
from service.identity import access

router = APIRouter(prefix="/office", include_in_schema=False)


@router.get("/bills")
async def bills(request: Request, session: Operator) -> Response:
    """The newest bills of this station, of one plate or all, whatever became of them."""
    chosen = await choice(request, session, "/office/bills")
    if chosen is not None:
        return chosen
    station = await station_facts_of(request, session)
    plate = plate_asked(request)
    found = await run_in_threadpool(bills_of, books_of(request).database, station.id, plate)
    return shown(request, session, "office_bills.html", station, bills=found, of_plate=plate, bill_states=BILL_STATES)


@router.get("/bill")
async def bill(request: Request, session: Operator) -> Response:
    """Who was charged what of the fuelling, what went back, and the form that gives back."""
    station = await station_facts_of(request, session)
    name = request.query_params.get("bill", "")[:40]
    found = await run_in_threadpool(fuelling_bill, books_of(request).database, station.id, name)
    if found is None:
        raise access.AccessRefused(404, "there is no such bill at this station", "本站没有这张账单")
    shows = {"bill": found, "bill_states": BILL_STATES, "stands_at": "/office/bills"}
    return shown(request, session, "office_bill.html", station, **shows)


@router.post("/bill")
async def give_back(request: Request, session: Operator) -> Response:
    """Back the way it came, what was charged last first; above the station's limit after a second person's word."""
    station = await station_facts_of(request, session)
    form = await access.fields(request)
    amount_fen, note = amount_of(form.get("yuan", "")), note_of(form, required=True)
    payment = Payment(form_key(form), TransferKind.PAY_BACK, name_of(form, "bill"), amount_fen, method_of(form), note)
    second = SecondPerson(books_of(request), session.person.name, station)
    if await run_in_threadpool(second.give_back, payment):
        return RedirectResponse("/office/bill" + here_of(station.id, bill=payment.subject), 303)
    return RedirectResponse("/office/requests" + here_of(station.id), 303)


@router.post("/bill/dispute")
async def end_dispute(request: Request, session: Operator) -> Response:
    """Who was right: for the driver the bill goes back whole, above the limit after a second person's word."""
    station = await station_facts_of(request, session)
    form = await access.fields(request)
    bill, note = name_of(form, "bill"), note_of(form, required=True)
    second = SecondPerson(books_of(request), session.person.name, station)
    if form.get("word") == "station":
        await run_in_threadpool(second.uphold, bill, note)
    else:
        payment = Payment(form_key(form), TransferKind.PAY_BACK, bill, 0, method_of(form), note)
        if not await run_in_threadpool(second.end_dispute, bill, payment):
            return RedirectResponse("/office/requests" + here_of(station.id), 303)
    return RedirectResponse("/office/bill" + here_of(station.id, bill=bill), 303)
