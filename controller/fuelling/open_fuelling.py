"""A fuelling in progress: what flowed, under whose authorisation, and the report it will become."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.clock import FIRST_SANE_YEAR, JUMP_S
from controller.fuelling.totaliser import FlowWatch, Totaliser
from controller.lane.records import FlowContext
from controller.ports import Clock
from wire.flags import LaneFlag
from wire.fuellings import Fuelling
from wire.money import amount_fen


@dataclass(frozen=True, slots=True)
class MeterSettings:
    """Whose fuel it is and when a fuelling is over.

    settle_s: after the nozzle is hung up the fuelling stays open until no pulse has come for this long.
    stray_s: the same for a flow with the nozzle hung all the time. noise_ml: less than this within stray_s, the nozzle
    hung, is noise on the wire and no flow: reported without a payer, at the next lift or when noise_report_ml came.
    bounce_share: of a fuelling's pulses, so many closer than the fastest flow allows are flagged.
    store_every_s, store_every_ml: the fuelling in progress is stored whenever either has passed.
    """

    station: str
    lane: str
    product: str
    fastest_l_per_min: float = 200.0
    settle_s: float = 0.5
    stray_s: float = 10.0
    noise_ml: int = 100
    noise_report_ml: int = 1000
    bounce_share: float = 0.005
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


@dataclass(frozen=True, slots=True)
class Strayed:
    """Pulses without a lift were taken for noise; the report without a payer is on its way into the outbox."""

    fuelling: Fuelling


MeterEvent = Strayed | Lifted | Started | Progress | Reached | Ended


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
        self.flags: list[str] = [LaneFlag.PRICE_FROM_SETTINGS] if price.from_settings else []
        self.stored_s = -math.inf
        self.stored_ml = -1
        self.reported_limit_fen: int | None = None
        self.context = FlowContext()
        self._rules = rules
        self._dispenser = dispenser
        self._clock = clock
        self._before_ml = before.total_ml
        self._pulses = self._close_pulses = 0
        self._started_s = clock.monotonic_s()
        self._started_at = clock.now()
        self._flow = FlowWatch(rules.fastest_l_per_min, still_s, before.total_ml)
        self._check_clock(self._started_at)

    def flag(self, name: str) -> None:
        if name not in self.flags:
            self.flags.append(name)

    def counted(self, pulses: int) -> None:
        """So many more pulses belong to this fuelling."""
        self._pulses += pulses

    def bounced(self, close_pulses: int) -> None:
        """So many more pulses came closer to the one before than the fastest flow allows."""
        self._close_pulses += close_pulses

    def adopt(self, context: FlowContext, first: bool) -> bool:
        """Take over who refuels, once that is known; True when something changed."""
        mine = self.context
        if LaneFlag.NOZZLE_HUNG in self.flags and context.authorisation is None:
            return False
        if context.visit is None or mine.visit not in (None, context.visit) or mine.authorisation is not None:
            return False
        changed = (context.visit, context.authorisation, context.plate) != (mine.visit, mine.authorisation, mine.plate)
        if changed:
            self.context = context
            if context.authorisation is not None and not first:
                self.flag(LaneFlag.LATE_AUTHORISATION)
        return changed

    def limit_reached(self, context: FlowContext, amount: int) -> int | None:
        """The limit that the amount has just reached, told once."""
        limit_fen = context.limit_fen
        mine = self.context.authorisation is not None and context.authorisation == self.context.authorisation
        if not mine or limit_fen is None or amount < limit_fen or limit_fen == self.reported_limit_fen:
            return None
        self.reported_limit_fen = limit_fen
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
            self.flag(LaneFlag.IMPOSSIBLE_FLOW)
        if self._close_pulses * 1000 / totaliser.pulses_per_l > self._rules.bounce_share * self.volume_ml(totaliser):
            self.flag(LaneFlag.PULSER_BOUNCE)
        self._check_clock(ended_at)
        unpaid = (LaneFlag.NO_AUTHORISATION,) if self.context.authorisation is None else ()
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
            metered_ml=round(self._pulses * 1000 / totaliser.pulses_per_l),
            flags=(*self.flags, *unpaid),
        )

    def _believed_start(self, now_s: float, now: datetime) -> datetime:
        lasted = timedelta(seconds=now_s - self._started_s)
        if abs((now - self._started_at - lasted).total_seconds()) > JUMP_S:
            self.flag(LaneFlag.CLOCK_JUMPED)
        return now - lasted if LaneFlag.CLOCK_JUMPED in self.flags else min(self._started_at, now)

    def _check_clock(self, now: datetime) -> None:
        if now.year < FIRST_SANE_YEAR:
            self.flag(LaneFlag.CLOCK_UNSET)
