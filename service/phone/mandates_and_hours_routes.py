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
from service.http import openapi
from service.http.bodies import read
from service.mileage.consents import TrackConsents
from service.payer_rules.periods import Hours
from service.payers import mandates
from service.payers.keys import NotSigned
from service.payers.proposals import NoProposal, Proposals
from service.phone import access
from service.phone.access import ChangedMeanwhile, NotYours
from service.phone.mandates_and_hours import own_hours, own_mandates
from service.store.clock import to_us
from service.store.database import telling_faults
from wire.codec import encode
from wire.payers import Signed
from wire.phone import Filed, HoursWanted, PhoneHours, PhoneMandates

router = APIRouter(prefix="/v1/phone", tags=["phone"])

NOT_YOURS = {404: "There is no such thing, or it is another person's."}
MANDATE_NOT_SIGNED = "The mandate is not signed by the key that signs the request, or its text is not a mandate."
MANDATE_IMPOSSIBLE = "What the mandate names can't be had as things stand."
NO_FLEET_HOURS = "The person holds no hours on this plate, or no fleet has it."
TOO_MANY = "Ten proposals wait already, or the plate or hours can't be had."

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


@router.get("/mandates", summary="Mandates in force", responses=openapi.answers(PhoneMandates, {}))
def show_mandates(request: Request) -> Response:
    """Those in force, and what a new one may name."""
    providers = request.app.state.payment_providers
    return JSONResponse(encode(own_mandates(_books(request), access.person(request), providers)))


@router.post(
    "/mandates",
    summary="Sign a mandate",
    responses=openapi.answers(Filed, {403: MANDATE_NOT_SIGNED, 409: MANDATE_IMPOSSIBLE}),
    openapi_extra=openapi.body(Signed),
)
async def sign(request: Request) -> Response:
    """Take a mandate that the phone's key has signed; it replaces those of the same plates."""
    signed, caller = await read(request, Signed), access.caller(request)
    access.person(request)
    if signed.key_id != caller.key_id:
        raise NotSigned("the mandate is signed by another key than the request")
    return _filed(await run_in_threadpool(_tried, mandates.sign, _books(request), signed))


@router.post(
    "/mandates/{mandate}/{change}",
    summary="Pause, resume or end a mandate",
    status_code=204,
    responses=openapi.answers(None, NOT_YOURS),
)
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


@router.get("/hours", summary="Hours held, proposed and owned", responses=openapi.answers(PhoneHours, {}))
def show_hours(request: Request) -> Response:
    """What the person holds, proposed, and sees as an owner."""
    return JSONResponse(encode(own_hours(_books(request), access.person(request))))


@router.post(
    "/hours",
    summary="Propose hours on a plate",
    responses=openapi.answers(
        Filed, {400: "The body or its signature cannot be read, or no such hours.", 409: TOO_MANY}
    ),
    openapi_extra=openapi.body(HoursWanted),
)
async def propose(request: Request) -> Response:
    """Hours on a plate, for its owner to confirm; the answer is the same whether the plate is known or not."""
    wanted = await read(request, HoursWanted)
    proposals = Proposals(_books(request), access.person(request))
    try:
        hours = Hours.parse(wanted.hours)
    except ValueError as error:
        raise AdminError(str(error)) from None
    return _filed(await run_in_threadpool(_tried, proposals.propose, wanted.plate, hours))


@router.post(
    "/hours/{proposal}/{change}",
    summary="Confirm, refuse or withdraw proposed hours",
    status_code=204,
    responses=openapi.answers(None, {**NOT_YOURS, 409: "The proposal was decided before."}),
)
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


@router.post(
    "/tracks/{plate}/{change}",
    summary="Let a fleet see one's tracks, or not any more",
    status_code=204,
    responses=openapi.answers(None, {409: NO_FLEET_HOURS}),
)
def change_tracks(request: Request, plate: str, change: TrackChange) -> Response:
    """Whether the fleet may see the positions of the person's own hours on its vehicle."""
    person = access.person(request)
    consents = TrackConsents(_books(request), f"phone:{person}")
    _tried(consents.agree if change is TrackChange.AGREE else consents.withdraw, plate, person)
    return Response(status_code=204)


def _filed(number: str) -> Response:
    return JSONResponse(encode(Filed(id=number)))


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
