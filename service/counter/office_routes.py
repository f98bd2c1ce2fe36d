"""The operator's pages: refund, block, prices, what was refused, a day's reconciliation, and second persons' words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from service.admin.admin import Admin
from service.admin.typed_plates import TypedPlates
from service.books.records import TransferKind
from service.books.rows.prices import price_of, prices_of
from service.counter.errors import BAD_PRICE, FORM_BROKEN, CounterRefused, telling_why
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
    shown,
    station_facts_of,
)
from service.counter.routes import day_of
from service.counter.second_person import SecondPerson
from service.counter.till import Payment
from service.counter.trouble_words import troubles_in_chinese
from service.http import refusal_words
from service.identity import access
from service.identity.sessions import Session
from service.reports.reconciliation import reconcile
from service.reports.statement import rejected

MOST_REFUSED = 100
router = APIRouter(prefix="/office", include_in_schema=False)


def actor_of(session: Session) -> str:
    return f"person:{session.person.name}"


def admin_of(request: Request, session: Session) -> Admin:
    """The functions of `greenlane admin`, in this person's name."""
    return Admin(books_of(request), actor_of(session))


def card_page(station: str, card: str) -> Response:
    return RedirectResponse("/counter/card" + here_of(station, card=card), 303)


def requests_page(station: str) -> Response:
    return RedirectResponse("/office/requests" + here_of(station), 303)


@router.post("/refund")
async def refund(request: Request, session: Operator) -> Response:
    """Money goes out: at once with a receipt, above the station's limit after a second person's word."""
    station = await station_facts_of(request, session)
    form = await access.fields(request)
    amount_fen = amount_of(form.get("yuan", ""))
    payment = Payment(
        form_key(form), TransferKind.REFUND, name_of(form, "card"), amount_fen, method_of(form), note_of(form)
    )
    second = SecondPerson(books_of(request), session.person.name, station)
    if await run_in_threadpool(second.refund, payment):
        return RedirectResponse("/counter/receipt" + here_of(station.id, key=payment.key), 303)
    return requests_page(station.id)


@router.get("/requests")
async def requests(request: Request, session: Operator) -> Response:
    """What waits for a second person, and what was decided."""
    chosen = await choice(request, session, "/office/requests")
    if chosen is not None:
        return chosen
    station = await station_facts_of(request, session)
    second = SecondPerson(books_of(request), session.person.name, station)
    return shown(request, session, "requests.html", station, requests=await run_in_threadpool(second.list))


@router.post("/requests")
async def decide(request: Request, session: Operator) -> Response:
    """A second person confirms or declines."""
    station = await station_facts_of(request, session)
    form = await access.fields(request)
    if form.get("word") not in ("confirm", "decline"):
        raise CounterRefused(*FORM_BROKEN)
    second = SecondPerson(books_of(request), session.person.name, station)
    await run_in_threadpool(second.decide, name_of(form, "key", 120), form["word"] == "confirm")
    return requests_page(station.id)


@router.post("/block")
async def block(request: Request, session: Operator) -> Response:
    """Block a card or a plate, or allow it again."""
    station = await station_facts_of(request, session)
    form, admin = await access.fields(request), admin_of(request, session)
    what, name, word = form.get("what"), name_of(form, "name"), form.get("word")
    if what not in ("card", "plate") or word not in ("block", "unblock"):
        raise CounterRefused(*FORM_BROKEN)
    with telling_why():
        await run_in_threadpool(admin.cards.block if what == "card" else admin.plates.block, name, word == "block")
    return card_page(station.id, name_of(form, "card"))


@router.post("/new-card")
async def new_card(request: Request, session: Operator) -> Response:
    """A card without money."""
    station = await station_facts_of(request, session)
    form, admin = await access.fields(request), admin_of(request, session)
    card, owner = name_of(form, "card"), form.get("owner", "").strip()[:80]
    if not owner.isprintable():
        raise CounterRefused(*FORM_BROKEN)
    with telling_why():
        await run_in_threadpool(lambda: admin.cards.create(card, name=owner))
    return card_page(station.id, card)


@router.post("/bind")
async def bind(request: Request, session: Operator) -> Response:
    """Bind a plate to a card; one that is bound to another card is not moved here."""
    station = await station_facts_of(request, session)
    form, admin = await access.fields(request), admin_of(request, session)
    plate, card = name_of(form, "plate"), name_of(form, "card")
    with telling_why():
        await run_in_threadpool(lambda: admin.plates.bind(plate, card, moved_from=None))
    return card_page(station.id, card)


@router.get("/prices")
async def prices(request: Request, session: Operator) -> Response:
    """The station's prices now."""
    chosen = await choice(request, session, "/office/prices")
    if chosen is not None:
        return chosen
    station, books = await station_facts_of(request, session), books_of(request)
    found = await run_in_threadpool(prices_of, books.database, station.id, books.clock.now())
    return shown(request, session, "prices.html", station, prices=found or ())


@router.get("/prices/change")
async def ask_price(request: Request, session: Operator) -> Response:
    """The question that names product, old and new price, before the pumps learn of it."""
    station, books = await station_facts_of(request, session), books_of(request)
    typed = dict(request.query_params)
    product, fen = name_of(typed, "product", 20), amount_of(typed.get("yuan", "")[:20], wrong=BAD_PRICE)
    before = await run_in_threadpool(price_of, books.database, station.id, product, books.clock.now())
    return shown(request, session, "price_change.html", station, product=product, fen=fen, before=before)


@router.post("/prices")
async def set_price(request: Request, session: Operator) -> Response:
    """A price from now on; the same price again changes nothing."""
    station, books = await station_facts_of(request, session), books_of(request)
    form, admin = await access.fields(request), admin_of(request, session)
    product, fen = name_of(form, "product", 20), amount_of(form.get("yuan", ""), wrong=BAD_PRICE)
    if fen != await run_in_threadpool(price_of, books.database, station.id, product, books.clock.now()):
        with telling_why():
            await run_in_threadpool(admin.stations.set_price, station.id, product, fen)
    return RedirectResponse("/office/prices" + here_of(station.id), 303)


@router.get("/refused")
async def refused(request: Request, session: Operator) -> Response:
    """Fuelling reports that were refused for good, and typed plates that the reads do not say, of this station."""
    chosen = await choice(request, session, "/office/refused")
    if chosen is not None:
        return chosen
    station, books = await station_facts_of(request, session), books_of(request)
    reports = await run_in_threadpool(rejected, books.database, station.id, None)
    typed = await run_in_threadpool(TypedPlates(books, actor_of(session)).differing, MOST_REFUSED, station.id)
    shows: dict[str, Any] = {
        "reports": [{**one, "at": datetime.fromisoformat(one["at"])} for one in reports[:MOST_REFUSED]],
        "typed": typed,
        "in_chinese": refusal_words.in_chinese,
        "code_words": refusal_words.code_words,
    }
    return shown(request, session, "refused_reports.html", station, **shows)


@router.get("/reconcile")
async def reconcile_day(request: Request, session: Operator) -> Response:
    """A day: fuelled, posted, the totalisers, and why it is not balanced."""
    chosen = await choice(request, session, "/office/reconcile")
    if chosen is not None:
        return chosen
    station, books = await station_facts_of(request, session), books_of(request)
    today = books.clock.now().astimezone(station.zone).date()
    day = day_of(request.query_params.get("day", "")) or today
    with telling_why():
        found = await run_in_threadpool(reconcile, books.database, station.id, day)
    why = list(zip(troubles_in_chinese(found), found.troubles, strict=True))
    return shown(request, session, "reconcile.html", station, day=found, troubles=why)
