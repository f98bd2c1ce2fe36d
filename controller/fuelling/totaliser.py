"""The arithmetic of a fuel meter: pulses to millilitres, millilitres to fen, and a flow that is too fast to be true."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Totaliser:
    """All that ever flowed through a dispenser, exact: base_ml plus the pulses counted since, at pulses_per_l.

    Volumes are differences of whole millilitres of the totaliser, so that they always add up to it.
    """

    pulses_per_l: Fraction
    base_ml: int = 0
    pulses: int = 0

    def __post_init__(self) -> None:
        if self.pulses_per_l <= 0 or self.base_ml < 0 or self.pulses < 0:
            raise ValueError(f"a totaliser from {self.base_ml} ml, {self.pulses} pulses, {self.pulses_per_l} a litre")

    @property
    def total_ml(self) -> int:
        return self.base_ml + int(self.pulses * 1000 / self.pulses_per_l)

    def counted(self, pulses: int) -> Totaliser:
        """After that many more pulses."""
        return replace(self, pulses=self.pulses + pulses)

    def rescaled(self, pulses_per_l: Fraction) -> Totaliser:
        """The same total, counting on at another number of pulses a litre."""
        return self if pulses_per_l == self.pulses_per_l else Totaliser(pulses_per_l, self.total_ml)


def exact(pulses_per_litre: float) -> Fraction:
    """The decimal number that a settings file shows, exactly: 33.3 is 333/10."""
    return Fraction(str(pulses_per_litre))


class FlowWatch:
    """Notices a flow faster than fastest_l_per_min, over windows of at least window_s (pulses come in bunches)."""

    def __init__(self, fastest_l_per_min: float, now_s: float, total_ml: int, window_s: float = 1.0) -> None:
        self._fastest_ml_per_s = fastest_l_per_min * 1000 / 60
        self._window_s = window_s
        self._since_s = now_s
        self._since_ml = total_ml
        self.impossible = False

    def saw(self, now_s: float, total_ml: int, last: bool = False) -> None:
        """The total at a moment; `last` closes the window however short it is."""
        elapsed_s = now_s - self._since_s
        if elapsed_s < self._window_s and not last:
            return
        if total_ml - self._since_ml > self._fastest_ml_per_s * max(elapsed_s, self._window_s):
            self.impossible = True
        self._since_s, self._since_ml = now_s, total_ml
