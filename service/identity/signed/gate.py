"""Stands before every route under /v1 and lets in only what an enrolled device or a paired phone has signed.

Plain ASGI, outside the framework's routing: a route that nobody wrote a rule for is closed, not open.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import Unavailable
from service.http.batches import Batches
from service.http.bodies import LONGEST_BODY
from service.http.connections import CONNECTION
from service.http.door import is_host
from service.http.problems import problem
from service.identity.browser import source_of
from service.identity.signed.devices import Throttled, raw_key
from service.identity.signed.keys import Caller, KeyBook, KeyEntry
from service.identity.signed.rules import Names, RouteRule, check, find_rule, parsed_body
from service.identity.signed.signatures import (
    ACCEPT_SIGNATURE,
    Flaw,
    ProvenSignature,
    RequestView,
    SignatureRefused,
    verify,
)
from service.identity.signed.unsigned import foreign_mark
from service.identity.token_buckets import whole_seconds
from wire.codec import WireError, decode
from wire.devices import DeviceKind, EnrolmentRequest, key_id
from wire.reasons import ErrorCode

log = logging.getLogger(__name__)

SIGNED_PREFIX = "/v1"
FLAW_HEADER = "Greenlane-Flaw"
PHONE_NAMES = (Names.PERSON, Names.PAIRING)
LOG_EVERY = timedelta(minutes=1)

STATUS = {Flaw.MALFORMED: 400, Flaw.FORBIDDEN: 403, Flaw.FOREIGN: 403, Flaw.OVERSIZED: 413}
"""All other flaws are 401."""
CODES = {400: ErrorCode.MALFORMED, 401: ErrorCode.UNAUTHENTICATED, 403: ErrorCode.FORBIDDEN, 413: ErrorCode.TOO_LARGE}


@dataclass(frozen=True, slots=True)
class PhoneCaller:
    """The person whose phone speaks, by the books' own number, and the key that has signed.

    person: None for a phone that is about to be paired.
    """

    person: str | None
    key_id: str


class PhoneJudge(Protocol):
    """Knows the phones' keys."""

    def judge(self, request: RequestView, *, is_pairing: bool, source: str) -> tuple[ProvenSignature, PhoneCaller]:
        """All but whether the nonce is new. Raises SignatureRefused, and Throttled for a stranger from `source`."""


@dataclass(frozen=True, slots=True)
class GateRules:
    """allow_unsigned: unsigned requests of programs pass (development and simulation), see identity.unsigned; a
    signature that is there must still hold.

    hosts: the names (Host headers) this service answers to; empty for any. Without them a signature made for another
    greenlane service could be shown here. body_timeout_s: a body that trickles in more slowly is refused.
    """

    allow_unsigned: bool = False
    hosts: frozenset[str] = frozenset()
    body_timeout_s: float = 10.0


class SignatureGate:
    """ASGI middleware. An accepted request carries its Caller (None when unsigned) as request.state.caller.

    A phone's carries its PhoneCaller as request.state.phone. phones: who knows their keys; None where none speaks.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: KeyBook,
        now: Callable[[], datetime],
        rules: GateRules,
        count: Callable[[Flaw], None] = lambda flaw: None,
        phones: Callable[[], PhoneJudge | None] = lambda: None,
        enrolment_wait_s: Callable[[str], float] = lambda source: 0.0,
    ) -> None:
        """enrolment_wait_s: how long an address waits for its next enrolment; nothing is kept of what is early."""
        self._app = app
        self._keys = keys
        self._now = now
        self._rules = rules
        self._count = count
        self._phones = phones
        self._enrolment_wait_s = enrolment_wait_s
        self._logged: dict[Flaw, datetime] = {}
        self._nonces: Batches[ProvenSignature, bool] = Batches(lambda claims: keys.remember(claims, now()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and _is_guarded(scope["path"]):
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http" or not _is_guarded(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            by_token = _brings_a_token(scope)
            if not by_token and self._is_let_through(scope):
                await self._app(scope, receive, send)
                return
            body = await asyncio.wait_for(_whole_body(scope, receive), self._rules.body_timeout_s)
            admitted = None if by_token else await self._admitted(scope, body)
        except (SignatureRefused, Throttled, Unavailable, TimeoutError) as error:
            await self._refusal(error)(scope, receive, send)
            return
        scope.setdefault("state", {})["phone" if isinstance(admitted, PhoneCaller) else "caller"] = admitted
        await self._app(scope, _again(body, receive), send)

    def _is_let_through(self, scope: Scope) -> bool:
        """Whether it passes unsigned. Raises SignatureRefused for what only looks like a program's request."""
        names = {name for name, _ in scope["headers"]}
        if not self._rules.allow_unsigned or names & {b"signature", b"signature-input"}:
            return False
        mark = foreign_mark(scope, self._rules.hosts)
        if mark is not None:
            raise SignatureRefused(Flaw.FOREIGN, f"{mark}; unsigned requests are taken from programs alone")
        return True

    async def _admitted(self, scope: Scope, body: bytes) -> Caller | PhoneCaller | None:
        """Who speaks; None for a stranger who enrols. The nonces of requests that come together are kept together."""
        claim, entry = await run_in_threadpool(self._judge, scope, body)
        if not await self._nonces.put(claim):
            raise SignatureRefused(Flaw.REPLAYED, "nonce: this signature has been used before; sign every attempt anew")
        connection = scope.get("state", {}).get(CONNECTION)
        if isinstance(entry, PhoneCaller):
            if entry.person is not None and connection is not None:
                connection.belongs_to(f"phone {entry.key_id}")
            return entry
        if entry is not None and connection is not None:
            connection.belongs_to(entry.caller.device)
        if entry is not None and entry.waiting:
            await run_in_threadpool(self._keys.confirm, claim.key_id)
        return None if entry is None else entry.caller

    def _judge(self, scope: Scope, body: bytes) -> tuple[ProvenSignature, KeyEntry | PhoneCaller | None]:
        """All but whether the nonce is new."""
        request = _view(scope, body)
        found = find_rule(request.method, scope["path"])
        if self._rules.hosts and request.host not in self._rules.hosts:
            raise SignatureRefused(Flaw.WRONG_HOST, f"host: this service is not {request.host[:80]}")
        if found is not None and found[0].names is Names.ENROLMENT:
            return self._judge_enrolment(request, source_of(Request(scope)))
        if found is not None and found[0].names in PHONE_NAMES:
            return self._judge_phone(request, found[0], source_of(Request(scope)))
        return self._judge_device(request, found)

    def _judge_device(
        self, request: RequestView, found: tuple[RouteRule, str] | None
    ) -> tuple[ProvenSignature, KeyEntry]:
        entries = []

        def find_key(wanted: str) -> bytes:
            entries.append(self._keys.find(wanted))
            return entries[-1].public_key

        claim = verify(request, find_key, self._now())
        entry = entries[-1]
        if found is None:
            raise SignatureRefused(Flaw.FORBIDDEN, "there is nothing here for devices")
        check(*found, entry.caller, request, self._keys.lane_of)
        return claim, entry

    def _judge_phone(self, request: RequestView, rule: RouteRule, source: str) -> tuple[ProvenSignature, PhoneCaller]:
        judge = self._phones()
        if judge is None:
            raise SignatureRefused(Flaw.FORBIDDEN, "phones speak to the balance service itself")
        return judge.judge(request, is_pairing=rule.names is Names.PAIRING, source=source)

    def _judge_enrolment(self, request: RequestView, source: str) -> tuple[ProvenSignature, KeyEntry | None]:
        """A stranger proves only that the key is its own; the code is judged by the route.

        Strangers make as many keys as they like, so what the throttle turns away and what is not an enrolment leave no
        nonce. A station's central control, returned, vouches for a stranger whose request it has judged so itself.
        """
        wait_s = self._enrolment_wait_s(source)
        if wait_s:
            raise Throttled(wait_s)
        stations: list[KeyEntry] = []
        public_key = raw_key(_enrolment(request.body).public_key)

        def find_key(wanted: str) -> bytes:
            if wanted == key_id(public_key):
                return public_key
            entry = self._keys.find(wanted, stranger="keyid: expected the thumbprint of the public_key in the body")
            if entry.caller.kind is not DeviceKind.STATION:
                raise SignatureRefused(Flaw.FORBIDDEN, f"a {entry.caller.kind.value}'s key may not say this")
            stations.append(entry)
            return entry.public_key

        claim = verify(request, find_key, self._now())
        return claim, stations[0] if stations else None

    def _refusal(self, error: Exception) -> Response:
        if isinstance(error, Unavailable):
            return problem(503, ErrorCode.UNAVAILABLE, str(error), {"Retry-After": "5"})
        if isinstance(error, Throttled):
            return problem(429, ErrorCode.THROTTLED, str(error), {"Retry-After": str(whole_seconds(error.wait_s))})
        if not isinstance(error, SignatureRefused):
            return problem(408, ErrorCode.MALFORMED, f"the body took over {self._rules.body_timeout_s:g} s", {})
        self._count(error.flaw)
        self._log(error)
        status = STATUS.get(error.flaw, 401)
        return problem(status, CODES[status], str(error), refusal_headers(error.flaw, status))

    def _log(self, error: SignatureRefused) -> None:
        """Once a minute for each flaw; the metrics count them all."""
        now = self._now()
        if error.flaw not in self._logged or abs(now - self._logged[error.flaw]) >= LOG_EVERY:
            self._logged[error.flaw] = now
            log.warning("refused as %s: %s", error.flaw, error)


def refusal_headers(flaw: Flaw, status: int) -> dict[str, str]:
    """Of an answer to what is not taken: the flaw for programs, and with 401 what to send instead."""
    asked = {"Accept-Signature": ACCEPT_SIGNATURE, "WWW-Authenticate": "Signature"} if status == 401 else {}
    return {FLAW_HEADER: flaw.value, **asked}


def _enrolment(body: bytes) -> EnrolmentRequest:
    try:
        return decode(EnrolmentRequest, parsed_body(body))
    except WireError as error:
        raise SignatureRefused(Flaw.MALFORMED, str(error)) from None


def _is_guarded(path: str) -> bool:
    return path == SIGNED_PREFIX or path.startswith(SIGNED_PREFIX + "/")


def _brings_a_token(scope: Scope) -> bool:
    """Whether the route itself judges a token, instead of a device's signature."""
    found = find_rule(scope["method"], scope["path"])
    return found is not None and found[0].names is Names.VEHICLE_TOKEN


def _view(scope: Scope, body: bytes) -> RequestView:
    headers = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in scope["headers"])
    hosts = [value for name, value in headers if name.lower() == "host"]
    if len(hosts) != 1 or not is_host(hosts[0]):
        raise SignatureRefused(Flaw.MALFORMED, "host: expected exactly one name or address")
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    query: bytes = scope.get("query_string", b"")
    target = raw.partition(b"?")[0] + (b"?" + query if query else b"")
    return RequestView(scope["method"], hosts[0].lower(), target.decode("latin-1"), headers, body)


async def _whole_body(scope: Scope, receive: Receive) -> bytes:
    length = dict(scope["headers"]).get(b"content-length", b"0")
    if not length.isdigit() or len(length) > 10 or int(length) > LONGEST_BODY:
        raise SignatureRefused(Flaw.OVERSIZED, f"body: at most {LONGEST_BODY} bytes")
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > LONGEST_BODY:
            raise SignatureRefused(Flaw.OVERSIZED, f"body: at most {LONGEST_BODY} bytes")
        if not message.get("more_body", False):
            return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """The body that has been read, then whatever comes after it."""
    waiting = [body]

    async def replay() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replay
