"""The routes by which a phone signs, pauses and ends mandates, proposes hours, and an owner decides about them."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from service.books.books import Books
from service.errors import AdminError
from service.http.bodies import read
from service.mileage.consents import TrackConsents
from service.payers import mandates
from service.payers.keys import NotSigned
from service.payers.periods import Hours
from service.payers.proposals import NoProposal, Proposals
from service.phone import access
from service.phone.access import ChangedMeanwhile, NotYours
from service.phone.agreements import own_hours, own_mandates
from service.store.clock import to_us
from service.store.database import telling_faults
from wire.codec import encode
from wire.payers import Signed
from wire.phone import HoursWanted

router = APIRouter(prefix="/v1/phone", include_in_schema=False)

Result = TypeVar("Result")


class MandateChange(enum.StrEnum):
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"


class ProposalChange(enum.StrEnum):
    CONFIRM = "confirm"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"


class TrackChange(enum.StrEnum):
    AGREE = "agree"
    WITHDRAW = "withdraw"


@router.get("/mandates")
def show_mandates(request: Request) -> Response:
    """Those in force, and what a new one may name."""
    return JSONResponse(encode(own_mandates(_books(request), access.person(request))))


@router.post("/mandates")
async def sign(request: Request) -> Response:
    """Take a mandate that the phone's key has signed; it replaces those of the same plates."""
    signed, caller = await read(request, Signed), access.caller(request)
    access.person(request)
    if signed.key_id != caller.key_id:
        raise NotSigned("the mandate is signed by another key than the request")
    return JSONResponse({"id": await run_in_threadpool(_tried, mandates.sign, _books(request), signed)})


@router.post("/mandates/{mandate}/{change}")
def change_mandate(request: Request, mandate: str, change: MandateChange) -> Response:
    """From now on; a green already given keeps its hold."""
    books, person = _books(request), access.person(request)
    now_us = to_us(books.clock.now())
    with telling_faults(), books.database.writing() as connection:
        if change is MandateChange.END:
            is_there = mandates.end(connection, person, mandate, now_us)
        else:
            is_there = mandates.rest(connection, person, mandate, now_us if change is MandateChange.PAUSE else None)
    if not is_there:
        raise NotYours
    return Response(status_code=204)


@router.get("/hours")
def show_hours(request: Request) -> Response:
    """What the person holds, proposed, and sees as an owner."""
    return JSONResponse(encode(own_hours(_books(request), access.person(request))))


@router.post("/hours")
async def propose(request: Request) -> Response:
    """Hours on a plate, for its owner to confirm; the answer is the same whether the plate is known or not."""
    wanted = await read(request, HoursWanted)
    proposals = Proposals(_books(request), access.person(request))
    try:
        hours = Hours.parse(wanted.hours)
    except ValueError as error:
        raise AdminError(str(error)) from None
    return JSONResponse({"id": await run_in_threadpool(_tried, proposals.propose, wanted.plate, hours)})


@router.post("/hours/{proposal}/{change}")
def change_proposal(request: Request, proposal: str, change: ProposalChange) -> Response:
    """The owner confirms or refuses; who proposed withdraws."""
    proposals = Proposals(_books(request), access.person(request))
    try:
        if change is ProposalChange.WITHDRAW:
            _tried(proposals.withdraw, proposal)
        else:
            _tried(lambda: proposals.decide(proposal, is_confirmed=change is ProposalChange.CONFIRM))
    except NoProposal:
        raise NotYours from None
    return Response(status_code=204)


@router.post("/tracks/{plate}/{change}")
def change_tracks(request: Request, plate: str, change: TrackChange) -> Response:
    """Whether the fleet may see the positions of the person's own hours on its vehicle."""
    person = access.person(request)
    consents = TrackConsents(_books(request), f"phone:{person}")
    _tried(consents.agree if change is TrackChange.AGREE else consents.withdraw, plate, person)
    return Response(status_code=204)


def _tried(work: Callable[..., Result], *about: object) -> Result:
    """What work returns; what can't be done as things stand is a conflict."""
    try:
        return work(*about)
    except (NotSigned, NoProposal):
        raise
    except AdminError as error:
        raise ChangedMeanwhile(str(error)) from None


def _books(request: Request) -> Books:
    books: Books = request.app.state.books
    return books
