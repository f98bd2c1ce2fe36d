"""Which version of the wire's records the sender of a request knows."""

from __future__ import annotations

from starlette.requests import Request

from wire.versions import WIRE_HEADER, version_of


def wire_version(request: Request) -> int:
    """What the request announces, see wire.versions."""
    return version_of(request.headers.get(WIRE_HEADER))
