"""What every page owes the browser: security headers, cookies with the right flags, forms that cannot be forged."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import ServiceError
from service.http.connections import source_of as source_of_address

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""Everything from this host, nothing inline: text that slips into a page is shown, never run."""

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
}
_DEFAULTS = tuple((name.lower().encode(), value.encode()) for name, value in HEADERS.items())
_UNCACHED = (b"cache-control", b"no-store")
_REVALIDATED = (b"cache-control", b"no-cache")
_STRICT = (b"strict-transport-security", b"max-age=31536000")

LARGEST_FORM = 16 * 1024
SESSION_COOKIE = "greenlane-session"
FORM_COOKIE = "greenlane-form"
BROWSER_COOKIE = "greenlane-browser"


class FormRefused(ServiceError):
    """The form did not come from one of this service's own pages, or is not a form."""


class SecurityHeaders:
    """ASGI middleware: adds the headers that a response does not set itself; no answer is cached unless it says so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": _with_defaults(message.get("headers", ()), scope)}
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _with_defaults(headers: Iterable[tuple[bytes, bytes]], scope: Scope) -> list[tuple[bytes, bytes]]:
    """The headers of a response and, of ours, those whose names it does not have."""
    found = list(headers)
    names = {name.lower() for name, _ in found}
    cached = _REVALIDATED if scope["path"].startswith("/static/") else _UNCACHED
    found += [pair for pair in (*_DEFAULTS, cached) if pair[0] not in names]
    if scope["scheme"] == "https" and _STRICT[0] not in names:
        found.append(_STRICT)
    return found


def cookie(request: Request, name: str) -> str:
    """The value of one of our cookies; empty when it is absent or too long to be ours."""
    value = request.cookies.get(_full_name(request, name), "")
    return value if len(value) <= 200 else ""


def set_cookie(request: Request, response: Response, name: str, value: str, max_age_s: int | None = None) -> None:
    """HttpOnly, SameSite; over TLS also Secure and bound to this very host by its name's prefix."""
    is_secure = request.url.scheme == "https"
    response.set_cookie(
        _full_name(request, name), value, max_age=max_age_s, path="/", secure=is_secure, httponly=True, samesite="lax"
    )


def set_plain_cookie(request: Request, response: Response, name: str, value: str, max_age_s: int) -> None:
    """A cookie that is not a secret, under its own name in both schemes."""
    is_secure = request.url.scheme == "https"
    response.set_cookie(name, value, max_age=max_age_s, path="/", secure=is_secure, httponly=True, samesite="lax")


def drop_cookie(request: Request, response: Response, name: str) -> None:
    set_cookie(request, response, name, "", 0)


def _full_name(request: Request, name: str) -> str:
    return f"__Host-{name}" if request.url.scheme == "https" else name


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a url-encoded form; of a name that stands twice the last. Raises FormRefused."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise FormRefused("expected a form")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            raise FormRefused(f"a form has at most {LARGEST_FORM} bytes")
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100))
    except ValueError as error:
        raise FormRefused("the form cannot be read") from error


def check_origin(request: Request) -> None:
    """Raises FormRefused for a form that another site sends through a visitor's browser."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise FormRefused("the form came from another site")
    origin = request.headers.get("origin")
    if origin is not None and _host_of(origin) != request.headers.get("host", "").lower():
        raise FormRefused("the form came from another site")


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def form_secret(request: Request) -> str:
    """What ties a form to a browser that has no session yet: sent as a cookie and in the form, compared on return."""
    return cookie(request, FORM_COOKIE) or secrets.token_urlsafe(24)


def check_form_secret(request: Request, sent: str) -> None:
    """Raises FormRefused when the form was not made for this browser."""
    kept = cookie(request, FORM_COOKIE)
    if not kept or not hmac.compare_digest(kept.encode(), sent.encode("utf-8", "surrogatepass")):
        raise FormRefused("this page was open for too long, or cookies are switched off; load it again")


def source_of(request: Request) -> str:
    """Where a request comes from, for counting attempts: the address; of IPv6 the /64 that one customer has."""
    return source_of_address(request.client.host if request.client else "unknown")


def safe_target(target: str) -> str:
    """A path of this site to go on to; "/" for anything that could lead elsewhere."""
    is_local = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if is_local and "\\" not in target and len(target) <= 300 else "/"
