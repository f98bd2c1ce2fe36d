"""The routes by which phones and trackers tell where a vehicle is, by a token of the vehicle's own."""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from service.http.bodies import BodyRefused, parse, whole
from service.http.problems import problem
from service.identity.browser import source_of
from service.mileage.datum import Datum
from service.mileage.position_messages import from_osmand, from_owntracks
from service.mileage.tokens import TokenRefused, take_position
from service.mileage.tracks import Position
from service.store.clock import WallClock
from service.store.database import Database
from wire.codec import WireError
from wire.reasons import ErrorCode

OWNTRACKS = "/v1/positions/owntracks"
OSMAND = "/v1/positions/osmand"
LONGEST_TOKEN = 100
_TOKEN = re.compile(r"gv_[\w-]+")

Message = Mapping[str, object]
Reader = Callable[[Message, Datum, datetime], Position | None]


class _Unlogged(logging.Filter):
    """Keeps tokens out of the log of requests, at this address and at those that a tracker set up wrong calls."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_hidden(arg) if isinstance(arg, str) else arg for arg in record.args)
        return True


def _hidden(text: str) -> str:
    if "/positions/" in text:
        return text.partition("?")[0] + ("?..." if "?" in text else "")
    return _TOKEN.sub("gv_...", text)


_UNLOGGED = _Unlogged()


def mount(app: FastAPI, database: Database, clock: WallClock) -> None:
    """Adds both routes, and their way of being refused."""
    logging.getLogger("uvicorn.access").addFilter(_UNLOGGED)

    @app.exception_handler(TokenRefused)
    async def refused(_request: Request, error: TokenRefused) -> Response:
        headers = {"WWW-Authenticate": 'Basic realm="greenlane vehicle"'}
        return problem(401, ErrorCode.UNAUTHENTICATED, str(error), headers)

    @app.post(OWNTRACKS, include_in_schema=False)
    async def owntracks(request: Request) -> Response:
        """The token is the password of HTTP Basic, or a Bearer token. Messages that are not locations are left out."""
        body = await whole(request)
        token = _token_of(request)
        await run_in_threadpool(_take, request, token, lambda: _json(body) if body else {}, from_owntracks)
        return JSONResponse([])

    @app.post(OSMAND, include_in_schema=False)
    async def osmand(request: Request) -> Response:
        """The token is the device identifier: device_id of the JSON, or id of the form or the query."""
        message, trouble = _osmand(request, await whole(request))
        named = next((message[name] for name in ("device_id", "id", "deviceid") if message.get(name)), "")
        token = _token_of(request) or str(named)[: LONGEST_TOKEN + 1]

        def read() -> Message:
            if trouble is not None:
                raise trouble
            return message

        await run_in_threadpool(_take, request, token, read, from_osmand)
        return JSONResponse({})

    def _take(request: Request, token: str, read: Callable[[], Message], reader: Reader) -> None:
        """Who may not speak is told so before what is wrong with the message. Raises BodyRefused."""
        try:
            take_position(database, clock, token, source_of(request), lambda datum: reader(read(), datum, clock.now()))
        except (WireError, ValueError) as error:
            raise BodyRefused(ErrorCode.MALFORMED, str(error)) from None


def _osmand(request: Request, body: bytes) -> tuple[Message, WireError | None]:
    """The message, or what is wrong with it: that is told only once the token is known to be good."""
    try:
        return {**_form(request.url.query.encode()), **_content(request, body)}, None
    except WireError as error:
        return {}, error


def _token_of(request: Request) -> str:
    """What the Authorization header holds: a Bearer token, or the password of HTTP Basic; "" for anything else."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value.strip(), validate=True).decode("utf-8").partition(":")[2]
    except ValueError:
        return ""


def _content(request: Request, body: bytes) -> Message:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not body:
        return {}
    return _form(body) if kind == "application/x-www-form-urlencoded" else _json(body)


def _form(text: bytes) -> Message:
    try:
        return dict(parse_qsl(text.decode("ascii"), errors="strict", max_num_fields=100))
    except ValueError:
        raise WireError("form: cannot be read") from None


def _json(body: bytes) -> Message:
    found = parse(body)
    if not isinstance(found, dict):
        raise WireError("body: expected a JSON object in UTF-8")
    return found
