"""Mixes drawn plates, real crops and blanks into the recogniser's batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.training.data.holdout import is_for_calibration
from models.training.data.more import load_more_crops, load_more_cuts
from models.training.data.realdata import Image, RealCrop, load_crops, load_scene_cuts, load_scene_grounds
from models.training.drawing.plates import pick_later
from models.training.recogniser.samples import (
    Sample,
    alike_sample,
    blank_sample,
    drawn_sample,
    photographed_sample,
    real_sample,
)

SOURCE_SHARES = {
    "ccpd": 0.28,
    "easypr": 0.16,
    "auto": 0.1,
    "scene": 0.1,
    "toll": 0.06,
    "loose": 0.05,
    "mosaic": 0.07,
    "street": 0.09,
    "photo": 0.09,
}
"""How the real part of a batch is divided: the sources that a reader meets most, and the noisy one least."""

BLANK_SHARE = 0.06
PHOTOGRAPHED_SHARE = 0.5
"""Of the drawn plates, how many are taken as the real training crops were, all kinds alike."""
ALIKE_SHARE = 0.35
"""Of the other drawn plates, how many carry characters that are taken for one another."""


@dataclass(frozen=True)
class RealData:
    """Crops to train on, crops for calibration, crops held out, and pictures of no plate."""

    train: tuple[RealCrop, ...] = ()
    calibration: tuple[RealCrop, ...] = ()
    held_out: tuple[RealCrop, ...] = ()
    grounds: tuple[Image, ...] = field(default=(), repr=False)


def load_real_data(folder: Path | None) -> RealData:
    """All real pictures divided by plate; empty where there is no folder."""
    if folder is None:
        return RealData()
    crops = [*load_crops(folder, "crops.csv"), *load_crops(folder, "crops_auto.csv"), *load_scene_cuts(folder)]
    crops += [*load_more_crops(folder), *load_more_cuts(folder)]
    known = [crop for crop in crops if not crop.held_out]
    return RealData(
        train=tuple(crop for crop in known if not is_for_calibration(crop.text)),
        calibration=tuple(crop for crop in known if is_for_calibration(crop.text)),
        held_out=tuple(crop for crop in crops if crop.held_out),
        grounds=tuple(load_scene_grounds(folder)),
    )


class Mixer:
    """Draws batches. `real_share` is the share of real crops, 0 where none are at hand."""

    def __init__(self, crops: Sequence[RealCrop], grounds: Sequence[Image], seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._crops = list(crops)
        self._grounds = grounds
        self._odds = crop_odds(self._crops)

    def replace(self, crops: Sequence[RealCrop], favour: Sequence[float]) -> None:
        """Go on with other real crops; `favour`, one number above 0 for each, multiplies its odds."""
        self._crops = list(crops)
        self._odds = crop_odds(self._crops, favour)

    def batch(self, size: int, real_share: float) -> list[Sample]:
        """`size` samples; the number of each sort is drawn anew each time."""
        share = real_share if self._crops else 0.0
        return [self._one(share) for _ in range(size)]

    def _one(self, real_share: float) -> Sample:
        choice = self._rng.random()
        if choice < BLANK_SHARE:
            return blank_sample(self._rng, self._grounds)
        if choice < BLANK_SHARE + real_share:
            index = int(np.searchsorted(self._odds, self._rng.random(), side="right"))
            return real_sample(self._rng, self._crops[min(index, len(self._crops) - 1)])
        kind = pick_later(self._rng)
        if self._rng.random() < PHOTOGRAPHED_SHARE:
            return photographed_sample(self._rng, kind)
        return alike_sample(self._rng, kind) if self._rng.random() < ALIKE_SHARE else drawn_sample(self._rng, kind)


def crop_odds(
    crops: Sequence[RealCrop], favour: Sequence[float] | None = None, shares: Mapping[str, float] = SOURCE_SHARES
) -> NDArray[np.float64]:
    """Cumulative odds of each crop: sources by their shares, in a source rare provinces and favoured crops more."""
    if not crops:
        return np.zeros(0)
    provinces = Counter((crop.source, crop.text[0]) for crop in crops)
    weights = np.asarray([provinces[crop.source, crop.text[0]] ** -0.4 for crop in crops])
    if favour is not None:
        weights = weights * np.asarray(favour, float)
    for source, share in shares.items():
        chosen = np.asarray([crop.source == source for crop in crops])
        if chosen.any():
            weights[chosen] *= share / weights[chosen].sum()
    return np.asarray(np.cumsum(weights / weights.sum()))
