"""Puts the phones' routes and pages onto the service's application."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

from service.books.books import Books
from service.http.problems import problem
from service.payers.keys import NotSigned
from service.phone import access, charge_routes, green_routes, mandates_and_hours_routes, page_routes, routes
from service.phone.keys import PhoneKeys
from service.phone.pairing import Pairing
from wire.payers import Signed
from wire.phone import (
    ChargeAnswer,
    ChargeMessage,
    Filed,
    GreenMessage,
    HeldHours,
    HoursProposal,
    HoursWanted,
    NotMeAnswer,
    OwnedPlate,
    PhoneGreens,
    PhoneHours,
    PhoneMandate,
    PhoneMandates,
    PhonePaired,
    PhonePairing,
    PhonePerson,
    PhonePush,
    PhoneSpending,
    PhoneSpots,
    PlateSpending,
    PlateWay,
    PushWanted,
    SpendingMonth,
    StationChoice,
    StationSpot,
)
from wire.reasons import ErrorCode

RECORDS: tuple[type, ...] = (
    PhonePairing,
    PhonePaired,
    PhonePerson,
    StationSpot,
    PhoneSpots,
    PlateSpending,
    SpendingMonth,
    PhoneSpending,
    ChargeMessage,
    ChargeAnswer,
    Signed,
    PhoneMandate,
    StationChoice,
    PlateWay,
    PhoneMandates,
    Filed,
    HeldHours,
    HoursProposal,
    HoursWanted,
    OwnedPlate,
    PhoneHours,
    GreenMessage,
    PhoneGreens,
    NotMeAnswer,
    PushWanted,
    PhonePush,
)
"""What the document of these routes names."""


def mount(app: FastAPI, books: Books) -> None:
    """Adds routes and pages, and tells the gate who knows phones' keys."""
    pairing = app.state.phone_pairing = Pairing(books.database, books.clock.now)
    app.state.phones = PhoneKeys(books.database, books.clock.now, pairing.wait_s)
    app.include_router(routes.router)
    app.include_router(charge_routes.router)
    app.include_router(mandates_and_hours_routes.router)
    app.include_router(green_routes.router)
    app.include_router(page_routes.router)
    _add_refusals(app)


def _add_refusals(app: FastAPI) -> None:

    @app.exception_handler(access.NotYours)
    async def not_yours(_request: Request, _error: access.NotYours) -> Response:
        return problem(404, ErrorCode.NOT_FOUND, "there is no such thing, or it is another person's")

    @app.exception_handler(access.ChangedMeanwhile)
    async def changed(_request: Request, error: access.ChangedMeanwhile) -> Response:
        return problem(409, ErrorCode.CONFLICT, str(error))

    @app.exception_handler(NotSigned)
    async def not_signed(_request: Request, error: NotSigned) -> Response:
        return problem(403, ErrorCode.FORBIDDEN, str(error))
