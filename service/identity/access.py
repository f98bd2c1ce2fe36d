"""FastAPI dependencies that tell who speaks: `device` for signed requests, `operator(role)` for people's pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from service.errors import ServiceError
from service.identity import browser
from service.identity.identity import Identity
from service.identity.people import ROLE_WORDS, Role
from service.identity.sessions import Session
from service.identity.signed.keys import Caller

READING = ("GET", "HEAD")


@dataclass
class AccessRefused(ServiceError):
    """status 401: log in first; 403: this person may not, or the form was forged. chinese: for a page in Chinese."""

    status: int
    detail: str
    chinese: str = ""

    def __str__(self) -> str:
        return self.detail


def identity_of(request: Request) -> Identity:
    """The identity of the app that serves the request."""
    identity: Identity = request.app.state.identity
    return identity


def device(request: Request) -> Caller | None:
    """The device whose signature the gate has accepted; None only where unsigned requests are allowed."""
    caller: Caller | None = getattr(request.state, "caller", None)
    return caller


def operator(needed: Role) -> Callable[[Request], Awaitable[Session]]:
    """A dependency: the session of a person with at least this role.

    Requests that change something must also bring the session's token, as the form field `csrf` or the header
    X-CSRF-Token. Raises AccessRefused, which becomes the log-in page, a page that says why, or JSON.
    """

    async def found(request: Request) -> Session:
        session = await current(request)
        if session is None:
            raise AccessRefused(401, "log in first")
        if not session.person.role.covers(needed):
            raise AccessRefused(
                403, f"this needs the role {needed.value}", f"没有权限：需要角色“{ROLE_WORDS[needed][0]}”"
            )
        if request.method not in READING:
            await _check_token(request, session)
        return session

    return found


async def current(request: Request) -> Session | None:
    """The session of this browser, if there is one."""
    token = browser.cookie(request, browser.SESSION_COOKIE)
    return await run_in_threadpool(identity_of(request).sessions.find, token) if token else None


async def fields(request: Request) -> dict[str, str]:
    """The form of this request; read once, however often it is asked for. Raises browser.FormRefused."""
    if not hasattr(request.state, "form"):
        request.state.form = await browser.form_of(request)
    form: dict[str, str] = request.state.form
    return form


async def _check_token(request: Request, session: Session) -> None:
    try:
        browser.check_origin(request)
        token = request.headers.get("x-csrf-token") or (await fields(request)).get("csrf", "")
    except browser.FormRefused as error:
        raise AccessRefused(403, str(error)) from error
    if not session.knows(token):
        raise AccessRefused(403, "this page is out of date; load it again", "页面已过期，请重新打开")
