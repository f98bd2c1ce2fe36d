"""The routes by which a phone sees its charges and says what it has signed about them."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from service.books.books import Books
from service.errors import AdminError
from service.http import openapi
from service.http.bodies import BodyRefused, read
from service.payers.charging import Charging
from service.payers.keys import NotSigned
from service.phone import access
from service.phone.access import ChangedMeanwhile, NotYours
from service.phone.inbox import Inbox
from service.station.store import StationStore
from wire.codec import WireError, decode_text, encode
from wire.payers import PaymentText, Signed
from wire.phone import ChargeAnswer, ChargeMessage
from wire.reasons import ErrorCode

NOT_YOURS = {404: "There is no such charge, or it is another person's."}
NO_PICTURE = {404: "There is no such charge, it is another person's, or its picture is not kept any more."}
WORDS_REFUSED = {
    400: "The body, its signature or the signed text cannot be read, or is about another charge.",
    403: "The words are not signed by the key that signs the request.",
    409: "The charge cannot be paid, declined or disputed as it stands.",
}

router = APIRouter(prefix="/v1/phone/charges", tags=["phone"])


@router.get("", summary="The newest hundred charges", responses=openapi.answers(ChargeMessage, {}, many=True))
def charges(request: Request) -> Response:
    """The newest first."""
    found = [encode(message) for message in _inbox(request).newest()]
    request.app.state.push_subscriptions.looked(access.caller(request).key_id, access.person(request))
    return JSONResponse(found)


@router.get("/{charge}", summary="One charge", responses=openapi.answers(ChargeMessage, NOT_YOURS))
def charge(request: Request, charge: str) -> Response:
    """One of them; it counts as seen."""
    return JSONResponse(encode(_inbox(request).one(charge, is_seen=True)))


@router.get(
    "/{charge}/picture",
    summary="The vehicle of a charge",
    responses={**openapi.file("image/jpeg", "The picture."), **openapi.problems(NO_PICTURE)},
)
def picture(request: Request, charge: str) -> Response:
    """The vehicle of the charge's visit, while its picture is kept."""
    station, visit = _inbox(request).visit(charge)
    store: StationStore = request.app.state.station
    data = None if visit is None else store.visits.picture(station, visit)
    if data is None:
        raise NotYours
    return Response(data, media_type="image/jpeg")


@router.post(
    "/{charge}/words",
    summary="Pay, decline or dispute a charge",
    responses=openapi.answers(ChargeAnswer, {**WORDS_REFUSED, **NOT_YOURS}),
    openapi_extra=openapi.body(Signed),
)
async def words(request: Request, charge: str) -> Response:
    """Pay, decline or dispute, in words that the phone's key has signed over charge, amount and time."""
    signed = await read(request, Signed)
    answer = await run_in_threadpool(_hear, request, charge, signed)
    return JSONResponse(encode(answer))


def _hear(request: Request, charge: str, signed: Signed) -> ChargeAnswer:
    _inbox(request).one(charge)
    if signed.key_id != access.caller(request).key_id:
        raise NotSigned("the words are signed by another key than the request")
    try:
        text = decode_text(PaymentText, signed.text)
    except WireError as error:
        raise BodyRefused(ErrorCode.MALFORMED, f"text: {error}") from None
    if text.charge != charge:
        raise BodyRefused(ErrorCode.MALFORMED, "text: about another charge than the path names")
    try:
        return ChargeAnswer(id=charge, state=Charging(_books(request)).hear(signed))
    except NotSigned:
        raise
    except AdminError as error:
        raise ChangedMeanwhile(str(error)) from None


def _inbox(request: Request) -> Inbox:
    return Inbox(_books(request), access.person(request))


def _books(request: Request) -> Books:
    books: Books = request.app.state.books
    return books
