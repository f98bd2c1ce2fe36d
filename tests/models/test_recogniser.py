"""The recogniser keeps every doubt, and refuses weights that do not belong to its manifest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from controller.errors import ReaderError
from models.decoding import decode
from models.grammar import ALPHABET, MAX_CHARACTERS
from models.recogniser import Recogniser
from models.training.recogniser.samples import classes_of

SECTION: dict[str, Any] = {
    "alphabet": ALPHABET,
    "input": {"height": 32, "width": 128, "channels": "BGR", "mean": 127.5, "scale": 1 / 127.5},
    "output": {"blank": 0, "classes": 1 + len(ALPHABET), "places": MAX_CHARACTERS},
}


class Answers:
    """A network that gives prepared logits and keeps what it was asked."""

    def __init__(self, logits: NDArray[np.float32]) -> None:
        self.logits = logits
        self.asked: list[NDArray[np.float32]] = []

    def run(self, input: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        self.asked.append(input)
        return (self.logits,)


def logits_for(text: str, probability: float = 0.99) -> NDArray[np.float32]:
    """Logits (9, classes) whose softmax gives each class of the text this probability."""
    classes = classes_of(text)
    others = len(ALPHABET)
    logits = np.full((MAX_CHARACTERS, 1 + others), np.log((1 - probability) / others), np.float32)
    logits[np.arange(MAX_CHARACTERS), classes] = np.log(probability)
    return logits


def test_reads_characters_with_their_probabilities() -> None:
    network = Answers(np.stack([logits_for("皖A72P33", 0.9), logits_for("京AD12345", 0.8)]))
    strips = [np.zeros((32, 128, 3), np.uint8), np.full((32, 128, 3), 255, np.uint8)]
    first, second = Recogniser(network, SECTION).read(strips)
    assert "".join(character.character for character in first) == "皖A72P33"
    assert first[0].probability == pytest.approx(0.9, abs=1e-4)
    assert "".join(character.character for character in second) == "京AD12345"
    assert second[6].probability == pytest.approx(0.8, abs=1e-4)
    assert second[7].probability == pytest.approx(0.8 * 0.8, abs=1e-4), "the doubt of the blank ninth place"


def test_network_is_asked_in_the_manifests_terms() -> None:
    network = Answers(logits_for("皖A72P33")[None])
    strip = np.zeros((32, 128, 3), np.uint8)
    strip[:, :, 2] = 255
    Recogniser(network, SECTION).read([strip])
    asked = network.asked[0]
    assert asked.shape == (1, 3, 32, 128)
    assert asked.dtype == np.float32
    assert asked[0, 0].max() == pytest.approx(-1)
    assert asked[0, 2].min() == pytest.approx(1)


def test_no_strips_ask_nothing() -> None:
    network = Answers(np.zeros((0, MAX_CHARACTERS, 1 + len(ALPHABET)), np.float32))
    assert Recogniser(network, SECTION).read([]) == []
    assert network.asked == []


def test_no_plate_is_no_character() -> None:
    assert decode(logits_for(""), ALPHABET) == ()


def test_a_doubtful_blank_last_place_lowers_the_last_character() -> None:
    logits = logits_for("京AD1234", 0.99)
    logits[7] = np.log(0.4 / len(ALPHABET))
    logits[7, 0], logits[7, 40] = np.log(0.55), np.log(0.45)
    characters = decode(logits, ALPHABET)
    assert len(characters) == 7
    assert characters[-1].probability < 0.6


def test_a_doubtful_blank_first_place_lowers_the_first_character() -> None:
    logits = logits_for("皖A72P33", 0.99)
    logits[0] = np.log(0.4 / len(ALPHABET))
    logits[0, 0] = np.log(0.55)
    characters = decode(logits, ALPHABET)
    assert characters[0].character == "A"
    assert characters[0].probability < 0.6


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 30))
def test_probabilities_are_probabilities(seed: int, spread: float) -> None:
    logits = (np.random.default_rng(seed).normal(0, spread, (MAX_CHARACTERS, 1 + len(ALPHABET)))).astype(np.float32)
    characters = decode(logits, ALPHABET)
    assert len(characters) <= MAX_CHARACTERS
    assert all(0 <= character.probability <= 1.000001 and character.character in ALPHABET for character in characters)


def test_strips_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="32x128x3"):
        Recogniser(Answers(logits_for("")[None]), SECTION).read([np.zeros((32, 100, 3), np.uint8)])


def test_weights_for_another_alphabet_are_refused() -> None:
    recogniser = Recogniser(Answers(np.zeros((1, 8, 70), np.float32)), SECTION)
    with pytest.raises(ReaderError, match="do not match"):
        recogniser.read([np.zeros((32, 128, 3), np.uint8)])


@pytest.mark.parametrize(("missing", "said"), [("alphabet", "other characters"), ("input", "None"), ("output", "None")])
def test_a_manifest_that_lacks_a_value_is_refused(missing: str, said: str) -> None:
    section = {key: value for key, value in SECTION.items() if key != missing}
    with pytest.raises(ReaderError, match=said):
        Recogniser(Answers(logits_for("")), section)
