"""Counts what the recogniser got right, wrong, and wrong while certain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from controller.records import CharacterRead
from models.training.drawing.measures import Measures

CERTAIN = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
"""Thresholds of the weakest character at which a read would count as certain."""

WIDTHS_PX = (0, 60, 80, 110, 150, 220)
BLURS_PX = (0, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.5)
TILTS_DEGREES = (0, 2, 4, 6, 8, 10, 12)
"""Lower edges of the bands of a plate's width, blur (measures.Measures) and tilt to either side."""

_BINS = np.linspace(0, 1, 11)


@dataclass(frozen=True)
class Judged:
    """One read beside the truth; `group` is its source or kind. measures, width_px: of the picture it was read from."""

    truth: str
    characters: tuple[CharacterRead, ...]
    group: str
    measures: Measures | None = None
    width_px: float = 0.0

    @property
    def text(self) -> str:
        return "".join(character.character for character in self.characters)

    @property
    def exact(self) -> bool:
        return self.text == self.truth

    @property
    def weakest(self) -> float:
        return min((character.probability for character in self.characters), default=0.0)

    @property
    def weakest_right(self) -> bool:
        """Whether the least certain character is the right one; false where characters are missing or too many."""
        if len(self.characters) != len(self.truth):
            return False
        place = int(np.argmin([character.probability for character in self.characters]))
        return self.characters[place].character == self.truth[place]


def figures(judged: Sequence[Judged]) -> dict[str, Any]:
    """Counts and shares (0 to 1) of one group of reads; `certain` maps a threshold to reads answered and wrong ones."""
    count = len(judged)
    if count == 0:
        return {"plates": 0}
    return {
        "plates": count,
        "exact": sum(read.exact for read in judged) / count,
        "exact_without_province": sum(read.text[1:] == read.truth[1:] for read in judged) / count,
        "province_right": sum(read.text[:1] == read.truth[:1] for read in judged) / count,
        "calibration_error": calibration_error(judged),
        "certain": {str(limit): certain_at(judged, limit) for limit in CERTAIN},
    }


def certain_at(judged: Sequence[Judged], limit: float) -> dict[str, int]:
    """How many reads have every character at or above the limit, and how many of those are wrong."""
    answered = [read for read in judged if read.weakest >= limit]
    return {"answered": len(answered), "wrong": sum(not read.exact for read in answered)}


def calibration_error(judged: Sequence[Judged]) -> float:
    """Expected calibration error of the weakest character: ten equal bins, gaps weighted by their reads."""
    bins = reliability(judged)
    return sum(abs(row["claimed"] - row["right"]) * row["reads"] for row in bins) / max(len(judged), 1)


def reliability(judged: Sequence[Judged]) -> list[dict[str, float]]:
    """Per tenth of the weakest character's probability: its bounds, reads, mean probability claimed and share right."""
    probability = np.asarray([read.weakest for read in judged])
    right = np.asarray([read.weakest_right for read in judged], float)
    bins = np.clip(np.digitize(probability, _BINS) - 1, 0, len(_BINS) - 2)
    return [
        {
            "from": float(_BINS[b]),
            "to": float(_BINS[b + 1]),
            "reads": int((bins == b).sum()),
            "claimed": float(probability[bins == b].mean()),
            "right": float(right[bins == b].mean()),
        }
        for b in np.unique(bins)
    ]


def reliable_range(share: float, count: int) -> tuple[float, float]:
    """Between which shares the true one lies with 95 % confidence (Wilson's interval)."""
    z2 = 1.96**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    reach = 1.96 / (1 + z2 / count) * ((share * (1 - share) + z2 / (4 * count)) / count) ** 0.5
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def by_group(judged: Sequence[Judged]) -> dict[str, dict[str, Any]]:
    """Figures per group, groups in alphabetical order."""
    groups = sorted({read.group for read in judged})
    return {group: figures([read for read in judged if read.group == group]) for group in groups}


def by_band(
    judged: Sequence[Judged], value: Callable[[Judged], float], edges: Sequence[float]
) -> dict[str, dict[str, Any]]:
    """Figures per band of a value, named by its lower edge; bands without reads are left out."""
    bands = np.searchsorted(edges, [value(read) for read in judged], side="right") - 1
    table = {}
    for band, low in enumerate(edges):
        group = [read for read, its in zip(judged, bands, strict=True) if its == band]
        if group:
            table[f"{low:g}"] = figures(group)
    return table


def by_province(judged: Sequence[Judged]) -> dict[str, dict[str, int]]:
    """Per true province: plates, and how often the whole plate and the province character alone were right."""
    table: dict[str, dict[str, int]] = {}
    for read in judged:
        row = table.setdefault(read.truth[0], {"plates": 0, "exact": 0, "province_right": 0})
        row["plates"] += 1
        row["exact"] += read.exact
        row["province_right"] += read.text[:1] == read.truth[0]
    return dict(sorted(table.items(), key=lambda item: -item[1]["plates"]))


def confusions(judged: Sequence[Judged]) -> dict[str, int]:
    """Characters taken for others ("8>B": count) where the number of characters was right, most frequent first."""
    counts = Counter(
        f"{true}>{character.character}"
        for read in judged
        if len(read.characters) == len(read.truth)
        for true, character in zip(read.truth, read.characters, strict=True)
        if true != character.character
    )
    return dict(counts.most_common())
