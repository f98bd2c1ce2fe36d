"""The OpenAPI document made whole for signed routes, and a page that shows it without anybody's script."""

from __future__ import annotations

import json
import re
from typing import Any

from fastapi import APIRouter, Request, Response

from service.http import openapi
from service.identity import access, api_words
from service.identity.signed.gate import PHONE_NAMES, SIGNED_PREFIX
from service.identity.signed.rules import PHONE_PREFIX, Names, find_rule
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

PHONE_ERRORS = {
    400: "The phone's request or its signature cannot be read.",
    401: "Unsigned, tampered, stale, replayed, or by a key that is not paired: Greenlane-Flaw says which.",
    403: "Not signed, and made by a page of another site.",
    **{status: SIGNED_ERRORS[status] for status in (408, 413, 503)},
}
PHONE_SCHEME = {
    "type": "http",
    "scheme": "Signature",
    "description": (
        "RFC 9421 with ECDSA on P-256 and SHA-256, by the key that the phone was paired with. Header Signature-Input: "
        'greenlane=("@method" "@authority" "@path" "@query" "content-type" "content-digest");created=<seconds since '
        '1970>;keyid="<key>";nonce="<16 to 64 characters, never twice>";alg="ecdsa-p256-sha256";tag="greenlane"; '
        "without a body the last two parts are left out. Header Signature: greenlane=:<base64 of the 64 bytes r, s>:, "
        "over the signature base; header Content-Digest: sha-256=:<base64>: (RFC 9530). keyid is the JWK thumbprint "
        '(RFC 7638): SHA-256 over {"crv":"P-256","kty":"EC","x":"<x>","y":"<y>"}, base64url without padding. A '
        "signature is taken once, within 300 s; every attempt is signed anew. docs/api.md has the signature base."
    ),
}

COMMON = frozenset((*SIGNED_ERRORS.values(), *PHONE_ERRORS.values()))
"""Told once on the page, not with each operation."""

router = APIRouter(include_in_schema=False)


def complete(document: dict[str, Any]) -> None:
    """Adds the signature and its errors to every operation that the gate guards."""
    components = document.setdefault("components", {})
    schemes = components.setdefault("securitySchemes", {})
    schemes["signature"] = SCHEME
    if any(path.startswith(f"{PHONE_PREFIX}/") for path in document["paths"]):
        schemes["phoneSignature"] = PHONE_SCHEME
    for path, operations in document["paths"].items():
        if not path.startswith(SIGNED_PREFIX + "/"):
            continue
        is_phone = path.startswith(f"{PHONE_PREFIX}/")
        for method, operation in operations.items():
            operation["security"] = [{"phoneSignature" if is_phone else "signature": []}]
            answers = operation["responses"]
            for status, answer in openapi.problems(PHONE_ERRORS if is_phone else SIGNED_ERRORS).items():
                answers.setdefault(str(status), answer)
            operation["description"] = _who(method.upper(), path, operation.get("description", ""))
            operation["responses"] = dict(sorted(answers.items()))


def _who(method: str, path: str, words: str) -> str:
    found = find_rule(method, re.sub(r"{\w+}", "x", path))
    if found is None or found[0].names is Names.ENROLMENT:
        return words
    rule = found[0]
    if rule.names in PHONE_NAMES:
        return f"{words}\n\nSaid by: a phone; for {rule.names.value}."
    kinds = ", ".join(sorted(kind.value for kind in rule.kinds))
    return f"{words}\n\nSaid by: {kinds}; for {rule.names.value}."


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Every operation with its examples and errors, from the same document as /openapi.json."""
    document = request.app.openapi()
    operations = [
        {"path": path, "method": method.upper(), **operation, **_shown(operation)}
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    session = await access.current(request)
    examples = [(name, (PAGES / "examples" / name).read_text(encoding="utf-8")) for name in WORKED]
    common = {"device": openapi.problems(SIGNED_ERRORS), "phone": openapi.problems(PHONE_ERRORS)}
    shown: dict[str, Any] = {"operations": operations, "common": common, "example_of": _example, "worked": examples}
    return page(request, "docs.html", session=session, in_chinese=api_words.in_chinese, **shown)


def _shown(operation: dict[str, Any]) -> dict[str, Any]:
    """Its example, its own answers, and the statuses of those that every signed request may get."""
    answers = operation["responses"]
    shared = [status for status, answer in answers.items() if answer.get("description") in COMMON]
    own = {status: answer for status, answer in answers.items() if status not in shared}
    return {"example": _example(operation.get("requestBody")), "own": own, "shared": shared}


def _example(content: dict[str, Any] | None) -> str:
    """The JSON example of a body or an answer; empty when it has none."""
    example = (content or {}).get("content", {}).get("application/json", {}).get("example")
    return "" if example is None else json.dumps(example, ensure_ascii=False, indent=2)
