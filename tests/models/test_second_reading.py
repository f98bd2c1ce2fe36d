"""The second reading never makes a plate surer than its reads were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.records import CharacterRead
from models.second_reading import SHIFTS, SLANTS, TILTS, Characters, averaged, is_unsure, recuts


def characters(text: str, *probabilities: float) -> Characters:
    return tuple(
        CharacterRead(character, p) for character, p in zip(text, probabilities or (0.8,) * len(text), strict=True)
    )


reads = st.lists(
    st.text("粤皖A12", min_size=0, max_size=4).flatmap(
        lambda text: st.lists(st.floats(0.3, 1.0), min_size=len(text), max_size=len(text)).map(
            lambda ps: tuple(CharacterRead(character, p) for character, p in zip(text, ps, strict=True))
        )
    ),
    min_size=1,
    max_size=4,
)


@given(reads)
def test_the_text_is_one_of_the_reads_and_its_probabilities_are_means(given_reads: list[Characters]) -> None:
    answer = averaged(given_reads)
    texts = ["".join(s.character for s in read) for read in given_reads]
    assert "".join(s.character for s in answer) in texts
    for place, character in enumerate(answer):
        same_length = [read[place] for read in given_reads if len(read) == len(answer)]
        claims = [s.probability if s.character == character.character else 1 - s.probability for s in same_length]
        assert 0.0 <= character.probability <= max(claims) + 1e-9


def test_most_evidence_wins_and_dissent_costs() -> None:
    first, second, third = (
        characters("赣A1", 0.7, 0.9, 0.9),
        characters("川A1", 0.8, 0.9, 0.9),
        characters("川A1", 0.9, 0.9, 0.9),
    )
    answer = averaged([first, second, third])
    assert "".join(s.character for s in answer) == "川A1"
    assert answer[0].probability == pytest.approx((0.3 + 0.8 + 0.9) / 3)
    assert answer[1].probability == pytest.approx(0.9)


def test_a_read_of_another_length_gives_nothing() -> None:
    answer = averaged([characters("川A1", 0.9, 0.9, 0.9), characters("川A11", 0.5, 0.5, 0.5, 0.5)])
    assert [s.probability for s in answer] == pytest.approx([0.45] * 3)


def test_nothing_but_blanks_stays_blank() -> None:
    assert averaged([(), ()]) == ()
    assert not is_unsure(())


def test_only_doubt_asks_for_it() -> None:
    assert is_unsure(characters("川A12345", 0.95, 0.6, *[0.99] * 5))
    assert not is_unsure(characters("川A12345", *[0.95] * 7))
    assert not is_unsure(characters("川A123", *[0.6] * 5)), "no plate is so short: further cuts would be time lost"


def test_recuts_shift_tilt_and_slant_the_same_plate() -> None:
    corners = ((10.0, 20.0), (110.0, 20.0), (110.0, 60.0), (10.0, 60.0))
    cuts = [cut - np.array(corners) for cut in recuts(corners)]
    assert len(cuts) == len(SHIFTS) + len(TILTS) + len(SLANTS)
    np.testing.assert_allclose(cuts[1], [[3, 0], [0, 0], [0, 0], [3, 0]], atol=1e-4)
    np.testing.assert_allclose(cuts[3], [[0, -4], [0, 4], [0, 4], [0, -4]], atol=1e-4)
    np.testing.assert_allclose(cuts[5], [[-3, 0], [-3, 0], [3, 0], [3, 0]], atol=1e-4)


def test_recuts_follow_a_plate_that_stands_askew() -> None:
    corners = ((10.0, 20.0), (110.0, 30.0), (108.0, 60.0), (8.0, 50.0))
    along, down = np.array([100.0, 10.0]), np.array([-2.0, 30.0])
    for cut, tilt in zip(recuts(corners)[2:4], TILTS, strict=True):
        np.testing.assert_allclose(cut[1] - cut[0], along + tilt * down, atol=1e-4)
    for cut, slant in zip(recuts(corners)[4:6], SLANTS, strict=True):
        np.testing.assert_allclose(cut[3] - cut[0], down + slant * along, atol=1e-4)
