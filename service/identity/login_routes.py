"""The pages by which people come in and go out, and the first page they see."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from service.http.metrics import Metrics
from service.identity import access, browser, token_buckets
from service.identity.log_in_threads import TooManyWait
from service.identity.people import BROWSER_LIFE, LONGEST_PASSWORD, Attempt, LoginRefused, Person
from service.identity.web import lead_on, page

WAIT_WHEN_CROWDED_S = 5.0

router = APIRouter(include_in_schema=False)


@router.get("/")
async def home(request: Request) -> Response:
    """Where one may go from here."""
    session = await access.current(request)
    if session is None:
        return lead_on(request, "/login")
    waiting = await run_in_threadpool(request.app.state.menu_counts, session)
    return page(request, "home.html", session=session, waiting=waiting)


@router.get("/favicon.ico")
async def icon() -> Response:
    """Where a browser looks that has seen no page yet."""
    return RedirectResponse("/static/icon.svg", 308)


@router.get("/login")
async def ask(request: Request) -> Response:
    """The log-in form."""
    return _form(request, request.query_params.get("next", "/"))


@router.post("/login")
async def log_in(request: Request) -> Response:
    """A new session for the right name and password."""
    try:
        browser.check_origin(request)
        form = await browser.form_of(request)
        browser.check_form_secret(request, form.get("csrf", ""))
    except browser.FormRefused:
        return _form(request, "/", problem="form", status=403)
    target = browser.safe_target(form.get("next", "/"))
    attempt = Attempt(
        name=form.get("name", "")[:40].strip().lower(),
        password=form.get("password", "")[: LONGEST_PASSWORD + 1],
        source=browser.source_of(request),
        browser=browser.cookie(request, browser.BROWSER_COOKIE),
    )
    identity = access.identity_of(request)
    try:
        outcome = await identity.log_in_threads.run(lambda: identity.people.log_in(attempt))
    except TooManyWait:
        outcome = LoginRefused(WAIT_WHEN_CROWDED_S)
    metrics: Metrics = request.app.state.metrics
    if isinstance(outcome, LoginRefused):
        metrics.count_login("throttled" if outcome.wait_s else "wrong")
        return _refused(request, outcome, target, attempt.name)
    metrics.count_login("welcome")
    return await run_in_threadpool(_welcome, request, outcome, target)


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """The end of this session; harmless without one."""
    session = await access.current(request)
    response = RedirectResponse("/login", 303)
    if session is not None:
        try:
            browser.check_origin(request)
            token = (await browser.form_of(request)).get("csrf", "")
        except browser.FormRefused:
            token = ""
        if not session.knows(token):
            raise access.AccessRefused(403, "this page is out of date; load it again", "页面已过期，请重新打开")
        await run_in_threadpool(access.identity_of(request).sessions.end, session)
    browser.drop_cookie(request, response, browser.SESSION_COOKIE)
    return response


def to_login(request: Request) -> Response:
    """Log in first, then come back here."""
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return lead_on(request, "/login?next=" + quote(target, safe="/"))


def _welcome(request: Request, person: Person, target: str) -> Response:
    identity = access.identity_of(request)
    before = browser.cookie(request, browser.SESSION_COOKIE)
    token = identity.sessions.begin(person, browser.source_of(request), replaces=before)
    response = RedirectResponse(target, 303)
    browser.set_cookie(request, response, browser.SESSION_COOKIE, token)
    browser.drop_cookie(request, response, browser.FORM_COOKIE)
    known = identity.people.know_browser(person.name, replaces=browser.cookie(request, browser.BROWSER_COOKIE))
    browser.set_cookie(request, response, browser.BROWSER_COOKIE, known, int(BROWSER_LIFE.total_seconds()))
    return response


def _refused(request: Request, refusal: LoginRefused, target: str, name: str) -> Response:
    if refusal.wait_s:
        wait_s = token_buckets.whole_seconds(refusal.wait_s)
        response = _form(request, target, problem="throttled", wait_s=wait_s, name=name, status=429)
        response.headers["Retry-After"] = str(wait_s)
        return response
    return _form(request, target, problem="wrong", name=name, status=401)


def _form(
    request: Request, target: str, *, problem: str = "", wait_s: int = 0, name: str = "", status: int = 200
) -> Response:
    secret = browser.form_secret(request)
    response = page(
        request,
        "login.html",
        status=status,
        target=browser.safe_target(target),
        problem=problem,
        wait_s=wait_s,
        name=name,
        form_secret=secret,
    )
    browser.set_cookie(request, response, browser.FORM_COOKIE, secret)
    return response
