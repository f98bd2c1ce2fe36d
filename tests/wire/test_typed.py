"""A typed plate beside what the camera saw: sure characters decide, and too few of them count as none."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from wire.reasons import Reason
from wire.typed import LEAST_SERIAL, SERIAL_FROM, UNSEEN, Agreement, TypedRule, agreement, refusal

PLATE = "粤B12345"
plates = st.from_regex(r"[京津粤皖][A-HJ-Z][0-9A-HJ-NP-Z]{5,6}", fullmatch=True)


@pytest.mark.parametrize(
    ("seen", "certain", "found"),
    [
        (None, False, Agreement.NOTHING_READ),
        (PLATE, True, Agreement.AGREES),
        ("粤B12346", True, Agreement.DIFFERS),
        ("?B12345", False, Agreement.AGREES),
        ("??1234?", False, Agreement.AGREES),
        ("粤B123??", False, Agreement.NOTHING_READ),
        ("皖A9???", False, Agreement.NOTHING_READ),
        ("粤C12345", False, Agreement.DIFFERS),
        ("粤B1284?", False, Agreement.DIFFERS),
        ("粤B1234", False, Agreement.DIFFERS),
        ("粤B123450", False, Agreement.DIFFERS),
    ],
)
def test_examples(seen: str | None, certain: bool, found: Agreement) -> None:
    assert agreement(PLATE, seen, certain) is found


@given(plates, st.data())
def test_what_is_hidden_never_contradicts_and_four_of_the_serial_are_enough(plate: str, data: st.DataObject) -> None:
    hidden = data.draw(st.sets(st.integers(0, len(plate) - 1)))
    seen = "".join(UNSEEN if i in hidden else c for i, c in enumerate(plate))
    sure = sum(i not in hidden for i in range(SERIAL_FROM, len(plate)))
    expected = Agreement.AGREES if sure >= LEAST_SERIAL else Agreement.NOTHING_READ
    assert agreement(plate, seen, False) is expected


@given(plates, plates)
def test_a_stranger_agrees_only_by_characters_that_are_the_same(plate: str, other: str) -> None:
    assume(plate != other)
    for hidden in itertools.combinations(range(len(other)), 1):
        seen = "".join(UNSEEN if i in hidden else c for i, c in enumerate(other))
        same = len(plate) == len(other) and all(plate[i] == other[i] for i in range(len(other)) if i not in hidden)
        assert (agreement(plate, seen, False) is Agreement.AGREES) == same


@pytest.mark.parametrize("found", Agreement)
@pytest.mark.parametrize("rule", TypedRule)
def test_every_rule_meets_every_finding(found: Agreement, rule: TypedRule) -> None:
    plain = refusal(found, rule, confirmed=False, pin_given=False, pin_right=False)
    assert refusal(found, rule, confirmed=True, pin_given=False, pin_right=False) is None
    if found is Agreement.AGREES:
        assert plain is None
    elif found is Agreement.DIFFERS:
        assert plain is Reason.TYPED_DIFFERS
        assert refusal(found, rule, confirmed=False, pin_given=True, pin_right=True) is Reason.TYPED_DIFFERS
    else:
        by_rule = {
            TypedRule.ATTENDANT: Reason.ATTENDANT_NEEDED,
            TypedRule.PIN: Reason.PIN_NEEDED,
            TypedRule.REFUSE: Reason.TYPED_REFUSED,
            TypedRule.FREE: None,
        }
        assert plain is by_rule[rule]
        right = refusal(found, rule, confirmed=False, pin_given=True, pin_right=True)
        assert right is (None if rule is TypedRule.PIN else by_rule[rule])


def test_a_wrong_pin_is_told_apart_from_none() -> None:
    wrong = refusal(Agreement.NOTHING_READ, TypedRule.PIN, confirmed=False, pin_given=True, pin_right=False)
    assert wrong is Reason.PIN_WRONG
