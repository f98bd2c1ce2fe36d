"""A fuelling in progress: what flowed, under whose authorisation, and the report it will become."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.clock import FIRST_SANE_YEAR, JUMP_S
from controller.fuelling.terminal import FlowContext
from controller.fuelling.totaliser import FlowWatch, Totaliser
from controller.ports import Clock
from wire.fuellings import Fuelling
from wire.money import amount_fen

NO_AUTHORISATION = "no_authorisation"
LATE_AUTHORISATION = "late_authorisation"
CLOCK_UNSET = "clock_unset"
CLOCK_JUMPED = "clock_jumped"
IMPOSSIBLE_FLOW = "impossible_flow"
NOZZLE_HUNG = "nozzle_hung"
COUNTER_RESET = "counter_reset"
PRICE_FROM_SETTINGS = "price_from_settings"


@dataclass(frozen=True, slots=True)
class MeterSettings:
    """Whose fuel it is and when a fuelling is over.

    settle_s: after the nozzle is hung up the fuelling stays open until no pulse has come for this long.
    stray_s: the same for a flow with the nozzle hung all the time.
    store_every_s, store_every_ml: the fuelling in progress is stored whenever either has passed.
    """

    station: str
    lane: str
    product: str
    fastest_l_per_min: float = 200.0
    settle_s: float = 0.5
    stray_s: float = 10.0
    store_every_s: float = 1.0
    store_every_ml: int = 500
    store_retry_s: float = 1.0


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """Price of what flows; from_settings: the service has not told one yet."""

    fen_per_l: int
    from_settings: bool = False


@dataclass(frozen=True, slots=True)
class Lifted:
    """The nozzle was lifted, or fuel flows though it is not."""


@dataclass(frozen=True, slots=True)
class Started:
    """Fuel flows."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Progress:
    """More has flowed."""

    volume_ml: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Reached:
    """What flowed is worth the limit of its authorisation; what flows on still counts."""

    amount_fen: int
    limit_fen: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The nozzle is back. fuelling: the report, on its way into the outbox; None when nothing flowed."""

    fuelling: Fuelling | None


MeterEvent = Lifted | Started | Progress | Reached | Ended


class OpenFuelling:
    """From the first pulse to the report. stored_s, stored_ml: when and what of it was last stored.

    still_s: the last moment before the first pulses at which nothing flowed.
    """

    def __init__(
        self,
        rules: MeterSettings,
        dispenser: str,
        clock: Clock,
        before: Totaliser,
        sequence: int,
        price: UnitPrice,
        still_s: float,
    ) -> None:
        self.sequence = sequence
        self.price = price
        self.flags: list[str] = [PRICE_FROM_SETTINGS] if price.from_settings else []
        self.stored_s = -math.inf
        self.stored_ml = -1
        self.told_limit_fen: int | None = None
        self.context = FlowContext()
        self._rules = rules
        self._dispenser = dispenser
        self._clock = clock
        self._before_ml = before.total_ml
        self._started_s = clock.monotonic_s()
        self._started_at = clock.now()
        self._flow = FlowWatch(rules.fastest_l_per_min, still_s, before.total_ml)
        self._check_clock(self._started_at)

    def flag(self, name: str) -> None:
        if name not in self.flags:
            self.flags.append(name)

    def adopt(self, context: FlowContext, first: bool) -> bool:
        """Take over who refuels, once that is known; True when something changed."""
        mine = self.context
        if context.visit is None or mine.visit not in (None, context.visit) or mine.authorisation is not None:
            return False
        changed = (context.visit, context.authorisation, context.plate) != (mine.visit, mine.authorisation, mine.plate)
        if changed:
            self.context = context
            if context.authorisation is not None and not first:
                self.flag(LATE_AUTHORISATION)
        return changed

    def limit_reached(self, context: FlowContext, amount: int) -> int | None:
        """The limit that the amount has just reached, told once."""
        limit_fen = context.limit_fen
        mine = self.context.authorisation is not None and context.authorisation == self.context.authorisation
        if not mine or limit_fen is None or amount < limit_fen or limit_fen == self.told_limit_fen:
            return None
        self.told_limit_fen = limit_fen
        return limit_fen

    def volume_ml(self, totaliser: Totaliser) -> int:
        return totaliser.total_ml - self._before_ml

    def amount_fen(self, totaliser: Totaliser) -> int:
        return amount_fen(self.volume_ml(totaliser), self.price.fen_per_l)

    def report(self, totaliser: Totaliser, last: bool = False) -> Fuelling:
        """The report if it ended now. A clock that jumped in between is believed as it is now, and flagged."""
        now_s, ended_at = self._clock.monotonic_s(), self._clock.now()
        self._flow.saw(now_s, totaliser.total_ml, last)
        if self._flow.impossible:
            self.flag(IMPOSSIBLE_FLOW)
        self._check_clock(ended_at)
        unpaid = (NO_AUTHORISATION,) if self.context.authorisation is None else ()
        return Fuelling(
            station=self._rules.station,
            lane=self._rules.lane,
            dispenser=self._dispenser,
            sequence=self.sequence,
            visit=self.context.visit,
            authorisation=self.context.authorisation,
            plate=self.context.plate,
            started_at=self._believed_start(now_s, ended_at),
            ended_at=ended_at,
            volume_ml=self.volume_ml(totaliser),
            amount_fen=self.amount_fen(totaliser),
            unit_price_fen_per_l=self.price.fen_per_l,
            product=self._rules.product,
            totaliser_before_ml=self._before_ml,
            totaliser_after_ml=totaliser.total_ml,
            flags=(*self.flags, *unpaid),
        )

    def _believed_start(self, now_s: float, now: datetime) -> datetime:
        lasted = timedelta(seconds=now_s - self._started_s)
        if abs((now - self._started_at - lasted).total_seconds()) > JUMP_S:
            self.flag(CLOCK_JUMPED)
        return now - lasted if CLOCK_JUMPED in self.flags else min(self._started_at, now)

    def _check_clock(self, now: datetime) -> None:
        if now.year < FIRST_SANE_YEAR:
            self.flag(CLOCK_UNSET)
