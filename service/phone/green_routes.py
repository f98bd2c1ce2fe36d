"""The routes by which a phone hears of greens at once, says "not me", and lifts that again."""

from __future__ import annotations

import enum

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from service.books.books import Books
from service.errors import AdminError
from service.http import openapi
from service.live.changes import count_change, person_topic
from service.phone import access
from service.phone.access import NotYours
from service.phone.greens import own_greens
from service.station.blocks import PlateBlocks
from service.station.routes import store_of
from service.station.stream import EventStream, streams_of
from service.store.database import telling_faults
from wire.codec import encode
from wire.phone import NotMeAnswer, PhoneGreens

router = APIRouter(prefix="/v1/phone", tags=["phone"])


class PlateWord(enum.StrEnum):
    NOT_ME = "not-me"
    LIFT = "lift"
    LIFT_ALL = "lift-all"


@router.get(
    "/events",
    summary="Be told of changes at once",
    responses=openapi.file("text/event-stream", 'Events "changed" and, every 3 s, "alive"; ends after 300 s.'),
)
async def events(request: Request) -> Response:
    """Server-sent events: "changed" at once and whenever something of this person has changed, and nobody else's."""
    return EventStream(person_topic(access.person(request)), streams_of(request))


@router.get("/greens", summary="Greens that this person pays for now", responses=openapi.answers(PhoneGreens, {}))
def greens(request: Request) -> Response:
    """What the person's mandates allow at this moment, and which plates they have blocked."""
    return JSONResponse(encode(own_greens(_books(request), access.person(request))))


@router.post(
    "/plates/{plate}/{change}",
    summary="Not me: take a plate's green away, or lift that",
    responses=openapi.answers(NotMeAnswer, {404: "The person holds no hours on this plate, or does not own it."}),
)
async def about_plate(request: Request, plate: str, change: PlateWord) -> Response:
    """Not me: green and permit go while nothing has flowed, the staff are called, the plate is blocked.

    lift ends one's own block, lift-all as the plate's owner everybody's.
    """
    return await run_in_threadpool(_said, request, plate, change)


def _said(request: Request, plate: str, word: PlateWord) -> Response:
    books, person = _books(request), access.person(request)
    blocks = PlateBlocks(books, store_of(request), f"phone:{person}")
    concerned = {person}
    try:
        if word is PlateWord.NOT_ME:
            found = blocks.not_me(plate, person)
            answer = NotMeAnswer(revoked=len(found.revoked), flowing=len(found.flowing))
        else:
            if word is PlateWord.LIFT_ALL:
                concerned |= set(blocks.lift_all(plate, person))
            else:
                blocks.lift(plate, person, by=person)
            answer = NotMeAnswer(revoked=0, flowing=0)
    except AdminError:
        raise NotYours from None
    with telling_faults(), books.database.writing() as connection:
        count_change(connection, *(person_topic(one) for one in sorted(concerned)))
    return JSONResponse(encode(answer))


def _books(request: Request) -> Books:
    books: Books = request.app.state.books
    return books
