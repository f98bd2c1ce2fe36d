"""Puts devices, people, metrics and the documents' page onto the service's application."""

from __future__ import annotations

from ipaddress import ip_address

from fastapi import FastAPI, Request, Response
from starlette.staticfiles import StaticFiles

from service.errors import AdminError
from service.http.door import Door
from service.http.metrics import CONTENT_TYPE, Measured, Metrics
from service.http.problems import problem
from service.identity import access, api_page, login_routes, routes
from service.identity.browser import FormRefused, SecurityHeaders
from service.identity.error_pages import error_page, is_for_person
from service.identity.guard import Guard
from service.identity.identity import Identity
from service.identity.sessions import Session
from service.identity.signed.devices import Throttled
from service.identity.signed.gate import CODES, STATUS, SignatureGate, refusal_headers
from service.identity.signed.signatures import SignatureRefused
from service.identity.signed.unsigned import is_from_elsewhere, is_own_host, proxy_mark
from service.identity.token_buckets import whole_seconds
from service.identity.web import MENU, PAGES
from service.store.clock import WallClock
from service.store.database import Database
from wire.reasons import ErrorCode


def mount(
    app: FastAPI, database: Database, clock: WallClock, guard: Guard, identity: Identity | None = None
) -> Identity:
    """Adds routes, guards and error pages. The caller closes what is returned; app.state.identity is the same.

    app.state.phones: who judges what phones have signed; None where they do not speak. app.state.menu_counts: how many
    things wait for this person behind an entry of the menu, by its path.
    """
    identity = identity or Identity.open(database, clock.now, guard.gate, guard.hasher)
    metrics = Metrics(database)
    app.state.identity = identity
    app.state.metrics = metrics
    app.state.guard = guard
    app.state.phones = None
    app.state.menu = MENU
    app.state.menu_counts = _nothing_waits
    app.include_router(routes.router)
    app.include_router(login_routes.router)
    app.include_router(api_page.router)
    app.mount("/static", StaticFiles(directory=PAGES / "static"), name="static")
    _add_metrics(app, metrics, guard)
    _add_refusals(app)
    app.add_middleware(
        SignatureGate,
        keys=identity.keys,
        now=identity.now,
        rules=identity.rules,
        count=metrics.count_refusal,
        phones=lambda: app.state.phones,
        enrolment_wait_s=identity.devices.wait_s,
    )
    app.add_middleware(Door)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Measured, metrics=metrics)
    return identity


def _nothing_waits(_session: Session) -> dict[str, int]:
    return {}


def _add_metrics(app: FastAPI, metrics: Metrics, guard: Guard) -> None:
    @app.get("/metrics", include_in_schema=False)
    def exposition(request: Request) -> Response:
        """For Prometheus, from the networks that the operator has named."""
        if not _may_scrape(request, guard):
            raise access.AccessRefused(403, "metrics are not shown to this address")
        return Response(metrics.exposition(), media_type=CONTENT_TYPE)


def _may_scrape(request: Request, guard: Guard) -> bool:
    """Whether it comes from a network that was named, and not by way of a browser or a proxy that nobody declared.

    Such a proxy has this machine's address; the name by which it was reached tells.
    """
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    if is_from_elsewhere(request.scope) or not any(address in network for network in guard.metrics_from):
        return False
    if guard.proxies:
        return True
    is_near = is_own_host(request.scope, guard.gate.hosts)
    return proxy_mark(request.scope) is None and (is_near or not (address.is_loopback or guard.gate.hosts))


def _add_refusals(app: FastAPI) -> None:
    @app.exception_handler(SignatureRefused)
    async def signature(request: Request, error: SignatureRefused) -> Response:
        request.app.state.metrics.count_refusal(error.flaw)
        status = STATUS.get(error.flaw, 401)
        return problem(status, CODES[status], str(error), refusal_headers(error.flaw, status))

    @app.exception_handler(Throttled)
    async def throttled(_request: Request, error: Throttled) -> Response:
        return problem(429, ErrorCode.THROTTLED, str(error), {"Retry-After": str(whole_seconds(error.wait_s))})

    @app.exception_handler(FormRefused)
    async def form(request: Request, error: FormRefused) -> Response:
        if is_for_person(request):
            return error_page(request, 400, _sentence(str(error)))
        return problem(400, ErrorCode.MALFORMED, str(error))

    @app.exception_handler(AdminError)
    async def store(request: Request, error: AdminError) -> Response:
        if is_for_person(request):
            return error_page(request, 400, _sentence(str(error)))
        return problem(400, ErrorCode.MALFORMED, str(error))

    @app.exception_handler(access.AccessRefused)
    async def no_access(request: Request, error: access.AccessRefused) -> Response:
        return _access_answer(request, error)


def _access_answer(request: Request, error: access.AccessRefused) -> Response:
    if not is_for_person(request):
        return problem(error.status, CODES.get(error.status, ErrorCode.NOT_FOUND), error.detail)
    if error.status == 401 and request.method in access.READING:
        return login_routes.to_login(request)
    return error_page(request, error.status, _sentence(error.detail), error.chinese)


def _sentence(words: str) -> str:
    """As a page writes it."""
    return words[:1].upper() + words[1:] + ("" if words.endswith(".") else ".")
