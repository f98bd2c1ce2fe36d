"""The routes by which phones are paired and ask about their person."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from service.books.books import Books
from service.http import openapi
from service.http.bodies import read
from service.identity import browser
from service.phone import access, persons
from service.phone.pairing import Pairing
from service.phone.spending import spending
from service.phone.spending_drawing import drawn
from service.phone.spots import spots
from service.store.database import Database
from wire.codec import encode
from wire.phone import PhonePaired, PhonePairing, PhonePerson, PhoneSpending, PhoneSpots

CONSENT_REFUSED = {400: "The body or its signature cannot be read, or other words than today's were agreed to."}
CODE_REFUSED = {401: "The code is wrong, used or expired, or the phone's key has not signed."}
THROTTLED = {429: "Too many attempts; Retry-After says when the next one is listened to."}

router = APIRouter(prefix="/v1/phone", tags=["phone"])


@router.post(
    "/pairings",
    summary="Pair a phone",
    responses=openapi.answers(PhonePaired, {**CONSENT_REFUSED, **CODE_REFUSED, **THROTTLED}),
    openapi_extra=openapi.body(PhonePairing),
)
async def pair(request: Request) -> Response:
    """Signed with the key it brings. The code is burnt; repeats are harmless."""
    asked = await read(request, PhonePairing)
    pairing: Pairing = request.app.state.phone_pairing
    key_id = access.caller(request).key_id
    paired = await run_in_threadpool(pairing.pair, asked, key_id, browser.source_of(request))
    return JSONResponse(encode(paired))


@router.get("/me", summary="Whose phone this is", responses=openapi.answers(PhonePerson, {}))
def me(request: Request) -> Response:
    """Name, wallet and plates of the person whose phone asks."""
    return JSONResponse(
        encode(persons.person(_database(request), access.person(request), access.caller(request).key_id))
    )


@router.get("/spots", summary="Where stations stand", responses=openapi.answers(PhoneSpots, {}))
def station_spots(request: Request) -> Response:
    """Where stations stand; whether the phone is at one, it finds out by itself."""
    access.person(request)
    return JSONResponse(encode(spots(_database(request))))


@router.get("/spending", summary="What was paid, by month", responses=openapi.answers(PhoneSpending, {}))
def my_spending(request: Request) -> Response:
    """What the person has paid in the last twelve months, by month and plate, as sums and as a drawing."""
    books: Books = request.app.state.books
    months = spending(books, access.person(request))
    return JSONResponse(encode(PhoneSpending(months=months, svg=drawn(months))))


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database
