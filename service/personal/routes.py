"""The routes by which a person takes along what is kept about them, and has it erased."""

from __future__ import annotations

import json
import logging

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from service.books.books import Books
from service.errors import AdminError
from service.http import openapi
from service.http.bodies import read
from service.payers import keys
from service.payers.keys import NotSigned
from service.personal.erasing import Erasing
from service.personal.export import everything
from service.phone import access
from service.phone.access import ChangedMeanwhile
from service.store.database import telling_faults
from wire.payers import ERASURE_WORDS, ErasureText, Signed

ERASURE_REFUSED = {
    403: "The words are not signed by this person's own phone, or not now.",
    409: "Something of the person's is still open.",
}
SCRUBBED_AT_ONCE = 100_000_000
"""Bytes of an SQLite file that is written anew while a person waits; in a larger one `phone scrub` does it."""
log = logging.getLogger(__name__)
router = APIRouter(prefix="/v1/phone", tags=["phone"])


@router.get(
    "/data",
    summary="Everything that is kept about the person",
    responses=openapi.file("application/json", "One object; its parts are named after the tables."),
)
def data(request: Request) -> Response:
    """Everything about the person whose phone asks, and nothing of anybody else."""
    found = everything(_books(request), access.person(request))
    headers = {"Content-Disposition": 'attachment; filename="greenlane-my-data.json"'}
    return Response(json.dumps(found, ensure_ascii=False, indent=1), media_type="application/json", headers=headers)


@router.post(
    "/erasure",
    summary="Have the person erased",
    status_code=204,
    responses=openapi.answers(None, ERASURE_REFUSED),
    openapi_extra=openapi.body(Signed),
)
async def erase(request: Request) -> Response:
    """In words that the phone's key has signed; with this the key is revoked. Refused while something is open."""
    signed = await read(request, Signed)
    await run_in_threadpool(_erase, request, signed)
    return Response(status_code=204)


def _erase(request: Request, signed: Signed) -> None:
    books, person = _books(request), access.person(request)
    if signed.key_id != access.caller(request).key_id:
        raise NotSigned("the words are signed by another key than the request")
    with telling_faults(), books.database.reading() as connection:
        owner, text = keys.judged(connection, ERASURE_WORDS, signed, ErasureText)
    keys.require_fresh(text.at, books.clock.now())
    if not owner == text.person == person:
        raise NotSigned("a phone may erase only its own person")
    evidence = {"key": signed.key_id, "text": signed.text, "signature": signed.signature}
    try:
        Erasing(books, f"phone:{person}").erase(person, evidence)
    except NotSigned:
        raise
    except AdminError as error:
        raise ChangedMeanwhile(str(error)) from None
    _scrub(books)


def _scrub(books: Books) -> None:
    database = books.database
    if database.is_sqlite and database.path.stat().st_size > SCRUBBED_AT_ONCE:
        log.warning("a person was erased; run `greenlane admin phone scrub` when the lanes are quiet")
        return
    database.scrub()


def _books(request: Request) -> Books:
    books: Books = request.app.state.books
    return books
