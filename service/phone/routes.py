"""The routes by which phones are paired and ask about their person."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from service.http.bodies import read
from service.identity import browser
from service.phone import access, persons
from service.phone.pairing import Pairing
from service.store.database import Database
from wire.codec import encode
from wire.phone import PhonePairing

router = APIRouter(prefix="/v1/phone", include_in_schema=False)


@router.post("/pairings")
async def pair(request: Request) -> Response:
    """Signed with the key it brings. The code is burnt; repeats are harmless."""
    asked = await read(request, PhonePairing)
    pairing: Pairing = request.app.state.phone_pairing
    key_id = access.caller(request).key_id
    paired = await run_in_threadpool(pairing.pair, asked, key_id, browser.source_of(request))
    return JSONResponse(encode(paired))


@router.get("/me")
def me(request: Request) -> Response:
    """Name, wallet and plates of the person whose phone asks."""
    return JSONResponse(
        encode(persons.person(_database(request), access.person(request), access.caller(request).key_id))
    )


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database
