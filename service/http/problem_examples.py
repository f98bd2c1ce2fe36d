"""What a refused message is answered with, as an example of each route's own code: chosen by the route's words."""

from __future__ import annotations

from wire.reasons import ErrorCode

NOT_YOURS = (ErrorCode.NOT_FOUND, "there is no such thing, or it is another person's")
BY_WORDS = {
    "No such station.": (ErrorCode.UNKNOWN_STATION, "no station S9 is set up"),
    "No such authorisation.": (ErrorCode.UNKNOWN_AUTHORISATION, "no authorisation a1b2c3d4e5f60718-9f8e7d6c5b4a"),
    "No station given.": (ErrorCode.MALFORMED, "station: expected once in the query"),
    "The visit was asked with other content.": (
        ErrorCode.KEY_REUSED,
        "visit L1-20260504T083000Z-7 was asked before with other content",
    ),
    "The dispenser is another lane's, or this sequence of it was reported with other content.": (
        ErrorCode.OTHER_LANES_DISPENSER,
        "dispenser S1-D1 belongs to lane L1, not to L2",
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
    "Unsigned, tampered, stale, replayed, or by a key that is not paired: Greenlane-Flaw says which.": (
        ErrorCode.UNAUTHENTICATED,
        "keyid: no phone is paired with this key",
    ),
    "The phone's request or its signature cannot be read.": (
        ErrorCode.MALFORMED,
        "nonce: expected 16 to 64 characters",
    ),
    "Not signed, and made by a page of another site.": (
        ErrorCode.FORBIDDEN,
        "origin: a page of another site; unsigned requests are taken from programs alone",
    ),
    "The body or its signature cannot be read, or other words than today's were agreed to.": (
        ErrorCode.MALFORMED,
        "consent: the words of version 2026-11-28 are to be agreed to; load the page again",
    ),
    "The code is wrong, used or expired, or the phone's key has not signed.": (
        ErrorCode.UNAUTHENTICATED,
        "code: this code is wrong, used or expired; ask for a new one",
    ),
    "There is no such thing, or it is another person's.": NOT_YOURS,
    "There is no such charge, or it is another person's.": NOT_YOURS,
    "There is no such charge, it is another person's, or its picture is not kept any more.": NOT_YOURS,
    "The person holds no hours on this plate, or does not own it.": NOT_YOURS,
    "The mandate is not signed by the key that signs the request, or its text is not a mandate.": (
        ErrorCode.FORBIDDEN,
        "the mandate is signed by another key than the request",
    ),
    "What the mandate names can't be had as things stand.": (
        ErrorCode.CONFLICT,
        "plate 粤B67890: you have no hours on it; ask its owner first",
    ),
    "Ten proposals wait already, or the plate or hours can't be had.": (
        ErrorCode.CONFLICT,
        "10 proposals wait already; withdraw one, or wait for the owner",
    ),
    "The body or its signature cannot be read, or no such hours.": (
        ErrorCode.MALFORMED,
        "'8 to 20' is not a period: write 8-16, 22-6 or 7:30-12:15",
    ),
    "The person holds no hours on this plate, or no fleet has it.": (
        ErrorCode.CONFLICT,
        "this person holds no hours on 粤B67890, so no positions of 粤B67890 are theirs",
    ),
    "The proposal was decided before.": (ErrorCode.CONFLICT, "this proposal is confirmed already"),
    "The body, its signature or the signed text cannot be read, or is about another charge.": (
        ErrorCode.MALFORMED,
        "text: about another charge than the path names",
    ),
    "The words are not signed by the key that signs the request.": (
        ErrorCode.FORBIDDEN,
        "the words are signed by another key than the request",
    ),
    "The charge cannot be paid, declined or disputed as it stands.": (
        ErrorCode.CONFLICT,
        "somebody else is asked to pay this charge now",
    ),
    "The words are not signed by this person's own phone, or not now.": (
        ErrorCode.FORBIDDEN,
        "the words are signed by another key than the request",
    ),
    "Something of the person's is still open.": (
        ErrorCode.CONFLICT,
        "the wallet holds 500.00 yuan: pay it out first (`phone refund NAME 500.00`), then erase",
    ),
    "The body or its signature cannot be read, or the address is of no known push service.": (
        ErrorCode.MALFORMED,
        "endpoint: push.example is not a push service that this one may send to (GREENLANE_PUSH_HOSTS)",
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
