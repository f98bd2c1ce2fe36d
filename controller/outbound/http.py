"""The balance service over HTTP: every call has one deadline, and no answer is believed that is not exactly right."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TypeGuard, TypeVar
from urllib.parse import quote

from controller.errors import Rejected, ServiceFailed, ServiceFault, SettingsError
from controller.outbound.connections import MAX_CONNECTIONS, Answer, Call, ConnectionPool, Sign
from wire.codec import WireError, decode, encode
from wire.fuellings import Fuelling, FuellingReceipt, Price
from wire.questions import Decision, Question
from wire.reasons import ErrorCode, Verdict
from wire.spelling.address import is_address

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Health:
    """What GET /healthz said. date: the clock over there, in whole seconds; None where the answer has none."""

    status_code: int
    text: str
    date: datetime | None = None


class HttpBalanceService:
    """controller.ports.BalanceService over HTTP. Thread-safe; connections are kept and used again.

    Every call ends within its deadline_s: it runs in a thread of its own whose connection is cut when time is up, so
    that name resolution, a slow handshake and an answer that trickles all count.
    Raises ServiceSilent (no connection, no answer in time), ServiceFault (an error or nonsense) or Rejected.
    ca_file: certificates to trust instead of the public ones. most_lines: connections at one time.
    """

    def __init__(
        self,
        base_url: str,
        station: str,
        *,
        sign: Sign | None = None,
        ca_file: str | None = None,
        most_connections: int = MAX_CONNECTIONS,
    ) -> None:
        if not is_address(base_url):
            raise SettingsError(f"service url {base_url!r}: write http(s)://HOST[:PORT][/PATH]")
        if ca_file is not None and not Path(ca_file).is_file():
            raise SettingsError(f"service ca_file: there is no file {ca_file}")
        self._base_url = base_url.rstrip("/")
        self._station = station
        self._connections = ConnectionPool(sign, ca_file or True, most_connections)

    def ask(self, question: Question, deadline_s: float) -> Decision:
        decision = decoded(Decision, self._call("POST", "/v1/authorisations", encode(question), deadline_s))
        _match(visit=(decision.visit, question.visit), plate=(decision.plate, question.plate))
        return decision

    def renew(self, authorisation: str, deadline_s: float) -> Decision:
        decision = decoded(Decision, self._call("POST", f"{_authorisation(authorisation)}/renew", {}, deadline_s))
        if decision.decision is Verdict.ALLOW:
            _match(authorisation=(decision.authorisation, authorisation))
        return decision

    def release(self, authorisation: str, deadline_s: float) -> None:
        self._call("POST", f"{_authorisation(authorisation)}/release", {}, deadline_s)

    def report(self, fuelling: Fuelling, deadline_s: float) -> FuellingReceipt:
        receipt = decoded(FuellingReceipt, self._call("POST", "/v1/fuellings", encode(fuelling), deadline_s))
        _match(dispenser=(receipt.dispenser, fuelling.dispenser), sequence=(receipt.sequence, fuelling.sequence))
        return receipt

    def prices(self, deadline_s: float) -> tuple[Price, ...]:
        """The station's prices, one per product."""
        answer = self._call("GET", f"/v1/prices?station={quote(self._station, safe='')}", None, deadline_s)
        if not isinstance(answer, list):
            raise ServiceFault("answer: expected a list of prices")
        return tuple(decoded(Price, entry) for entry in answer)

    def health(self, deadline_s: float) -> Health:
        """Whether it is there at all, for doctor; an answer of any status counts."""
        answer = self._connections.call(Call("GET", f"{self._base_url}/healthz", None), deadline_s)
        return Health(answer.status, answer.body[:200].decode("utf-8", "replace"), _moment(answer.date))

    def close(self) -> None:
        """Cut what is under way and close the connections. Idempotent."""
        self._connections.close()

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None, deadline_s: float) -> object:
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        return understood(self._connections.call(Call(method, self._base_url + path, data), deadline_s))


def understood(answer: Answer) -> object:
    """The JSON of a good answer, None for an empty 204.

    Raises Rejected only for a 4xx that the service itself signs with one of its codes: a stranger's 404 page must not
    make the lane unit give a message up. Any other error record of the service raises ServiceFailed, except that of
    503, which says that the service is not there. All else raises ServiceFault.
    """
    if answer.status == 204 and not answer.body:
        return None
    parsed = _json(answer)
    if 200 <= answer.status < 300 and parsed is not None:
        return parsed
    if answer.status >= 400 and answer.status != 503 and _is_error_record(parsed):
        code, detail = parsed["code"], parsed["detail"][:300]
        if answer.status < 500 and answer.status != 408 and code in ErrorCode.__members__.values():
            raise Rejected(code, detail)
        raise ServiceFailed(f"the service failed at this message ({answer.status} {code[:40]}): {detail}")
    raise ServiceFault(f"the service answered with status {answer.status} {_excerpt(answer)}".rstrip())


def decoded(cls: type[Record], data: object) -> Record:
    """wire.decode, with ServiceFault for an answer that is not of that form."""
    try:
        return decode(cls, data)
    except WireError as error:
        raise ServiceFault(f"the service's answer cannot be understood: {error}") from error


def _is_error_record(parsed: object) -> TypeGuard[dict[str, str]]:
    """The record of service.http.problems, whatever its code: a newer service may have codes of its own."""
    return (
        isinstance(parsed, dict)
        and parsed.keys() == {"code", "detail"}
        and all(isinstance(value, str) for value in parsed.values())
    )


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _json(answer: Answer) -> object:
    """The parsed body; None when it is not JSON, which no answer of the service is."""
    media_type = answer.content_type.partition(";")[0].strip().lower()
    if media_type not in ("application/json", "application/problem+json"):
        return None
    try:
        return json.loads(answer.body.decode("utf-8"), object_pairs_hook=_single)
    except (ValueError, RecursionError):
        return None


def _single(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _excerpt(answer: Answer) -> str:
    shown = "".join(c for c in answer.body[:80].decode("utf-8", "replace") if c.isprintable())
    return f"and {len(answer.body)} bytes of {answer.content_type or 'no type'}: {shown}" if answer.body else ""


def _authorisation(authorisation: str) -> str:
    return f"/v1/authorisations/{quote(authorisation, safe='')}"


def _match(**fields: tuple[object, object]) -> None:
    for name, (got, expected) in fields.items():
        if got != expected:
            raise ServiceFault(f"the service answered another question: its {name} is not the one asked about")
