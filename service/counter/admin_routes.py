"""The administrator's pages: corrections, fuel that nobody was charged for, offline caps, people and devices."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from service.books.records import TransferKind
from service.counter.errors import FORM_BROKEN, CounterRefused, telling_why
from service.counter.office_routes import admin_of, card_page, requests_page
from service.counter.page_context import (
    Administrator,
    amount_of,
    books_of,
    cash_of,
    choice,
    form_key,
    here_of,
    name_of,
    note_of,
    shown,
    station_facts_of,
)
from service.counter.second_person import SecondPerson
from service.counter.till import CASH, Payment
from service.counter.views import station_caps
from service.identity import access
from service.identity.signed.devices import KIND_WORDS
from service.reports.suspense import suspended

router = APIRouter(prefix="/office", include_in_schema=False)


@router.post("/correct")
async def correct(request: Request, session: Administrator) -> Response:
    """A correction with its reason; above the station's limit after a second person's word."""
    station = await station_facts_of(request, session)
    form = await access.fields(request)
    amount_fen = amount_of(form.get("yuan", ""), signed=True)
    card, note = name_of(form, "card"), note_of(form, required=True)
    payment = Payment(form_key(form), TransferKind.CORRECTION, card, amount_fen, CASH, note)
    second = SecondPerson(books_of(request), session.person.name, station)
    posted = await run_in_threadpool(second.correct, payment)
    return card_page(station.id, card) if posted else requests_page(station.id)


@router.get("/claims")
async def claims(request: Request, session: Administrator) -> Response:
    """Fuel of this station that nobody was charged for yet."""
    chosen = await choice(request, session, "/office/claims")
    if chosen is not None:
        return chosen
    station = await station_facts_of(request, session)
    found = await run_in_threadpool(suspended, books_of(request).database, station.id)
    return shown(request, session, "claims.html", station, waiting=found)


@router.post("/claims")
async def claim(request: Request, session: Administrator) -> Response:
    """Charge one of them to a card; the books refuse the second time."""
    station = await station_facts_of(request, session)
    form, fuellings = await access.fields(request), admin_of(request, session).fuellings
    sequence = form.get("sequence", "")
    if not (sequence.isascii() and sequence.isdecimal() and len(sequence) <= 18):
        raise CounterRefused(*FORM_BROKEN)
    dispenser, card, note = name_of(form, "dispenser"), name_of(form, "card"), note_of(form)
    with telling_why():
        await run_in_threadpool(lambda: fuellings.claim(dispenser, int(sequence), card, station=station.id, note=note))
    return RedirectResponse("/office/claims" + here_of(station.id), 303)


@router.get("/caps")
async def caps(request: Request, session: Administrator) -> Response:
    """What each card may have outstanding here while the line is down."""
    chosen = await choice(request, session, "/office/caps")
    if chosen is not None:
        return chosen
    station = await station_facts_of(request, session)
    own_fen, of_cards = await run_in_threadpool(station_caps, books_of(request).database, station.id)
    return shown(request, session, "caps.html", station, own_fen=own_fen, of_cards=of_cards)


@router.post("/caps")
async def set_cap(request: Request, session: Administrator) -> Response:
    """The station's cap, or a card's own."""
    station = await station_facts_of(request, session)
    form, admin = await access.fields(request), admin_of(request, session)
    cap_fen = cash_of(form.get("yuan", ""))
    with telling_why():
        if form.get("card", "").strip():
            await run_in_threadpool(admin.cards.set_offline, name_of(form, "card"), cap_fen)
        else:
            await run_in_threadpool(lambda: admin.stations.set(station.id, offline_fen=cap_fen))
    return RedirectResponse("/office/caps" + here_of(station.id), 303)


@router.get("/people")
async def people(request: Request, session: Administrator) -> Response:
    """Who may log in at this station, and its devices; a person of one station sees nobody of another."""
    chosen = await choice(request, session, "/office/people")
    if chosen is not None:
        return chosen
    station, identity = await station_facts_of(request, session), access.identity_of(request)
    everybody = await run_in_threadpool(identity.people.list)
    whole = session.person.station is None
    seen = [one for one in everybody if one.station == station.id or (whole and one.station is None)]
    devices = await run_in_threadpool(identity.devices.list, station.id)
    return shown(request, session, "people.html", station, people=seen, devices=devices, device_words=KIND_WORDS)
