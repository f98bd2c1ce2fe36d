"""Stands before everything: refuses a request whose parts are not text, and answers whatever goes wrong behind it."""

from __future__ import annotations

import ipaddress
import logging
import re
import time
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http.problems import INTERNAL_WORDS, problem
from wire.reasons import ErrorCode
from wire.spelling.address import NAME

log = logging.getLogger(__name__)

LOG_EVERY_S = 60.0
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^\[\]:]+)(:(?P<port>[0-9]{1,5}))?")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


class Door:
    """ASGI middleware. What is raised behind it is logged once a minute and answered 500 in the service's own record.

    A client that has gone away is nobody's fault and gets no answer.
    """

    def __init__(self, app: ASGIApp, now_s: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._now_s = now_s
        self._logged: dict[str, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        objection = objection_to(scope)
        if objection is not None:
            await problem(400, ErrorCode.MALFORMED, objection)(scope, receive, send)
            return
        started = False

        async def note_start(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, note_start)
        except ClientDisconnect:
            return
        except Exception as error:
            self._log(scope, error)
            if started:
                raise
            await self._internal()(scope, receive, send)

    def _internal(self) -> Response:
        return problem(500, ErrorCode.INTERNAL, INTERNAL_WORDS)

    def _log(self, scope: Scope, error: Exception) -> None:
        route = getattr(scope.get("route"), "path", None) or "other"
        kind = f"{type(error).__name__} at {route}"
        if self._now_s() - self._logged.get(kind, -LOG_EVERY_S) >= LOG_EVERY_S:
            self._logged[kind] = self._now_s()
            log.error("%s: answered 500", kind, exc_info=error)


def objection_to(scope: Scope) -> str | None:
    """Why the request's Host, path or query can't be what they claim to be; None when they can."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if len(hosts) > 1 or any(not is_host(value.decode("latin-1")) for value in hosts):
        return "host: expected one name or address, with a port or without"
    raw: bytes = scope.get("raw_path") or b""
    if b"#" in raw or not _is_text(raw):
        return "path: expected UTF-8 without control characters"
    if not _is_text(scope.get("query_string", b"").replace(b"+", b" ")):
        return "query: expected UTF-8 without control characters"
    return None


def is_host(text: str) -> bool:
    """Whether a Host header names one host: a name, an IPv4 address or a bracketed IPv6 one, and perhaps a port."""
    found = _HOST.fullmatch(text)
    if found is None or int(found["port"] or 0) > 65_535:
        return False
    if text.startswith("["):
        try:
            ipaddress.IPv6Address(found["name"][1:-1])
        except ValueError:
            return False
        return True
    return NAME.fullmatch(found["name"]) is not None


def _is_text(encoded: bytes) -> bool:
    try:
        return _CONTROL.search(unquote_to_bytes(encoded).decode("utf-8")) is None
    except UnicodeDecodeError:
        return False
