"""Reads the JSON body of a request: bounded, UTF-8, and text that every store can hold, or refused as malformed."""

from __future__ import annotations

import json
import re
from typing import NoReturn, TypeVar

from starlette.requests import Request

from service.errors import ServiceError
from wire.codec import WireError, decode, once_each
from wire.reasons import ErrorCode

LONGEST_BODY = 64 * 1024
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
_WORDS = "body: expected a JSON object in UTF-8"

Record = TypeVar("Record")


class BodyRefused(ServiceError):
    """The body can't be taken; `body` is what came of it."""

    def __init__(self, code: ErrorCode, detail: str, body: bytes = b"") -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.body = body


async def read(request: Request, record: type[Record]) -> Record:
    """The record that a request carries. Raises BodyRefused."""
    body = await whole(request)
    try:
        return decode(record, parse(body))
    except WireError as error:
        raise BodyRefused(ErrorCode.MALFORMED, str(error), body) from None


def parse(body: bytes) -> object:
    """The JSON value of a body. Raises WireError for anything else, and for names and values that are not text."""
    try:
        text = body.decode("utf-8")
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise WireError(_WORDS) from None
    if "\\u" in text:
        _check_text(value)
    return value


async def whole(request: Request) -> bytes:
    """The bytes of a body. Raises BodyRefused for more than LONGEST_BODY."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            detail = f"body: at most {LONGEST_BODY} bytes"
            raise BodyRefused(ErrorCode.TOO_LARGE, detail, bytes(body[:LONGEST_BODY]))
    return bytes(body)


def _check_text(value: object) -> None:
    """Escapes can spell what no text holds: NUL, and halves of surrogate pairs."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if _NO_TEXT.search(one):
                raise WireError("body: holds characters that are not text (NUL or lone surrogates)")
        elif isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one


def _no_number(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_number, object_pairs_hook=once_each)
