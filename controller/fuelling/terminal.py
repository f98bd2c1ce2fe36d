"""The refuelling terminal as the lane sees it: what a dispenser's wires mean for the visit at the pump."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from controller.lane.records import FlowContext, LimitReached, NozzleHung, NozzleLifted
from wire.fuellings import Fuelling


@dataclass(frozen=True, slots=True)
class TerminalEvent:
    """Something the lane has to hear. fuelling: the finished fuelling, with NozzleHung after something flowed."""

    event: NozzleLifted | NozzleHung | LimitReached
    fuelling: Fuelling | None = None


@dataclass(frozen=True, slots=True)
class RunningFuelling:
    """What a dispenser's display shows while fuel flows."""

    volume_ml: int
    amount_fen: int
    unit_price_fen_per_l: int


class Terminal(Protocol):
    """Meters one dispenser and reports its fuellings; polled at every turn of the lane."""

    def poll(self, context: FlowContext) -> Sequence[TerminalEvent]:
        """What happened since the last poll."""

    @property
    def can_store(self) -> bool:
        """Whether the disk takes what flows: else no lamp turns green for more."""

    def permit(self, allowed: bool) -> None:
        """Energise the permit relay, where one is wired. Raises DispenserFault."""

    def close(self) -> None:
        """Ends without permit. Idempotent."""
