"""The routes by which a station's central control fetches its offline list and tells what it allowed by it."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse

from service.books.messages import Refused, TakeGrant
from service.http import openapi
from service.http.bodies import read
from service.http.clerk import Clerk
from service.http.peers import wire_version
from service.http.problems import STATUS, problem
from service.offline.list_key import ListKey
from service.offline.listing import current_list
from service.store.clock import WallClock
from service.store.database import Database
from wire.codec import encode, encode_text
from wire.offline import OfflineEntry, OfflineGrant, OfflineHours, OfflineList, OfflineReceipt, SignedOfflineList
from wire.reasons import ErrorCode
from wire.versions import encode_for

RECORDS: tuple[type, ...] = (OfflineEntry, OfflineHours, OfflineList, SignedOfflineList, OfflineGrant, OfflineReceipt)
NO_STATION = {404: "No such station."}


def mount(app: FastAPI, clerk: Clerk, database: Database, clock: WallClock) -> None:
    """Adds both routes; app.state.list_key carries the key."""
    key = ListKey.of(database)
    app.state.list_key = key
    _add_list(app, database, clock, key)
    _add_grants(app, clerk)


def _add_list(app: FastAPI, database: Database, clock: WallClock, key: ListKey) -> None:
    @app.get(
        "/v1/offline-list",
        tags=["station"],
        summary="Who may refuel while the line is down",
        responses={
            **openapi.answers(SignedOfflineList, {**NO_STATION, 400: "No station given."}),
            204: {"description": "The version that the station has is still the newest."},
        },
    )
    def offline_list(request: Request, station: str, have: Annotated[int, Query(ge=0, le=2**53 - 1)] = 0) -> Response:
        """have: the version that the station has already. The text is an OfflineList."""
        found = current_list(database, station, clock.now())
        if found is None:
            return _problem(Refused(ErrorCode.UNKNOWN_STATION, f"no station {station} is set up"))
        if found.version == have:
            return Response(status_code=204)
        return JSONResponse(encode(key.sign(encode_text(found, wire_version(request)))))


def _add_grants(app: FastAPI, clerk: Clerk) -> None:
    @app.post(
        "/v1/offline-grants",
        tags=["station"],
        summary="Tell what was allowed while the line was down",
        responses=openapi.answers(
            OfflineReceipt,
            {**NO_STATION, 400: "The body is not such a record.", 409: "Told before with other content."},
        ),
        openapi_extra=openapi.body(OfflineGrant),
    )
    async def offline_grant(request: Request) -> Response:
        """Before the fuelling under it. The flags say what has changed since the list was made."""
        grant = await read(request, OfflineGrant)
        answer = await clerk.carry_out(TakeGrant(grant))
        return (
            _problem(answer) if isinstance(answer, Refused) else JSONResponse(encode_for(answer, wire_version(request)))
        )


def _problem(refused: Refused) -> Response:
    return problem(STATUS[refused.code], refused.code, refused.detail)
