"""What a refused message is answered with, as an example of each route's own code: chosen by the route's words."""

from __future__ import annotations

from wire.reasons import ErrorCode

BY_WORDS = {
    "No such station.": (ErrorCode.UNKNOWN_STATION, "no station S9 is set up"),
    "No such authorisation.": (ErrorCode.UNKNOWN_AUTHORISATION, "no authorisation a1b2c3d4e5f60718-9f8e7d6c5b4a"),
    "No station given.": (ErrorCode.MALFORMED, "station: expected once in the query"),
    "The visit was asked with other content.": (
        ErrorCode.KEY_REUSED,
        "visit L1-20260504T083000Z-7 was asked before with other content",
    ),
    "This sequence of the station's dispenser was reported with other content.": (
        ErrorCode.KEY_REUSED,
        "S1-D1 41 was reported before with other content",
    ),
    "Told before with other content.": (
        ErrorCode.KEY_REUSED,
        "off-6b1d0e9a4c7f25830e1d was told before with other content",
    ),
    "The report contradicts itself.": (ErrorCode.IMPOSSIBLE_FUELLING, "it ends before it starts"),
    "The code is wrong, used or expired, or the request is not signed with the key in its body.": (
        ErrorCode.UNAUTHENTICATED,
        "this code is wrong, used or expired",
    ),
    "The body did not arrive within 10 s.": (ErrorCode.MALFORMED, "the body took over 10 s"),
}
BY_STATUS = {
    400: (ErrorCode.MALFORMED, "lane: missing"),
    401: (ErrorCode.UNAUTHENTICATED, "keyid: no device has been enrolled with this key"),
    403: (ErrorCode.FORBIDDEN, "this key speaks for lane L1"),
    404: (ErrorCode.NOT_FOUND, "there is nothing of that name"),
    408: (ErrorCode.MALFORMED, "the body took over 10 s"),
    409: (ErrorCode.KEY_REUSED, "sent before with other content"),
    413: (ErrorCode.TOO_LARGE, "body: at most 65536 bytes"),
    422: (ErrorCode.IMPOSSIBLE_FUELLING, "it ends before it starts"),
    429: (ErrorCode.THROTTLED, "too many attempts; try again in 30 s"),
    500: (ErrorCode.INTERNAL, "this message failed in the service; its log says why"),
    503: (ErrorCode.UNAVAILABLE, "the database is away"),
}


def example_of(status: int, words: str) -> dict[str, str]:
    """The body of such an answer; what a route says in words of its own that stand in no table goes by its status."""
    code, detail = BY_WORDS.get(words) or BY_STATUS[status]
    return {"code": code.value, "detail": detail}
