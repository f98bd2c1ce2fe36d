"""OpenAPI parts made from the wire records, so that the documents and the decoder can't differ."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from service.http.phone_examples import KEY_ID, PHONE_EXAMPLES
from service.http.problem_examples import example_of
from wire.ahead import AskedAhead, Expected, ExpectedPlate, ExpectedWanted
from wire.codec import encode, encode_text
from wire.devices import DeviceKey, DeviceKind, Enrolment, EnrolmentRequest, KeyRotation
from wire.fuellings import Fuelling, FuellingReceipt, Price
from wire.live import LampState, LaneStatus, Order, OrderKind, OrdersWanted, Stage, StoryLine, VisitReport
from wire.offline import OfflineEntry, OfflineGrant, OfflineList, OfflineReceipt, SignedOfflineList
from wire.questions import Decision, Question
from wire.reasons import ErrorCode, Reason, Verdict
from wire.typed import PinAnswer, PinCheck

_AT = datetime(2026, 5, 4, 8, 30, tzinfo=UTC)
_KEY = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
"""The key of RFC 8037, appendix A, and its thumbprint."""
_LIST = OfflineList(
    title="环路东站",
    station="S1",
    version=1_777_883_400,
    issued_at=_AT,
    expires_at=_AT + timedelta(hours=12),
    entries=(OfflineEntry(plate="粤B12345", card="C1001", cap_fen=20_000),),
)
EXAMPLES: dict[str, Any] = {
    "Question": encode(
        Question(
            visit="L1-20260504T083000Z-7",
            station="S1",
            lane="L1",
            plate="粤B12345",
            typed=False,
            captured_at=_AT,
            confidence=0.98,
            weakest=0.97,
        )
    ),
    "Decision": encode(
        Decision(
            visit="L1-20260504T083000Z-7",
            plate="粤B12345",
            decision=Verdict.ALLOW,
            reason=Reason.OK,
            authorisation="a1b2c3d4e5f60718-9f8e7d6c5b4a",
            limit_fen=10_000,
            expires_at=_AT + timedelta(minutes=5),
        )
    ),
    "Fuelling": encode(
        Fuelling(
            station="S1",
            lane="L1",
            dispenser="S1-D1",
            sequence=41,
            visit="L1-20260504T083000Z-7",
            authorisation="a1b2c3d4e5f60718-9f8e7d6c5b4a",
            plate="粤B12345",
            started_at=_AT + timedelta(seconds=20),
            ended_at=_AT + timedelta(seconds=68),
            volume_ml=12_000,
            amount_fen=9_480,
            unit_price_fen_per_l=790,
            product="92",
            totaliser_before_ml=88_120_000,
            totaliser_after_ml=88_132_000,
        )
    ),
    "FuellingReceipt": encode(
        FuellingReceipt(
            dispenser="S1-D1",
            sequence=41,
            charged_fen=9_480,
            captured_fen=9_480,
            overrun_fen=0,
            released_fen=520,
            balance_fen=40_520,
        )
    ),
    "Price": encode(Price(product="92", unit_price_fen_per_l=790)),
    "AskedAhead": encode(
        AskedAhead(station="S1", lane="E1", plate="粤B12345", captured_at=_AT, confidence=0.98, weakest=0.97)
    ),
    "ExpectedWanted": encode(ExpectedWanted(station="S1", lane="L1", wait_s=20.0, number=6)),
    "Expected": encode(Expected(number=7, plates=(ExpectedPlate(plate="粤B12345", expires_in_s=598.5),))),
    "PinCheck": encode(PinCheck(station="S1", lane="L1", plate="粤B12345", pin="493817")),
    "PinAnswer": encode(PinAnswer(proof="69f8b3a4." + "0" * 40)),
    "EnrolmentRequest": encode(EnrolmentRequest(code="7K3M-9QXT-2HPD", public_key=_KEY)),
    "Enrolment": encode(Enrolment(device="d-4t9x2m7kqa", key_id=KEY_ID, kind=DeviceKind.LANE, station="S1", lane="L1")),
    "KeyRotation": encode(KeyRotation(public_key=_KEY, proof="A" * 86 + "==")),
    "DeviceKey": encode(
        DeviceKey(
            device="d-4t9x2m7kqa",
            key_id=KEY_ID,
            kind=DeviceKind.LANE,
            station="S1",
            lane="L1",
            public_key=_KEY,
            revoked=False,
        )
    ),
    "LaneStatus": encode(
        LaneStatus(
            station="S1",
            lane="L1",
            at=_AT,
            phase="green",
            lamp=LampState.GREEN,
            reason=Reason.OK,
            visit="L1-20260504T083000Z-7",
            plate="粤B12345",
            limit_fen=10_000,
        )
    ),
    "VisitReport": encode(
        VisitReport(
            station="S1",
            lane="L1",
            visit="L1-20260504T083000Z-7",
            first_seen_at=_AT,
            at=_AT + timedelta(seconds=2),
            plate="粤B12345",
            decision=Verdict.ALLOW,
            reason=Reason.OK,
            over=False,
            limit_fen=10_000,
            story=(
                StoryLine(at_s=0.0, stage=Stage.SEEN, words="a vehicle came into view"),
                StoryLine(at_s=1.2, stage=Stage.LAMP, reason=Reason.OK, lamp=LampState.GREEN),
            ),
        )
    ),
    "OrdersWanted": encode(OrdersWanted(station="S1", lane="L1", wait_s=20.0)),
    "Order": encode(Order(id="o-7k3m9q", kind=OrderKind.TYPED, by="person:li", plate="粤B12345")),
    "OfflineList": encode(_LIST),
    "SignedOfflineList": encode(SignedOfflineList(text=encode_text(_LIST), public_key=_KEY, signature="A" * 86 + "==")),
    "OfflineGrant": encode(
        OfflineGrant(
            authorisation="off-6b1d0e9a4c7f25830e1d",
            visit="L1-20260504T083000Z-7",
            station="S1",
            lane="L1",
            plate="粤B12345",
            typed=False,
            card="C1001",
            limit_fen=20_000,
            list_version=1_777_883_400,
            granted_at=_AT,
        )
    ),
    "OfflineReceipt": encode(OfflineReceipt(authorisation="off-6b1d0e9a4c7f25830e1d")),
    **PHONE_EXAMPLES,
}

PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["code", "detail"],
    "additionalProperties": False,
    "properties": {
        "code": {"type": "string", "enum": [code.value for code in ErrorCode]},
        "detail": {"type": "string", "description": "One sentence for people."},
    },
}


def complete(document: dict[str, Any], records: tuple[type, ...]) -> None:
    """Add the records' schemas, and drop the framework's own form of a bad parameter: ours is a Problem with 400."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    schemas["Problem"] = PROBLEM
    schemas.update({record.__name__: schema_of(record) for record in records})
    for path in document["paths"].values():
        for operation in path.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]


def schema_of(record: type) -> dict[str, Any]:
    """The JSON schema that wire.codec.decode enforces for a record.

    Texts and numbers without limits, and lists of texts with `"most": None`, are only ever answered.
    """
    hints = typing.get_type_hints(record)
    fields = dataclasses.fields(record)
    return {
        "type": "object",
        "description": (record.__doc__ or "").strip().splitlines()[0],
        "additionalProperties": False,
        "required": [f.name for f in fields if f.default is dataclasses.MISSING],
        "properties": {f.name: _property(hints[f.name], f.metadata) for f in fields},
    }


def body(record: type) -> dict[str, Any]:
    """An operation's request body."""
    return {"requestBody": {"required": True, "content": _content(record.__name__)}}


def answers(record: type | None, errors: Mapping[int, str], *, many: bool = False) -> dict[int | str, dict[str, Any]]:
    """An operation's answers: the record with 200 (None: 204 without a body), and its errors by status."""
    if record is None:
        return {204: {"description": "Done, or done before."}, **problems(errors)}
    return {
        200: {"description": f"{record.__name__}.", "content": _content(record.__name__, many)},
        **problems(errors),
    }


def file(media_type: str, words: str) -> dict[int | str, dict[str, Any]]:
    """The answer 200 of a route that answers with something else than a record."""
    schema: dict[str, Any] = {"type": "object"} if media_type == "application/json" else {"type": "string"}
    return {200: {"description": words, "content": {media_type: {"schema": schema}}}}


def problems(errors: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """The answers of refused messages by status; each has the body of a Problem."""
    found: dict[int | str, dict[str, Any]] = {}
    for status, words in errors.items():
        content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example_of(status, words)}
        found[status] = {"description": words, "content": {"application/json": content}}
    return found


def _content(name: str, many: bool = False) -> dict[str, Any]:
    schema: dict[str, Any] = {"$ref": f"#/components/schemas/{name}"}
    example = EXAMPLES.get(name)
    if many:
        schema, example = {"type": "array", "items": schema}, [example]
    return {"application/json": {"schema": schema, **({"example": example} if example is not None else {})}}


def _property(hint: Any, limits: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(hint, types.UnionType):
        inner = next(a for a in typing.get_args(hint) if a is not type(None))
        return {"anyOf": [_property(inner, limits), {"type": "null"}]}
    if hint is datetime:
        return {"type": "string", "format": "date-time", "maxLength": 40}
    if typing.get_origin(hint) is tuple:
        return _several(typing.get_args(hint)[0], limits)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"type": "string", "enum": [member.value for member in hint]}
    if hint is bool:
        return {"type": "boolean"}
    if hint is str:
        return {"type": "string", **_bounds(limits, minLength="shortest", maxLength="longest")}
    kind = {int: "integer", float: "number"}[hint]
    return {"type": kind, **_bounds(limits, minimum="low", maximum="high")}


def _several(part: type, limits: Mapping[str, Any]) -> dict[str, Any]:
    if dataclasses.is_dataclass(part):
        items = {"$ref": f"#/components/schemas/{part.__name__}"}
        return {"type": "array", **_bounds(limits, maxItems="most"), "items": items}
    if issubclass(part, enum.Enum):
        return {"type": "array", "items": _property(part, limits)}
    if "most" in limits:
        return {"type": "array", "items": {"type": "string"}}
    return {"type": "array", "maxItems": 20, "items": {"type": "string", "maxLength": 40}}


def _bounds(limits: Mapping[str, Any], **names: str) -> dict[str, Any]:
    """JSON schema's word -> the limit of ours that it tells, where there is one."""
    return {theirs: limits[ours] for theirs, ours in names.items() if limits.get(ours) is not None}
