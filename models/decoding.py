"""From the recogniser's output to characters with their probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from controller.records import CharacterRead

FloatArray = NDArray[np.float32]


def decode(logits: FloatArray, alphabet: str) -> tuple[CharacterRead, ...]:
    """The characters of one plate's logits (places, 1 + characters), class 0 blank.

    A place that is blank carries no character, but its doubt is kept: the probability that it is blank indeed
    multiplies that of the character before it, so that a lost last character shows in the confidence.
    """
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    characters: list[CharacterRead] = []
    doubt = 1.0
    for best, probability in zip(shares.argmax(1).tolist(), shares.max(1).tolist(), strict=True):
        if best > 0:
            characters.append(CharacterRead(alphabet[best - 1], probability * doubt))
            doubt = 1.0
        elif characters:
            characters[-1] = CharacterRead(characters[-1].character, characters[-1].probability * probability)
        else:
            doubt *= probability
    return tuple(characters)
