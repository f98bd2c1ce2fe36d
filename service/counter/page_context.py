"""Where a page of the counter stands: its station and books, what its forms say, and how its pages are rendered."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from service.books.books import Books
from service.counter.errors import BAD_AMOUNT, FORM_BROKEN, CounterRefused, Words
from service.counter.till import FORM, METHODS, Till
from service.counter.views import StationFacts, station_facts
from service.counter.words import all_words
from service.identity import access
from service.identity.people import Role
from service.identity.sessions import Session
from service.identity.web import lead_on, page
from service.station.overview.book_views import station_titles
from service.station.stream import station_of
from wire.money import parse_yuan
from wire.plates import normalise

Cashier = Annotated[Session, Depends(access.operator(Role.CASHIER))]
Operator = Annotated[Session, Depends(access.operator(Role.OPERATOR))]
Administrator = Annotated[Session, Depends(access.operator(Role.ADMINISTRATOR))]

LONGEST_NOTE = 200
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]{1,2})?")
"""Where commas may stand in an amount: 1,234.50; never in place of the point."""
_FORM = re.compile(r"[A-Za-z0-9_-]{16,40}", re.ASCII)


def books_of(request: Request) -> Books:
    books: Books = request.app.state.books
    return books


def here_of(station: str, **more: str) -> str:
    """The query that leads back to a station's page."""
    return "?" + urlencode({"station": station, **more})


async def choice(request: Request, session: Session, target: str) -> Response | None:
    """For a person of all stations who has named none: the list to choose from, or the only one."""
    if session.person.station is not None or request.query_params.get("station"):
        return None
    titles = await run_in_threadpool(station_titles, books_of(request).database)
    if len(titles) != 1:
        return page(request, "stations.html", session=session, stations=titles, target=target)
    return lead_on(request, target + here_of(next(iter(titles))))


async def station_facts_of(request: Request, session: Session) -> StationFacts:
    """The station of this page. Raises AccessRefused for another's, and for one that is not there."""
    name = station_of(request, session)
    found = await run_in_threadpool(station_facts, books_of(request).database, name)
    if found is None:
        raise access.AccessRefused(404, f"there is no station {name}", f"没有油站 {name}")
    return found


def till_of(request: Request, session: Session, station: StationFacts) -> Till:
    return Till(books_of(request), session.person.name, station.id)


def shown(request: Request, session: Session, template: str, station: StationFacts, **values: Any) -> Response:
    """A page of the counter: what every one of them needs, and what this one shows."""

    def stamp(moment: datetime, form: str = "%Y-%m-%d %H:%M:%S") -> str:
        return f"{moment.astimezone(station.zone):{form}}"

    return page(
        request,
        f"counter/{template}",
        session=session,
        station=station,
        here=here_of(station.id),
        form_id=secrets.token_urlsafe(12),
        stamp=stamp,
        is_operator=session.person.role.covers(Role.OPERATOR),
        is_administrator=session.person.role.covers(Role.ADMINISTRATOR),
        **all_words(),
        **values,
    )


def plate_asked(request: Request) -> str:
    """The plate that a list is asked for, as plates are spelt; empty for all."""
    return normalise(request.query_params.get("plate", "")[:40])


def form_key(form: dict[str, str]) -> str:
    """The key under which what this form asks for is posted. Raises CounterRefused."""
    given = form.get("form", "")
    if not _FORM.fullmatch(given):
        raise CounterRefused(*FORM_BROKEN)
    return FORM + given


def amount_of(text: str, *, signed: bool = False, wrong: Words = BAD_AMOUNT) -> int:
    """Fen of what was typed, above zero (signed: or below). wrong: what else is told. Raises CounterRefused."""
    typed = text.strip().removeprefix("¥").strip()
    try:
        fen = parse_yuan(typed.replace(",", "") if _THOUSANDS.fullmatch(typed) else typed)
    except ValueError:
        raise CounterRefused(*wrong) from None
    if fen == 0 or (fen < 0 and not signed):
        raise CounterRefused(*wrong)
    return fen


def cash_of(text: str) -> int:
    """Fen of counted cash; nothing is an amount too. Raises CounterRefused."""
    return 0 if re.fullmatch(r"0+(\.0{1,2})?", text.strip()) else amount_of(text)


def method_of(form: dict[str, str]) -> str:
    method = form.get("method", "")
    if method not in METHODS:
        raise CounterRefused(*FORM_BROKEN)
    return method


def note_of(form: dict[str, str], *, required: bool = False) -> str:
    """One line of text. Raises CounterRefused for control characters, or for none where it is needed."""
    note = form.get("note", "").strip()[:LONGEST_NOTE]
    if note and not note.isprintable():
        raise CounterRefused(*FORM_BROKEN)
    if required and not note:
        raise CounterRefused("请写明原因。", "Say why.")
    return note


def name_of(form: dict[str, str], field: str, longest: int = 40) -> str:
    """A card's, plate's or other name out of a form. Raises CounterRefused for none."""
    name = form.get(field, "").strip()
    if not 1 <= len(name) <= longest or not name.isprintable():
        raise CounterRefused(*FORM_BROKEN)
    return name
