"""No plate of a kind that the reader does not know ends as a certain plate of another kind."""

from __future__ import annotations

import numpy as np
import pytest

from models.build import build_reader
from models.grammar import FROM_DRAWINGS, formats_of
from models.training.drawing.foreign import KINDS, LACKING, ForeignKind, draw_foreign, mask_of
from models.training.evaluation.foreign import drawn_rows, learnt_rows


def test_characters_that_the_reader_lacks_have_masks_of_their_own() -> None:
    masks = [mask_of(character) for character in LACKING]
    assert all(mask.max() == 255 and 0.1 < (mask > 127).mean() < 0.8 for mask in masks)
    assert len({mask.tobytes() for mask in masks}) == len(LACKING)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_drawn_plate_has_its_kinds_shape_and_a_text_of_no_known_format(kind: ForeignKind) -> None:
    rng = np.random.default_rng(5)
    for _ in range(5):
        plate, text = draw_foreign(rng, kind)
        assert plate.shape[1] / plate.shape[0] == pytest.approx(kind.size_mm[0] / kind.size_mm[1], rel=0.01)
        assert len(text) == len(kind.places) == len(kind.layout.characters)
        assert not formats_of(text)


@pytest.mark.parametrize("per_kind", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_kinds_learnt_from_drawings_alone_are_read_and_none_is_another_certain_plate(per_kind: int) -> None:
    rows = learnt_rows(build_reader("opencv").read, per_kind)
    assert {row[0] for row in rows} == {str(kind) for kind in FROM_DRAWINGS}
    assert sum(row[3] for row in rows) > 0.6 * sum(row[1] for row in rows), "most are read"
    assert [row[0] for row in rows if row[5]] == []


@pytest.mark.parametrize("per_kind", [3, pytest.param(25, marks=pytest.mark.slow)])
def test_none_is_a_certain_plate(per_kind: int) -> None:
    rows = drawn_rows(build_reader("opencv").read, per_kind)
    assert sum(row[2] for row in rows) > 0.7 * sum(row[1] for row in rows), "most are found"
    assert sum(row[3] for row in rows) > 0, "some do come out as a valid plate: the doubts are what stops them"
    assert [row[0] for row in rows if row[4]] == []
