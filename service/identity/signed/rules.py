"""Which device or phone may say what: one rule per signed route, and what has no rule is refused."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from service.http.bodies import parse
from service.identity.signed.keys import Caller, LaneOf
from service.identity.signed.signatures import Flaw, RequestView, SignatureRefused
from wire.codec import WireError
from wire.devices import DeviceKind

LANE, PANEL, STATION = DeviceKind.LANE, DeviceKind.PANEL, DeviceKind.STATION


class Names(enum.Enum):
    """Where a request names the station and lane that it speaks for."""

    IN_BODY = "station and lane in the body"
    IN_QUERY = "station in the query"
    BY_AUTHORISATION = "the lane that asked for the authorisation in the path"
    NOTHING = "nothing but the caller itself"
    ENROLMENT = "nothing yet: the request is signed with the key it brings"
    PERSON = "the person whose phone has signed it"
    PAIRING = "nobody yet: the request is signed with the phone's key that it brings"
    VEHICLE_TOKEN = "the vehicle whose token the request brings; it is not signed"


@dataclass(frozen=True, slots=True)
class RouteRule:
    """kinds: who may say it. path: a pattern over the decoded path; {id} stands for one segment.

    keeps_malformed: the route refuses a body without station and lane by itself, and keeps it for the operators.
    """

    method: str
    path: str
    names: Names
    kinds: frozenset[DeviceKind]
    keeps_malformed: bool = False

    def match(self, method: str, path: str) -> str | None:
        """The id in the path ("" where the rule has none), or None when the rule is for something else."""
        found = re.fullmatch(re.escape(self.path).replace(r"\{id\}", "([^/]+)"), path)
        if method != self.method or found is None:
            return None
        return found[1] if found.groups() else ""


RULES: tuple[RouteRule, ...] = (
    RouteRule("POST", "/v1/authorisations", Names.IN_BODY, frozenset({LANE, PANEL, STATION})),
    RouteRule("POST", "/v1/authorisations/{id}/renew", Names.BY_AUTHORISATION, frozenset({LANE, STATION})),
    RouteRule("POST", "/v1/authorisations/{id}/release", Names.BY_AUTHORISATION, frozenset({LANE, PANEL, STATION})),
    RouteRule("POST", "/v1/fuellings", Names.IN_BODY, frozenset({LANE, STATION}), keeps_malformed=True),
    RouteRule("GET", "/v1/prices", Names.IN_QUERY, frozenset({LANE, PANEL, STATION})),
    RouteRule("POST", "/v1/lane-status", Names.IN_BODY, frozenset({LANE, STATION})),
    RouteRule("POST", "/v1/visits", Names.IN_BODY, frozenset({LANE, STATION})),
    RouteRule("POST", "/v1/lane-orders", Names.IN_BODY, frozenset({LANE, STATION})),
    RouteRule("POST", "/v1/asked-ahead", Names.IN_BODY, frozenset({LANE, STATION})),
    RouteRule("POST", "/v1/expected-plates", Names.IN_BODY, frozenset({LANE, STATION})),
    RouteRule("POST", "/v1/pins", Names.IN_BODY, frozenset({STATION})),
    RouteRule("GET", "/v1/devices", Names.IN_QUERY, frozenset({STATION})),
    RouteRule("GET", "/v1/offline-list", Names.IN_QUERY, frozenset({STATION})),
    RouteRule("POST", "/v1/offline-grants", Names.IN_BODY, frozenset({STATION})),
    RouteRule("POST", "/v1/keys", Names.NOTHING, frozenset({LANE, PANEL, STATION})),
    RouteRule("POST", "/v1/keys/{id}/spoken", Names.NOTHING, frozenset({STATION})),
    RouteRule("POST", "/v1/panel-sessions", Names.NOTHING, frozenset({PANEL})),
    RouteRule("POST", "/v1/enrolments", Names.ENROLMENT, frozenset()),
)

PHONE_PREFIX = "/v1/phone"
PHONE_RULES: tuple[RouteRule, ...] = (
    RouteRule("POST", f"{PHONE_PREFIX}/pairings", Names.PAIRING, frozenset()),
    *(
        RouteRule(method, f"{PHONE_PREFIX}/{path}", Names.PERSON, frozenset())
        for method, path in (
            ("GET", "me"),
            ("GET", "spots"),
            ("GET", "push"),
            ("POST", "push"),
            ("POST", "push/off"),
            ("GET", "spending"),
            ("GET", "data"),
            ("POST", "erasure"),
            ("GET", "charges"),
            ("GET", "charges/{id}"),
            ("GET", "charges/{id}/picture"),
            ("POST", "charges/{id}/words"),
            ("GET", "mandates"),
            ("POST", "mandates"),
            ("POST", "mandates/{id}/{id}"),
            ("GET", "events"),
            ("GET", "greens"),
            ("POST", "plates/{id}/{id}"),
            ("GET", "hours"),
            ("POST", "hours"),
            ("POST", "hours/{id}/{id}"),
            ("POST", "tracks/{id}/{id}"),
        )
    ),
)
"""What phones may say; whose charge, mandate or hours an id in the path is, is judged by the route."""

TOKEN_RULES: tuple[RouteRule, ...] = (
    RouteRule("POST", "/v1/positions/owntracks", Names.VEHICLE_TOKEN, frozenset()),
    RouteRule("POST", "/v1/positions/osmand", Names.VEHICLE_TOKEN, frozenset()),
)
"""Not signed: whoever has a vehicle's token says where it is, which the route judges."""


def find_rule(method: str, path: str) -> tuple[RouteRule, str] | None:
    """The rule of a request and the id in its path."""
    for rule in (*RULES, *PHONE_RULES, *TOKEN_RULES):
        identifier = rule.match(method, path)
        if identifier is not None:
            return rule, identifier
    return None


def check(rule: RouteRule, identifier: str, caller: Caller, request: RequestView, lane_of: LaneOf) -> None:
    """Raises SignatureRefused unless this device may say this for the place it names."""
    if caller.kind not in rule.kinds:
        raise SignatureRefused(Flaw.FORBIDDEN, f"a {caller.kind.value}'s key may not say this")
    if rule.names is Names.IN_BODY:
        _check_body(rule, caller, request.body)
    elif rule.names is Names.IN_QUERY:
        _check_place(caller, _query_value(request, "station"), caller.lane)
    elif rule.names is Names.BY_AUTHORISATION:
        place = lane_of(identifier)
        if place is not None:
            _check_place(caller, *place)


def _check_body(rule: RouteRule, caller: Caller, body: bytes) -> None:
    try:
        parsed = parsed_body(body)
        _check_place(caller, parsed.get("station"), parsed.get("lane"))
    except SignatureRefused as refusal:
        if rule.keeps_malformed and refusal.flaw is Flaw.MALFORMED:
            return
        raise
    if caller.kind is PANEL and parsed.get("typed") is not True:
        raise SignatureRefused(Flaw.FORBIDDEN, "typed: a panel may only ask about typed plates")


def parsed_body(body: bytes) -> dict[str, Any]:
    """The JSON object of a body, read exactly as the routes read it. Raises SignatureRefused for anything else."""
    try:
        parsed = parse(body)
    except WireError as error:
        raise SignatureRefused(Flaw.MALFORMED, str(error)) from None
    if not isinstance(parsed, dict):
        raise SignatureRefused(Flaw.MALFORMED, "body: expected a JSON object in UTF-8")
    return parsed


def _check_place(caller: Caller, station: object, lane: object) -> None:
    if not isinstance(station, str) or (caller.lane is not None and not isinstance(lane, str)):
        raise SignatureRefused(Flaw.MALFORMED, "station, lane: expected text")
    if station != caller.station:
        raise SignatureRefused(Flaw.FORBIDDEN, f"this key speaks for station {caller.station}")
    if caller.lane is not None and lane != caller.lane:
        raise SignatureRefused(Flaw.FORBIDDEN, f"this key speaks for lane {caller.lane}")


def _query_value(request: RequestView, name: str) -> str | None:
    values = [v for k, v in parse_qsl(request.target.partition("?")[2], keep_blank_values=True) if k == name]
    if len(values) > 1:
        raise SignatureRefused(Flaw.MALFORMED, f"{name}: stands twice in the query")
    return values[0] if values else None
