"""The routes by which a phone asks to be woken, and asks for no more of it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from service.errors import AdminError
from service.http import openapi
from service.http.bodies import BodyRefused, read
from service.phone import access
from service.push.subscriptions import Subscriptions
from service.push.vapid import VapidKey
from wire.codec import encode
from wire.phone import PhonePush, PushWanted
from wire.reasons import ErrorCode

router = APIRouter(prefix="/v1/phone", tags=["phone"])


@router.get("/push", summary="Whether this phone is woken", responses=openapi.answers(PhonePush, {}))
def show(request: Request) -> Response:
    """The key that the phone subscribes with, and whether this phone is woken."""
    access.person(request)
    key: VapidKey = request.app.state.push_key
    is_on = _subscriptions(request).has(access.caller(request).key_id)
    return JSONResponse(encode(PhonePush(public_key=key.public_text, on=is_on)))


@router.post(
    "/push",
    summary="Wake this phone from now on",
    status_code=204,
    responses=openapi.answers(
        None, {400: "The body or its signature cannot be read, or the address is of no known push service."}
    ),
    openapi_extra=openapi.body(PushWanted),
)
async def subscribe(request: Request) -> Response:
    """Wake this phone from now on; what its browser gave for it replaces what was there."""
    wanted, person = await read(request, PushWanted), access.person(request)
    key_id = access.caller(request).key_id
    try:
        await run_in_threadpool(_subscriptions(request).put, key_id, person, wanted)
    except AdminError as error:
        raise BodyRefused(ErrorCode.MALFORMED, str(error)) from None
    return Response(status_code=204)


@router.post("/push/off", summary="Never wake this phone again", status_code=204, responses=openapi.answers(None, {}))
def unsubscribe(request: Request) -> Response:
    """Never wake this phone again; harmless where it never was."""
    access.person(request)
    _subscriptions(request).drop(access.caller(request).key_id)
    return Response(status_code=204)


def _subscriptions(request: Request) -> Subscriptions:
    subscriptions: Subscriptions = request.app.state.push_subscriptions
    return subscriptions
