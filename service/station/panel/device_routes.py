"""A panel that is a device: its browser enrols with a one-time code, and comes in by its key without a person."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from service.http import openapi
from service.http.metrics import Metrics
from service.identity import access, browser
from service.identity.signed.signatures import Flaw, SignatureRefused
from service.identity.web import page
from wire.codec import encode
from wire.devices import Enrolment

router = APIRouter()


@router.get("/panel", include_in_schema=False)
async def entrance(request: Request) -> Response:
    """What a panel's browser is started with: a shell without anybody's data, which asks for the code or comes in."""
    return page(request, "panel_device.html")


@router.post(
    "/v1/panel-sessions",
    tags=["devices"],
    summary="Let a panel's browser in",
    responses=openapi.answers(Enrolment, {}),
)
async def begin(request: Request) -> Response:
    """Signed by the panel's key. Sets the cookie by which its lane's page opens; the one before it ends."""
    panel = access.device(request)
    if panel is None:
        raise SignatureRefused(Flaw.UNSIGNED, "only a signed request lets a panel in")
    sessions = access.identity_of(request).sessions
    token = await run_in_threadpool(sessions.begin_device, panel, browser.source_of(request))
    metrics: Metrics = request.app.state.metrics
    metrics.count_login("welcome")
    enrolled = Enrolment(
        device=panel.device, key_id=panel.key_id, kind=panel.kind, station=panel.station, lane=panel.lane
    )
    answer = JSONResponse(encode(enrolled))
    browser.set_cookie(request, answer, browser.SESSION_COOKIE, token)
    return answer
