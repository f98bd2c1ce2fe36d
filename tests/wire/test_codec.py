"""The records on the wire: encode and decode are exact inverses, and nonsense is refused by the field's name."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.http.openapi import EXAMPLES
from wire.codec import WireError, decode, encode
from wire.fuellings import Fuelling, FuellingReceipt, Price
from wire.money import MAX_FEN
from wire.questions import Decision, Question
from wire.reasons import Reason, Verdict

RECORDS = (Question, Decision, Fuelling, FuellingReceipt, Price)
TEXT = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
FEN = st.integers(0, MAX_FEN)
FUELLINGS = st.builds(
    Fuelling,
    station=TEXT,
    lane=TEXT,
    dispenser=TEXT,
    sequence=st.integers(1, 2**53 - 1),
    visit=st.none() | TEXT,
    authorisation=st.none() | TEXT,
    plate=st.none() | TEXT,
    started_at=TIMES,
    ended_at=TIMES,
    volume_ml=FEN,
    amount_fen=FEN,
    unit_price_fen_per_l=st.integers(0, 10**6),
    product=TEXT,
    totaliser_before_ml=FEN,
    totaliser_after_ml=FEN,
    flags=st.lists(TEXT, max_size=20).map(tuple),
)
QUESTIONS = st.builds(
    Question,
    visit=TEXT,
    station=TEXT,
    lane=TEXT,
    plate=TEXT,
    typed=st.booleans(),
    captured_at=TIMES,
    confidence=st.floats(0, 1),
    weakest=st.floats(0, 1),
)
DECISIONS = st.builds(
    Decision,
    visit=TEXT,
    plate=TEXT,
    decision=st.just(Verdict.ALLOW),
    reason=st.sampled_from(Reason),
    authorisation=TEXT,
    limit_fen=FEN,
    expires_at=TIMES,
)


@given(FUELLINGS | QUESTIONS | DECISIONS)
def test_what_is_sent_is_what_arrives(record: Any) -> None:
    assert decode(type(record), json.loads(json.dumps(encode(record)))) == record


@pytest.mark.parametrize("record", RECORDS)
def test_every_field_refuses_what_it_cannot_be(record: type) -> None:
    example = EXAMPLES[record.__name__]
    for field in fields(record):  # type: ignore[arg-type]
        for wrong in ({}, [[]], "", "x" * 500, -(10**20), 10**20, float("nan"), float("inf"), object()):
            with pytest.raises(WireError, match=field.name):
                decode(record, {**example, field.name: wrong})


@pytest.mark.parametrize("record", RECORDS)
def test_missing_and_unknown_fields_are_named(record: type) -> None:
    example = EXAMPLES[record.__name__]
    with pytest.raises(WireError, match="colour"):
        decode(record, {**example, "colour": "red"})
    required = next(iter(example))
    with pytest.raises(WireError, match=required):
        decode(record, {name: value for name, value in example.items() if name != required})


@pytest.mark.parametrize("data", [None, [], "text", 3, True])
def test_only_objects_are_records(data: object) -> None:
    with pytest.raises(WireError, match="expected an object"):
        decode(Price, data)


def test_times_need_a_zone_and_become_utc() -> None:
    example = EXAMPLES["Question"]
    with pytest.raises(WireError, match="time zone"):
        decode(Question, {**example, "captured_at": "2026-05-04T08:30:00"})
    east = datetime(2026, 5, 4, 16, 30, tzinfo=timezone(timedelta(hours=8)))
    assert decode(Question, {**example, "captured_at": east.isoformat()}) == decode(Question, example)


@pytest.mark.parametrize(
    "at",
    ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "1969-12-31T23:59:59Z"],
)
def test_times_that_no_page_could_show_are_refused(at: str) -> None:
    with pytest.raises(WireError, match="captured_at: the time is out of range"):
        decode(Question, {**EXAMPLES["Question"], "captured_at": at})


def test_a_whole_number_is_a_confidence_and_a_truth_is_no_number() -> None:
    example = EXAMPLES["Question"]
    assert decode(Question, {**example, "confidence": 1}).confidence == 1
    with pytest.raises(WireError, match="confidence"):
        decode(Question, {**example, "confidence": True})


def test_an_incomplete_permission_is_none() -> None:
    for name in ("authorisation", "limit_fen", "expires_at"):
        with pytest.raises(WireError, match=name):
            decode(Decision, {**EXAMPLES["Decision"], name: None})


@given(st.sampled_from(RECORDS), st.data())
def test_what_is_read_is_what_was_said_or_is_refused_by_a_fields_name(record: type, data: st.DataObject) -> None:
    example = EXAMPLES[record.__name__]
    values = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.lists(TEXT, max_size=3)
    name = data.draw(st.sampled_from(sorted(example)))
    said = {**example, name: data.draw(values)}
    refusal = _refusal(record, said)
    if refusal is None:
        read = decode(record, said)
        assert decode(record, encode(read)) == read
        assert said[name] == getattr(read, name) or name.endswith("_at") or name == "flags"
    else:
        assert name in refusal


def _refusal(record: type, said: dict[str, Any]) -> str | None:
    try:
        decode(record, said)
    except WireError as error:
        return str(error)
    return None


HOSTILE = ("\ud800", "\x00", "a\nb", "\u202e粤B", "x" * 5000, "<script>")


@pytest.mark.parametrize("record", RECORDS)
def test_an_error_names_the_field_and_never_repeats_what_was_sent(record: type) -> None:
    """What a stranger sends goes into no log and no page by way of an error text."""
    example = EXAMPLES[record.__name__]
    for wrong in HOSTILE:
        for said in ({**example, wrong: 1}, *({**example, field.name: wrong} for field in fields(record))):  # type: ignore[arg-type]
            refusal = _refusal(record, said)
            if refusal is not None:
                assert wrong not in refusal
                assert refusal.isprintable()
                assert len(refusal) <= 300
    assert "a field: " in str(_refusal(record, {**example, "\ud800": 1}))


def test_flags_are_printable_texts() -> None:
    for wrong in ("\ud800", "\x00", "late\n"):
        with pytest.raises(WireError, match="flags"):
            decode(Fuelling, {**EXAMPLES["Fuelling"], "flags": [wrong]})
