"""Which requests are taken without a signature where unsigned ones are allowed: a program's, addressed to this machine.

A page in somebody's browser and a proxy that nobody declared reach a loopback address too, and are told by what they
send: a foreign Host or Origin, a form's content type, the marks that proxies leave.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Set as AbstractSet
from urllib.parse import urlsplit

from starlette.types import Scope

PROXY_MARKS = {b"forwarded", b"via", b"x-real-ip"}
"""And every x-forwarded-... ."""


def foreign_mark(scope: Scope, hosts: AbstractSet[str]) -> str | None:
    """Why a request can't be a program's on this machine or network; None when nothing speaks against it."""
    headers = dict(scope["headers"])
    if mark := proxy_mark(scope):
        return mark
    if not is_own_host(scope, hosts):
        return "host: another name than this service's; give --host-name"
    if is_from_elsewhere(scope):
        return "origin: a page of another site"
    has_body = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if has_body and scope["method"] not in ("GET", "HEAD") and kind != b"application/json":
        return "content-type: expected application/json"
    return None


def proxy_mark(scope: Scope) -> str | None:
    """The header by which a proxy shows itself."""
    for name, _ in scope["headers"]:
        if name in PROXY_MARKS or name.startswith(b"x-forwarded-"):
            return f"{name.decode('latin-1')}: it came through a proxy"
    return None


def is_own_host(scope: Scope, hosts: AbstractSet[str]) -> bool:
    """Whether Host names this service: --host-name, a loopback name, or the very address that it came to."""
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").lower()
    name = urlsplit(f"//{host}").hostname or ""
    if host in hosts or name == "localhost" or (scope.get("server") and name == scope["server"][0].lower()):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_from_elsewhere(scope: Scope) -> bool:
    """Whether a browser says that a page of another site sent it."""
    headers = dict(scope["headers"])
    if headers.get(b"sec-fetch-site", b"none") not in (b"same-origin", b"none"):
        return True
    origin = headers.get(b"origin")
    return origin is not None and origin.partition(b"://")[2].lower() != headers.get(b"host", b"").lower()
