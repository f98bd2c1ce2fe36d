"""The cashier's pages: whose plate is this, top-up with its receipt, a card's statement."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from service.counter.errors import telling_why
from service.counter.page_context import (
    Cashier,
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
    till_of,
)
from service.counter.till import find_entry
from service.counter.views import ELSEWHERE, PlateOrCard, StationFacts, find, lines_for, receipt
from service.identity import access
from service.reports.statement import card_of, cards, plates
from wire.plates import normalise

QUICK_YUAN = (100, 200, 300, 500, 1000)
STATEMENT_DAYS = 31
router = APIRouter(prefix="/counter", include_in_schema=False)


@router.get("")
async def search(request: Request, session: Cashier) -> Response:
    """Whose plate is this? What names one plate or card alone leads to its page."""
    chosen = await choice(request, session, "/counter")
    if chosen is not None:
        return chosen
    station = await station_facts_of(request, session)
    text = request.query_params.get("q", "").strip()[:40]
    found = await run_in_threadpool(find, books_of(request).database, text) if text else []
    if len(found) == 1 and found[0].card is not None and text_names(text, found[0]):
        return RedirectResponse("/counter/card" + here_of(station.id, card=found[0].card), 303)
    shift = await run_in_threadpool(till_of(request, session, station).shift)
    return shown(request, session, "search.html", station, text=text, found=found, shift=shift)


def text_names(text: str, found: PlateOrCard) -> bool:
    """Whether it is that plate or card, and not a part of its name."""
    return normalise(text) == found.plate or text == found.card


@router.get("/card")
async def card(request: Request, session: Cashier) -> Response:
    """A card: whose it is, its plates, states and money."""
    station = await station_facts_of(request, session)
    name, database = request.query_params.get("card", "")[:40], books_of(request).database
    with telling_why():
        view = (await run_in_threadpool(cards, database, await run_in_threadpool(card_of, database, name)))[0]
        bound = await run_in_threadpool(lambda: plates(database, card=view.card))
    return shown(request, session, "card.html", station, card=view, plates=bound, quick=QUICK_YUAN)


@router.get("/top-up")
async def ask_top_up(request: Request, session: Cashier) -> Response:
    """The question that names amount and card, before money is posted.

    The form's number comes with the link: who goes back to an answered question finds its receipt, not a new question.
    """
    station = await station_facts_of(request, session)
    form = {"form": request.query_params.get("form", "")}
    key = form_key(form)
    answered = await run_in_threadpool(find_entry, books_of(request).database, key)
    if answered is not None and answered.posted:
        return RedirectResponse("/counter/receipt" + here_of(station.id, key=key), 303)
    name, typed = request.query_params.get("card", "")[:40], request.query_params.get("yuan", "")[:20]
    with telling_why():
        view = (await run_in_threadpool(cards, books_of(request).database, name))[0]
    shift = await run_in_threadpool(till_of(request, session, station).shift)
    return shown(request, session, "top_up.html", station, card=view, amount_fen=amount_of(typed), shift=shift, **form)


@router.post("/top-up")
async def top_up(request: Request, session: Cashier) -> Response:
    """Money comes in, once per form; then the receipt."""
    station = await station_facts_of(request, session)
    form = await access.fields(request)
    key, name = form_key(form), name_of(form, "card")
    paid = (key, name, amount_of(form.get("yuan", "")), method_of(form), note_of(form))
    await run_in_threadpool(till_of(request, session, station).top_up, *paid)
    return RedirectResponse("/counter/receipt" + here_of(station.id, key=key), 303)


@router.get("/receipt")
async def show_receipt(request: Request, session: Cashier) -> Response:
    """A receipt of this station, to be printed."""
    station = await station_facts_of(request, session)
    database = books_of(request).database
    entry = await run_in_threadpool(find_entry, database, request.query_params.get("key", "")[:120])
    found = None if entry is None else await run_in_threadpool(receipt, database, entry)
    if found is None or found.entry.station != station.id:
        raise access.AccessRefused(404, "there is no such receipt at this station", "本站没有这张小票")
    return shown(request, session, "receipt.html", station, receipt=found)


@router.get("/statement")
async def show_statement(request: Request, session: Cashier) -> Response:
    """A card's movements in the station's time zone, the last month unless other days are asked for."""
    station = await station_facts_of(request, session)
    name, database = request.query_params.get("card", "")[:40], books_of(request).database
    since, until = _days(request, station)
    begin, end = _midnight(since, station), _midnight(until + timedelta(days=1), station)
    with telling_why():
        view = (await run_in_threadpool(cards, database, name))[0]
        lines = await run_in_threadpool(lines_for, database, name, begin, end, session.person.station)
    shows = {"since": since, "until": until, "lines": lines, "elsewhere": ELSEWHERE}
    return shown(request, session, "statement.html", station, card=view, **shows)


def _days(request: Request, station: StationFacts) -> tuple[date, date]:
    today = books_of(request).clock.now().astimezone(station.zone).date()
    until = day_of(request.query_params.get("until", "")) or today
    return day_of(request.query_params.get("since", "")) or until - timedelta(days=STATEMENT_DAYS), until


def day_of(text: str) -> date | None:
    """A day out of a date field; None for what is none."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1990 <= found.year <= 2200 else None


def _midnight(day: date, station: StationFacts) -> datetime:
    return datetime.combine(day, time(), station.zone)
