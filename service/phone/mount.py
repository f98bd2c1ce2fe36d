"""Puts the phones' routes and pages onto the service's application."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

from service.books.books import Books
from service.http.problems import problem
from service.phone import access, pages, routes
from service.phone.judge import PhoneKeys
from service.phone.pairing import Pairing
from wire.reasons import ErrorCode


def mount(app: FastAPI, books: Books) -> None:
    """Adds routes and pages, and tells the gate who knows phones' keys."""
    pairing = app.state.phone_pairing = Pairing(books.database, books.clock.now)
    app.state.phones = PhoneKeys(books.database, books.clock.now, pairing.wait_s)
    app.include_router(routes.router)
    app.include_router(pages.router)

    @app.exception_handler(access.NotYours)
    async def not_yours(_request: Request, _error: access.NotYours) -> Response:
        return problem(404, ErrorCode.NOT_FOUND, "there is no such thing, or it is another person's")
