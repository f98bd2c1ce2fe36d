"""The one body of every error answer, {"code", "detail"}, and the status that goes with each code."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.responses import Response

from wire.reasons import ErrorCode

LONGEST_DETAIL = 300
STATUS = {
    ErrorCode.MALFORMED: 400,
    ErrorCode.KEY_REUSED: 409,
    ErrorCode.OTHER_LANES_DISPENSER: 409,
    ErrorCode.CONFLICT: 409,
    ErrorCode.UNKNOWN_AUTHORISATION: 404,
    ErrorCode.UNKNOWN_DISPENSER: 422,
    ErrorCode.UNKNOWN_STATION: 404,
    ErrorCode.IMPOSSIBLE_FUELLING: 422,
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.UNAVAILABLE: 503,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.THROTTLED: 429,
    ErrorCode.INTERNAL: 500,
}
INTERNAL_WORDS = "internal error; the message was not carried out"


def problem(status: int, code: ErrorCode, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error answer. Whatever a detail quotes comes out printable and short."""
    body = json.dumps({"code": code.value, "detail": clean(detail)}, ensure_ascii=False, separators=(",", ":"))
    return Response(body.encode(), status, dict(headers or {}), media_type="application/json")


def clean(text: str) -> str:
    """At most 300 printable characters of a text, on one line."""
    shown = "".join(c if c.isprintable() else "?" for c in text[:LONGEST_DETAIL])
    return shown if len(text) <= LONGEST_DETAIL else shown[:-3] + "..."
