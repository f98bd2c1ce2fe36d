"""The HTTP face of the balance service: routes that decode, ask the books and encode."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from service.books.batch_worker import BatchWorker
from service.books.books import Books
from service.books.messages import Answer, Ask, Refused, Reject, Release, Renew, Report
from service.books.rows.rejects import LONGEST_KEPT, RejectBudget
from service.books.settings import BookSettings
from service.counter import mount as counter
from service.errors import ServiceError, Unavailable
from service.fleet import routes as fleet_pages
from service.http import openapi
from service.http.bodies import BodyRefused, read
from service.http.clerk import Clerk
from service.http.connections import STATE, Connections, limits_of_this_process
from service.http.peers import wire_version
from service.http.plain_route import plain_post
from service.http.problems import INTERNAL_WORDS, STATUS, problem
from service.identity import access, api_page
from service.identity.error_pages import error_page, is_for_person
from service.identity.guard import SIGNED_ONLY, Guard
from service.identity.identity import Identity
from service.identity.mount import mount
from service.identity.signed.rules import PHONE_PREFIX
from service.mileage import routes as positions
from service.offline import routes as offline
from service.payers.charging import Charging
from service.payers.pins import check_pin
from service.payments import routes as payments
from service.payments.port import PaymentProvider
from service.payments.worker import PaymentWorker
from service.personal import routes as personal_routes
from service.phone import mount as phone_pages
from service.push import mount as push
from service.reports.books_metrics import BooksCollector
from service.station import mount as station_pages
from service.station.store import ReportListener, silence
from service.store.clock import SystemWallClock, WallClock
from service.store.database import Database
from service.store.engine.schema_version import SchemaStanding
from wire.fuellings import Fuelling, FuellingReceipt, Price
from wire.questions import Decision, Question
from wire.reasons import ErrorCode
from wire.versions import encode_for, error_code_for

log = logging.getLogger(__name__)

THREADS = 16
"""For what waits for the database. More of them only wait for a connection, or for each other's turn to compute."""
MALFORMED = {400: "The body is not such a record.", 413: "The body is longer than 64 KiB."}
AWAY = {503: "The database is away, locked or full: nothing was written, try again."}
BOOK_RECORDS: tuple[type, ...] = (Question, Decision, Fuelling, FuellingReceipt, Price)
RECORDS = (*BOOK_RECORDS, *api_page.RECORDS, *station_pages.RECORDS, *offline.RECORDS)


def create_app(
    database_url: str,
    clock: WallClock | None = None,
    settings: BookSettings | None = None,
    guard: Guard = SIGNED_ONLY,
    providers: Mapping[str, PaymentProvider] | None = None,
) -> FastAPI:
    """The service on one database. SQLite is brought to this version's schema at once; PostgreSQL must have it.

    app.state.books carries the books, for seeding and for operators' commands in the same process. EMBEDDED is the
    guard of programs that serve themselves. providers: of payment, beside the wallet. Raises Unavailable when the
    database cannot be used.
    """
    books = open_books(database_url, clock, settings)
    known_providers = {} if providers is None else providers
    app = assemble(
        BatchWorker(books, [Charging(books).hand_on_due], PaymentWorker(books, known_providers)),
        books.database,
        books.clock,
        guard,
        title="greenlane balance service",
    )
    app.state.books = books
    counter.mount(app)
    offline.mount(app, app.state.clerk, books.database, books.clock)
    phone_pages.mount(app, books)
    app.include_router(personal_routes.router)
    push.mount(app, books)
    payments.mount(app, books, known_providers)
    positions.mount(app, books.database, books.clock)
    fleet_pages.mount(app, books.database, books.clock)
    app.state.check_pin = lambda *typed: check_pin(books.database, books.clock.now(), *typed)
    return app


def open_books(database_url: str, clock: WallClock | None = None, settings: BookSettings | None = None) -> Books:
    """The books of a database, made if there is none; SQLite brought to this version's schema. Raises Unavailable."""
    database = Database(database_url)
    if database.is_sqlite or database.standing() is SchemaStanding.MISSING:
        migrated = database.migrate().words(database.name)
        if migrated is not None:
            log.warning("%s", migrated)
    else:
        database.require_current()
    return Books(database, clock or SystemWallClock(), settings)


def assemble(
    clerk: Clerk,
    database: Database,
    clock: WallClock,
    guard: Guard,
    *,
    title: str,
    identity: Identity | None = None,
    listener: ReportListener = silence,
) -> FastAPI:
    """The routes, pages and guards around a clerk; the database keeps people, devices and what lanes tell.

    identity: who knows the devices, else made from the database; closed here. listener: hears what lanes tell.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, Connections]]:
        clerk.start()
        for part in app.state.beside:
            part.start()
        to_thread.current_default_thread_limiter().total_tokens = THREADS
        try:
            yield {STATE: app.state.connections}
        finally:
            app.state.changes.close()
            for part in app.state.beside:
                part.close()
            clerk.close()
            known.close()
            database.close()

    app = FastAPI(title=title, version="1", lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.database, app.state.clerk, app.state.beside = database, clerk, []
    _add_lane_routes(app, clerk)
    known = mount(app, database, clock, guard, identity)
    station_pages.mount(app, database, clock, listener)
    app.state.metrics.show(BooksCollector(database, clock, clerk.health))
    _watch(app, guard)
    _document(app)
    return app


def _watch(app: FastAPI, guard: Guard) -> None:
    """The metrics hear of connections refused and of changes on their way to pages."""
    refused = app.state.metrics.count_refused_connection
    app.state.connections = Connections(limits_of_this_process(), guard.proxies, refused)
    app.state.changes.observer = app.state.metrics.note_live


def _add_lane_routes(app: FastAPI, clerk: Clerk) -> None:
    _add_error_answers(app)
    _add_authorisations(app, clerk)
    _add_fuellings(app, clerk)
    _add_queries(app, clerk)


def _add_authorisations(app: FastAPI, clerk: Clerk) -> None:
    unknown = {404: "No such authorisation."}

    @plain_post(
        app,
        "/v1/authorisations",
        summary="May this plate refuel?",
        responses=openapi.answers(
            Decision,
            {**MALFORMED, 404: "No such station.", 409: "The visit was asked with other content.", **AWAY},
        ),
        openapi_extra=openapi.body(Question),
    )
    async def ask(request: Request) -> Response:
        """The same visit gets the same answer for ever. A refusal is an answer with status 200 and a reason."""
        question = await read(request, Question)
        return _answer(await clerk.carry_out(Ask(question)), request)

    @plain_post(
        app,
        "/v1/authorisations/{authorisation}/renew",
        summary="Prolong an authorisation whose vehicle still stands",
        responses=openapi.answers(Decision, {**unknown, **AWAY}),
    )
    async def renew(request: Request, authorisation: str) -> Response:
        """Refused with a reason when it is over."""
        return _answer(await clerk.carry_out(Renew(authorisation)), request)

    @plain_post(
        app,
        "/v1/authorisations/{authorisation}/release",
        summary="Give the hold back",
        status_code=204,
        responses=openapi.answers(None, {**unknown, **AWAY}),
    )
    async def release(request: Request, authorisation: str) -> Response:
        """Harmless when it is over already."""
        return _answer(await clerk.carry_out(Release(authorisation)), request)


def _add_fuellings(app: FastAPI, clerk: Clerk) -> None:
    budget = RejectBudget()
    problems = {
        **MALFORMED,
        404: "No such station.",
        409: "The dispenser is another lane's, or this sequence of it was reported with other content.",
        422: "The report contradicts itself.",
        **AWAY,
    }

    @plain_post(
        app,
        "/v1/fuellings",
        summary="Post a finished fuelling",
        responses=openapi.answers(FuellingReceipt, problems),
        openapi_extra=openapi.body(Fuelling),
    )
    async def report(request: Request) -> Response:
        """A dispenser's sequence posts once at its station; a repeat gets the first receipt. The refused is kept."""
        caller = access.device(request)
        device = "unsigned" if caller is None else caller.device
        keeps = budget.has_room(device)
        try:
            fuelling = await read(request, Fuelling)
        except BodyRefused as error:
            text = error.body.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")[:LONGEST_KEPT]
            if keeps:
                await clerk.carry_out(Reject(error.code, error.detail, text))
            budget.note(device)
            raise
        answer = await clerk.carry_out(Report(fuelling, keeps))
        if isinstance(answer, Refused):
            budget.note(device)
        return _answer(answer, request)


def _add_queries(app: FastAPI, clerk: Clerk) -> None:
    @app.get(
        "/v1/prices",
        summary="Prices of a station now",
        responses=openapi.answers(Price, {404: "No such station.", 400: "No station given.", **AWAY}, many=True),
    )
    def prices(request: Request, station: str) -> Response:
        """One price per product."""
        found = clerk.prices(station)
        if found is None:
            return problem(404, ErrorCode.UNKNOWN_STATION, f"no station {station} is set up")
        return _json([encode_for(price, wire_version(request)) for price in found])

    @app.get(
        "/healthz",
        summary="Is the service able to answer?",
        responses={200: {"description": "The database can be read and written."}, **openapi.problems(AWAY)},
    )
    def healthz() -> Response:
        """200 when the database can be read and written, 503 when not."""
        return _json({"status": "ok", **clerk.health()})


def _add_error_answers(app: FastAPI) -> None:
    @app.exception_handler(BodyRefused)
    async def malformed(_request: Request, error: BodyRefused) -> Response:
        return problem(STATUS[error.code], error.code, error.detail)

    @app.exception_handler(Unavailable)
    async def unavailable(request: Request, error: Unavailable) -> Response:
        if is_for_person(request):
            return error_page(request, 503)
        return problem(503, ErrorCode.UNAVAILABLE, str(error))

    @app.exception_handler(ServiceError)
    async def defect(request: Request, _error: ServiceError) -> Response:
        if is_for_person(request):
            return error_page(request, 500)
        return problem(500, ErrorCode.INTERNAL, INTERNAL_WORDS)

    @app.exception_handler(RequestValidationError)
    async def bad_parameter(_request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return problem(400, ErrorCode.MALFORMED, f"{first['loc'][-1]}: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def no_route(request: Request, error: HTTPException) -> Response:
        if is_for_person(request):
            return error_page(request, error.status_code, headers=error.headers)
        code = ErrorCode.NOT_FOUND if error.status_code == 404 else ErrorCode.MALFORMED
        return problem(error.status_code, code, str(error.detail), error.headers)


def _document(app: FastAPI) -> None:
    def schema() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, routes=app.routes)
            is_for_phones = any(path.startswith(f"{PHONE_PREFIX}/") for path in made["paths"])
            openapi.complete(made, (*RECORDS, *phone_pages.RECORDS) if is_for_phones else RECORDS)
            api_page.complete(made)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = schema  # type: ignore[method-assign]


def _answer(answer: Answer, request: Request) -> Response:
    if isinstance(answer, Refused):
        return problem(STATUS[answer.code], error_code_for(answer.code, wire_version(request)), answer.detail)
    if isinstance(answer, Decision | FuellingReceipt):
        return _json(encode_for(answer, wire_version(request)))
    return Response(status_code=204)


def _json(content: object) -> Response:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Response(text.encode(), media_type="application/json")
