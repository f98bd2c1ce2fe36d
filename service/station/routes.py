"""The routes by which lane units tell what they do and fetch what people want of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from service.http import openapi
from service.http.batches import Batches
from service.http.bodies import read
from service.http.peers import wire_version
from service.http.problems import problem
from service.identity import access
from service.identity.signed.devices import Throttled
from service.live.changes import Changes, expected_topic, orders_topic
from service.payers.pins import PinWait
from service.station.expected import ExpectedStore
from service.station.store import StationStore
from wire.ahead import AskedAhead, Expected, ExpectedPlate, ExpectedWanted
from wire.codec import OLDEST_VERSION
from wire.live import FIRST_ORDERS, LaneStatus, Order, OrderOutcome, OrdersWanted, ParkedMessage, StoryLine, VisitReport
from wire.plates import is_plate, normalise
from wire.reasons import ErrorCode
from wire.typed import PinAnswer, PinCheck
from wire.versions import encode_for

RECORDS: tuple[type, ...] = (
    LaneStatus,
    ParkedMessage,
    VisitReport,
    StoryLine,
    OrdersWanted,
    OrderOutcome,
    Order,
    PinCheck,
    PinAnswer,
    AskedAhead,
    ExpectedWanted,
    ExpectedPlate,
    Expected,
)
MALFORMED = {400: "The body is not such a record."}
THROTTLED = {429: "Too many attempts; Retry-After says when the next one is listened to."}
AWAY = {503: "Whoever judges PINs is away: nothing was judged."}

router = APIRouter(prefix="/v1", tags=["station"])


def store_of(request: Request) -> StationStore:
    """The station's store of the app that serves the request."""
    store: StationStore = request.app.state.station
    return store


def changes_of(request: Request) -> Changes:
    """What wakes waiting requests of this app."""
    changes: Changes = request.app.state.changes
    return changes


@router.post(
    "/lane-status",
    summary="What a lane shows and does now",
    status_code=204,
    responses=openapi.answers(None, MALFORMED),
    openapi_extra=openapi.body(LaneStatus),
)
async def status(request: Request) -> Response:
    """At each change, at most twice a second, and every ten seconds without one."""
    statuses: Batches[LaneStatus, None] = request.app.state.statuses
    await statuses.put(await read(request, LaneStatus))
    return Response(status_code=204)


@router.post(
    "/visits",
    summary="A visit so far",
    status_code=204,
    responses=openapi.answers(None, MALFORMED),
    openapi_extra=openapi.body(VisitReport),
)
async def visit(request: Request) -> Response:
    """Replaces the visit's report before; its picture is deleted after 72 hours, or with the end of a dispute."""
    await run_in_threadpool(store_of(request).visits.take, await read(request, VisitReport))
    return Response(status_code=204)


@router.post(
    "/asked-ahead",
    summary="An entry camera has read a plate",
    status_code=204,
    responses=openapi.answers(None, MALFORMED),
    openapi_extra=openapi.body(AskedAhead),
)
async def ask_ahead(request: Request) -> Response:
    """Kept for ten minutes and told to the station's lanes. It decides, holds and promises nothing."""
    asked = await read(request, AskedAhead)
    plate = normalise(asked.plate)
    if not is_plate(plate):
        return problem(400, ErrorCode.MALFORMED, "plate: not a plate")
    expected: ExpectedStore = request.app.state.expected
    if not await run_in_threadpool(expected.take, replace(asked, plate=plate)):
        return problem(400, ErrorCode.MALFORMED, "captured_at: not a time of the last ten minutes")
    return Response(status_code=204)


@router.post(
    "/expected-plates",
    summary="Which plates are expected at the pumps",
    responses=openapi.answers(Expected, MALFORMED),
    openapi_extra=openapi.body(ExpectedWanted),
)
async def expected_plates(request: Request) -> Response:
    """Answers as soon as the list is another than `number`, or with the same one after wait_s."""
    wanted = await read(request, ExpectedWanted)
    changes, topic = changes_of(request), expected_topic(wanted.station)
    number = await changes.number(topic)
    if number == wanted.number and wanted.wait_s > 0 and not changes.closed:
        number = await changes.wait(topic, number, wanted.wait_s)
    expected: ExpectedStore = request.app.state.expected
    plates = await run_in_threadpool(expected.of, wanted.station)
    return JSONResponse(encode_for(Expected(number=number, plates=plates), wire_version(request)))


@router.post(
    "/pins",
    summary="Is this the PIN?",
    responses=openapi.answers(PinAnswer, {**MALFORMED, **THROTTLED, **AWAY}),
    openapi_extra=openapi.body(PinCheck),
)
async def pin(request: Request) -> Response:
    """For the station's central control, whose panels take PINs that only the service can judge. Slow to guess."""
    asked = await read(request, PinCheck)
    found = await run_in_threadpool(request.app.state.check_pin, asked.station, asked.lane, asked.plate, asked.pin)
    if isinstance(found, PinWait):
        raise Throttled(found.wait_s)
    return JSONResponse(encode_for(PinAnswer(proof=found), wire_version(request)))


@router.post(
    "/lane-orders",
    summary="Wait for what people want of a lane unit",
    responses=openapi.answers(Order, MALFORMED, many=True),
    openapi_extra=openapi.body(OrdersWanted),
)
async def orders(request: Request) -> Response:
    """Answers as soon as there is an order, or with none after wait_s. It comes again until its outcome is told."""
    wanted = await read(request, OrdersWanted)
    store, changes = store_of(request), changes_of(request)
    caller = access.device(request)
    actor = f"device:{caller.device}" if caller is not None else "device:unsigned"
    await run_in_threadpool(store.orders.take_outcomes, wanted, actor)
    topic = orders_topic(wanted.station, wanted.lane)
    ends_s = asyncio.get_running_loop().time() + wanted.wait_s
    while True:
        seen = await changes.number(topic)
        found = await run_in_threadpool(store.orders.waiting, wanted.station, wanted.lane)
        left_s = ends_s - asyncio.get_running_loop().time()
        if found or left_s <= 0 or changes.closed:
            return _orders(found, wire_version(request))
        await changes.wait(topic, seen, left_s)


def _orders(found: Iterable[Order], version: int) -> Response:
    """What a lane of this version can be asked to do; the rest waits until the lane is upgraded."""
    known = [order for order in found if version > OLDEST_VERSION or order.kind in FIRST_ORDERS]
    return JSONResponse([encode_for(order, version) for order in known])
