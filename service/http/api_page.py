"""The OpenAPI document made whole for signed routes, and a page that shows it without anybody's script."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request, Response

from service.http import openapi
from service.identity import access
from service.identity.gate import SIGNED_PREFIX
from service.identity.rules import RULES, Names
from service.identity.web import PAGES, page
from wire.devices import DeviceKey, Enrolment, EnrolmentRequest, KeyRotation

RECORDS: tuple[type, ...] = (EnrolmentRequest, Enrolment, KeyRotation, DeviceKey)

WORKED = ("first_question.py", "first_question.sh")
"""Whole terminals, one a language: they enrol and ask their first question."""
SIGNED_ERRORS = {
    400: "The request or its signature cannot be read.",
    401: "Unsigned, tampered, stale, replayed, unknown or revoked; the detail says which.",
    403: "This device may not say this, or not for this station and lane.",
    408: "The body did not arrive within 10 s.",
    413: "The body is longer than 64 KiB.",
    503: "The database is away, locked or full: nothing was written, try again.",
}
SCHEME = {
    "type": "http",
    "scheme": "Signature",
    "description": (
        "RFC 9421 with Ed25519: @method, @authority, @path, @query and, with a body, content-type and content-digest "
        '(RFC 9530); created, keyid, nonce, tag="greenlane". keyid is the JWK thumbprint of the public key (RFC 7638, '
        'RFC 8037): SHA-256 over {"crv":"Ed25519","kty":"OKP","x":"<public key, base64url without padding>"}, '
        "base64url without padding; the enrolment's answer names it. docs/api.md has the recipe with test vectors."
    ),
}

router = APIRouter(include_in_schema=False)


def complete(document: dict[str, Any]) -> None:
    """Adds the signature and its errors to every operation that the gate guards."""
    components = document.setdefault("components", {})
    components.setdefault("securitySchemes", {})["signature"] = SCHEME
    for path, operations in document["paths"].items():
        if not path.startswith(SIGNED_PREFIX + "/"):
            continue
        for method, operation in operations.items():
            operation["security"] = [{"signature": []}]
            answers = operation["responses"]
            for status, answer in openapi.problems(SIGNED_ERRORS).items():
                answers.setdefault(str(status), answer)
            operation["description"] = _who(method.upper(), path, operation.get("description", ""))
            operation["responses"] = dict(sorted(answers.items()))


def _who(method: str, path: str, words: str) -> str:
    rule = next(
        (
            r
            for r in RULES
            if r.method == method
            and r.path.count("/") == path.count("/")
            and r.path.rpartition("/")[2] == path.rpartition("/")[2]
        ),
        None,
    )
    if rule is None or rule.names is Names.ENROLMENT:
        return words
    kinds = ", ".join(sorted(kind.value for kind in rule.kinds))
    return f"{words}\n\nSaid by: {kinds}; for {rule.names.value}."


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Every operation with its examples and errors, from the same document as /openapi.json."""
    document = request.app.openapi()
    operations = [
        {"path": path, "method": method.upper(), **operation, "example": _example(operation.get("requestBody"))}
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    session = await access.current(request)
    examples = [(name, (PAGES / "examples" / name).read_text(encoding="utf-8")) for name in WORKED]
    return page(request, "docs.html", session=session, operations=operations, example_of=_example, worked=examples)


def _example(content: dict[str, Any] | None) -> str:
    """The JSON example of a body or an answer; empty when it has none."""
    example = (content or {}).get("content", {}).get("application/json", {}).get("example")
    return "" if example is None else json.dumps(example, ensure_ascii=False, indent=2)
