"""What may not be read under a cover: characters of which another could have the same rest."""

from __future__ import annotations

import numpy as np
import pytest

from models.grammar import FORMATS
from models.training.second.lookalikes import mistakable

BLUE = next(known for known in FORMATS if known.kind == "blue")
BOXES = np.asarray([[20 * n + 4, 10, 20 * n + 20, 38] for n in range(7)], np.float32)


def bumper(share: float, upper: bool) -> np.ndarray:
    """A cover (48, 160) over this share of every character's height."""
    cover = np.zeros((48, 160), np.float32)
    deep = round(share * 28)
    cover[: 10 + deep] = 1 if upper else 0
    cover[38 - deep :] = 0 if upper else 1
    return cover


@pytest.mark.parametrize(
    ("text", "share", "upper", "unsure"),
    [
        ("皖AH8M30", 0.2, True, "0"),
        ("川A36T8X", 0.3, True, "T"),
        ("津AMU972", 0.3, True, "7"),
        ("蒙A277EP", 0.25, False, "E"),
    ],
)
def test_what_a_bumper_leaves_of_a_character_may_be_anothers(text: str, share: float, upper: bool, unsure: str) -> None:
    found = mistakable(text, BLUE, bumper(share, upper), BOXES)
    assert found[text.index(unsure, 2)]


def test_nothing_is_mistaken_that_nothing_covers() -> None:
    assert not mistakable("京D0Q8B1", BLUE, np.zeros((48, 160), np.float32), BOXES).any()


def test_a_pole_over_the_left_strokes_of_an_8_leaves_a_3() -> None:
    cover = np.zeros((48, 160), np.float32)
    cover[:, 104:110] = 1
    found = mistakable("皖AS8Z84", BLUE, cover, BOXES)
    assert found.tolist() == [False, False, False, False, False, True, False]
