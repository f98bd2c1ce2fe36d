"""When a frame is worth reading."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.records import Change
from controller.settings_records import TriggerSettings
from controller.watching import trigger
from controller.watching.trigger import Attention, TriggerState

RULES = TriggerSettings()
EMPTY = Change(0.0, 0.0)
STANDS = Change(0.5, 0.0)
MOVES = Change(0.5, 0.1)
UPHEAVAL = Change(0.5, 0.4)
FRAME_S = 0.1


def play(
    state: TriggerState,
    changes: list[Change],
    attention: Attention,
    start_s: float = 0.0,
    plate_s: float | None = None,
    can_read: bool = True,
) -> tuple[TriggerState, int, list[float]]:
    """(state, reads, learning rates) after one change per 0.1 s."""
    reads, rates = 0, []
    for number, change in enumerate(changes):
        state, look = trigger.step(state, change, start_s + number * FRAME_S, attention, plate_s, can_read, RULES)
        reads += look.read
        rates.append(look.learn)
        if look.read:
            state = trigger.looked(state, plate_s is not None)
    return state, reads, rates


def trusted() -> TriggerState:
    return play(TriggerState(), [EMPTY] * 20, Attention.IDLE)[0]


def test_the_empty_lane_is_trusted_after_two_looks_without_a_plate() -> None:
    state, _, rates = play(TriggerState(), [EMPTY] * 20, Attention.IDLE)
    assert state.trusted
    assert rates.count(1.0) == 1
    assert 9 <= rates.index(1.0) <= 12


def test_a_lane_with_a_plate_in_it_is_not_taken_for_empty() -> None:
    state, reads = TriggerState(), 0
    for number in range(200):
        now_s = number * FRAME_S
        state, look = trigger.step(state, EMPTY, now_s, Attention.IDLE, now_s, True, RULES)
        state = trigger.looked(state, True)
        reads += look.read
    assert not state.trusted
    assert reads > 50


@pytest.mark.parametrize(
    ("attention", "change", "most", "least"),
    [
        (Attention.IDLE, EMPTY, 13, 10),
        (Attention.GUARDING, STANDS, 31, 28),
        (Attention.GUARDING, MOVES, 151, 140),
        (Attention.SEEKING, STANDS, 310, 280),
        (Attention.STUCK, STANDS, 121, 115),
        (Attention.STUCK, MOVES, 310, 280),
    ],
)
def test_reads_in_a_minute(attention: Attention, change: Change, most: int, least: int) -> None:
    state = replace(trusted(), read_s=1.9)
    _, reads, _ = play(state, [change] * 600, attention, 2.0)
    assert least <= reads <= most


def test_a_thing_that_stands_without_a_plate_is_soon_looked_at_less() -> None:
    state, moving, _ = play(trusted(), [MOVES] * 30, Attention.IDLE, 2.0)
    _, standing, _ = play(state, [STANDS] * 300, Attention.IDLE, 5.0)
    assert moving > 10
    assert standing < 45


def test_a_busy_reader_gets_the_next_frame_as_soon_as_it_is_free() -> None:
    state, reads, _ = play(trusted(), [STANDS] * 30, Attention.SEEKING, 2.0, can_read=False)
    assert reads == 0
    _, look = trigger.step(state, STANDS, 5.1, Attention.SEEKING, None, True, RULES)
    assert look.read


def test_presence_and_its_end() -> None:
    state, _, _ = play(trusted(), [STANDS] * 20, Attention.SEEKING, 2.0)
    assert trigger.present(state)
    assert trigger.standing(state, 3.9, RULES)
    state, _, _ = play(state, [EMPTY] * 3, Attention.SEEKING, 4.0)
    assert not trigger.present(state)
    assert not trigger.emptied(state, 4.2, RULES)
    state, _, _ = play(state, [EMPTY] * 4, Attention.SEEKING, 4.3)
    assert trigger.emptied(state, 4.6, RULES)


def test_something_small_or_moving_does_not_stand() -> None:
    state, _, _ = play(trusted(), [Change(0.1, 0.0)] * 50, Attention.IDLE, 2.0)
    assert not trigger.standing(state, 6.9, RULES)
    state, _, _ = play(trusted(), [MOVES] * 50, Attention.IDLE, 2.0)
    assert not trigger.standing(state, 6.9, RULES)


def test_daylight_is_learnt_slowly_and_only_in_an_empty_lane() -> None:
    _, _, rates = play(trusted(), [EMPTY] * 200, Attention.IDLE, 2.0)
    assert all(0.0 < r < 0.01 for r in rates[1:])
    _, _, rates = play(trusted(), [STANDS] * 200, Attention.SEEKING, 2.0)
    assert set(rates) == {0.0}
    _, _, rates = play(trusted(), [EMPTY] * 200, Attention.GUARDING, 2.0)
    assert set(rates) == {0.0}


def test_a_thing_left_behind_becomes_part_of_the_lane() -> None:
    frames = int((RULES.absorb_after_s + 5) / FRAME_S)
    state, _, rates = play(trusted(), [STANDS] * frames, Attention.STUCK, 2.0)
    assert 1.0 in rates
    assert state.present_since_s is None or rates.index(1.0) > RULES.absorb_after_s


def test_an_upheaval_is_remembered() -> None:
    state, _, _ = play(trusted(), [UPHEAVAL, STANDS, STANDS], Attention.GUARDING, 2.0)
    assert state.upheaval_s == 2.0


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.sampled_from(Attention)), max_size=60))
def test_reads_never_come_faster_than_allowed(frames: list[tuple[float, float, Attention]]) -> None:
    state, last_s = TriggerState(), -10.0
    for number, (presence, motion, attention) in enumerate(frames):
        now_s = number * 0.03
        state, look = trigger.step(state, Change(presence, motion), now_s, attention, None, True, RULES)
        assert 0.0 <= look.learn <= 1.0
        if look.read:
            assert now_s - last_s >= RULES.read_every_s - 1e-3
            last_s = now_s
