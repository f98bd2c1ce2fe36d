"""Puts the counter's pages onto the service's application, with its entries in the menu."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

from service.counter import admin_routes, bill_routes, day_routes, office_routes, routes, shift_routes
from service.counter.errors import CounterRefused
from service.http.problems import problem
from service.identity import access
from service.identity.people import Role
from service.identity.web import Entry as MenuEntry
from service.identity.web import language_of, page
from wire.reasons import ErrorCode

MENU = (
    MenuEntry(
        "/counter",
        "收银台",
        "Counter",
        Role.CASHIER,
        ("充值、收款、对账单、班次", "Top-ups, bills, statements, shifts"),
    ),
    MenuEntry(
        "/office",
        "站务",
        "Office",
        Role.OPERATOR,
        ("今日概况、退款、单价、对账", "The day, refunds, prices, reconciliation"),
    ),
)


def mount(app: FastAPI) -> None:
    """For the service alone: its pages work on app.state.books."""
    for router in (
        routes.router,
        shift_routes.router,
        day_routes.router,
        office_routes.router,
        bill_routes.router,
        admin_routes.router,
    ):
        app.include_router(router)
    first, *rest = app.state.menu
    app.state.menu = (first, *MENU, *rest)

    @app.exception_handler(CounterRefused)
    async def refused(request: Request, error: CounterRefused) -> Response:
        return await _answer(request, error)


async def _answer(request: Request, error: CounterRefused) -> Response:
    if "text/html" not in request.headers.get("accept", ""):
        return problem(409, ErrorCode.FORBIDDEN, str(error))
    is_english = language_of(request).value == "en"
    return page(
        request,
        "counter/refused.html",
        status=409,
        session=await access.current(request),
        words=error.english if is_english else error.chinese,
        back=error.back,
        query=f"?{request.url.query}" if request.url.query else "",
    )
