"""The routes by which devices enrol, change keys and learn their neighbours' keys."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from service.http import openapi
from service.http.bodies import read
from service.http.peers import wire_version
from service.identity import access, browser
from service.identity.identity import Identity
from service.identity.signed.keys import Caller
from service.identity.signed.signatures import Flaw, SignatureRefused
from wire.codec import encode
from wire.devices import DeviceKey, DeviceKind, Enrolment, EnrolmentRequest, KeyRotation
from wire.versions import encode_for

ENROLMENT_ERRORS = {
    400: "The body is not such a record.",
    401: "The code is wrong, used or expired, or the request is not signed with the key in its body.",
    429: "Too many attempts; Retry-After says when the next one is listened to.",
}

router = APIRouter(prefix="/v1", tags=["devices"])


@router.post(
    "/enrolments",
    summary="Enrol a device with a one-time code",
    responses=openapi.answers(Enrolment, ENROLMENT_ERRORS),
    openapi_extra=openapi.body(EnrolmentRequest),
)
async def enrol(request: Request) -> Response:
    """Signed with the key it brings, or by the station's central control. The code is burnt; repeats are harmless."""
    asked = await read(request, EnrolmentRequest)
    store = access.identity_of(request).devices
    vouching = access.device(request)
    station = None if vouching is None else vouching.station
    return _json(await run_in_threadpool(store.enrol, asked, browser.source_of(request), station))


@router.post(
    "/keys",
    summary="Bring the device's next key",
    responses=openapi.answers(Enrolment, {400: "The body is not such a record."}),
    openapi_extra=openapi.body(KeyRotation),
)
async def rotate(request: Request) -> Response:
    """Signed with the present key, which is retired when the next one speaks for the first time."""
    rotation = await read(request, KeyRotation)
    caller = access.device(request)
    if caller is None:
        raise SignatureRefused(Flaw.UNSIGNED, "only a signed request can change a key")
    identity = access.identity_of(request)
    if rotation.relayed_for is not None:
        caller = await run_in_threadpool(_spoken_for, identity, caller, rotation.relayed_for)
    return _json(await run_in_threadpool(identity.devices.rotate, caller, rotation))


@router.post(
    "/keys/{key_id}/spoken",
    summary="A device's next key has spoken at its station",
    status_code=204,
    responses=openapi.answers(None, {}),
)
async def spoken(request: Request, key_id: str) -> Response:
    """For the station's central control. The device's key before it is retired; told again, nothing changes."""
    identity, caller = access.identity_of(request), access.device(request)
    if caller is None:
        raise SignatureRefused(Flaw.UNSIGNED, "only a signed request can confirm a key")
    await run_in_threadpool(_spoken_for, identity, caller, key_id)
    await run_in_threadpool(identity.keys.confirm, key_id)
    return Response(status_code=204)


@router.get(
    "/devices",
    summary="Keys of a station's devices",
    responses=openapi.answers(DeviceKey, {400: "No station given."}, many=True),
)
def devices(request: Request, station: str) -> Response:
    """For the station's central control, which judges its lanes and panels by them while the line is cut."""
    keys = access.identity_of(request).devices.keys_of(station)
    return JSONResponse([encode_for(key, wire_version(request)) for key in keys])


def _spoken_for(identity: Identity, station: Caller, key_id: str) -> Caller:
    """The device whose words a station's central control passes on. Raises SignatureRefused."""
    device = identity.keys.find(key_id).caller
    if station.kind is not DeviceKind.STATION or device.station != station.station:
        raise SignatureRefused(Flaw.FORBIDDEN, "this key may not speak for that device")
    return device


def _json(record: Enrolment) -> Response:
    return JSONResponse(encode(record))
