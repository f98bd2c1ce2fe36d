"""From the recogniser's output to characters with their probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from controller.records import SignRead

FloatArray = NDArray[np.float32]


def decode(logits: FloatArray, alphabet: str) -> tuple[SignRead, ...]:
    """The signs of one plate's logits (places, 1 + signs), class 0 blank.

    A place that is blank carries no sign, but its doubt is kept: the probability that it is blank indeed multiplies
    that of the sign before it, so that a lost last sign shows in the confidence.
    """
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    signs: list[SignRead] = []
    doubt = 1.0
    for place, best in zip(shares, shares.argmax(1), strict=True):
        probability = float(place[best])
        if best > 0:
            signs.append(SignRead(alphabet[best - 1], probability * doubt))
            doubt = 1.0
        elif signs:
            signs[-1] = SignRead(signs[-1].sign, signs[-1].probability * probability)
        else:
            doubt *= probability
    return tuple(signs)
