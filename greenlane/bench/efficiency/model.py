"""The stated model of a pump lane's time per vehicle: who does what for how long, by machine and by hand.

Every step has a lowest, a typical and a highest value and says where they come from. Nothing here is measured; what is
measured on the real lane loop comes in as samples.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

ASSUMED = "assumed"
SHOP = "NACS Speed Metrics Research (United States, convenience stores); spread of half either way assumed"
UNREAD = "docs/reader-figures.md: 4.2 % of 616 simulated visits of held-out real crops were not answered"


@dataclass(frozen=True, slots=True)
class StatedStep:
    """Something that takes time at the pump: a triangle from low to high with its top at typical."""

    name: str
    low: float
    typical: float
    high: float
    words: str
    source: str
    unit: str = "s"

    def draw(self, chance: random.Random) -> float:
        return chance.triangular(self.low, self.high, self.typical)


COMMON = (
    StatedStep("drive_up", 6, 12, 25, "the next vehicle rolls up and stops", ASSUMED),
    StatedStep("open", 10, 20, 40, "out of the vehicle, flap and cap, nozzle in", ASSUMED),
    StatedStep("close", 8, 15, 30, "cap and flap, back into the vehicle", ASSUMED),
    StatedStep("leave", 4, 8, 15, "starts and is gone", ASSUMED),
)
LITRES = StatedStep("litres", 15, 35, 60, "what a vehicle takes", ASSUMED, "l")
FLOW = StatedStep("flow", 25, 33, 40, "mean flow of a nozzle", ASSUMED, "l/min")

PANEL = (
    StatedStep("type_plate", 15, 25, 60, "a plate that was not read is typed at the panel", ASSUMED),
    StatedStep("confirm", 10, 25, 90, "the attendant comes and confirms it", ASSUMED),
)
UNREAD_SHARE = 0.042


@dataclass(frozen=True, slots=True)
class Manual:
    """A way of paying by hand: what it adds before fuel flows and after the nozzle is back."""

    name: str
    before: tuple[StatedStep, ...]
    after: tuple[StatedStep, ...]


CARD = Manual(
    "card at the pump",
    (StatedStep("insert_card", 15, 25, 45, "finds and inserts the card, PIN, product or amount", ASSUMED),),
    (StatedStep("take_card", 5, 10, 20, "takes card and slip", ASSUMED),),
)
SHOP_COUNTER = Manual(
    "counter in the shop",
    (),
    (
        StatedStep("walk_in", 17.5, 35, 52.5, "from the vehicle into the shop", SHOP),
        StatedStep("queue", 21, 42, 63, "waits in line", SHOP),
        StatedStep("pay", 10.5, 21, 31.5, "pays", SHOP),
        StatedStep("walk_back", 22, 44, 66, "out of the shop and back", SHOP),
    ),
)
MANUALS = (CARD, SHOP_COUNTER)


def parameters() -> list[StatedStep]:
    """Everything that is assumed or taken from others, in the order of a visit."""
    steps = [*COMMON, LITRES, FLOW, *PANEL]
    return steps + [step for manual in MANUALS for step in (*manual.before, *manual.after)]


@dataclass(frozen=True, slots=True)
class LaneSamples:
    """Samples of the real lane loop, in seconds: arrival to green, nozzle back to paid; each row is one vehicle."""

    to_green_s: tuple[float, ...]
    to_paid_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class LaneTimes:
    """Samples of one way of paying: seconds before fuel may flow, after the nozzle is back, and of the whole turn."""

    name: str
    before_s: tuple[float, ...]
    after_s: tuple[float, ...]
    turn_s: tuple[float, ...]

    @property
    def vehicles_per_hour(self) -> float:
        """Of a lane before which somebody always waits."""
        return 3600 / fmean(self.turn_s)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Percentiles by nearest rank, to the millisecond; {"n": 0} of nothing."""
    ranked = sorted(values)
    if not ranked:
        return {"n": 0}
    at = {f"p{share}": ranked[min(len(ranked) - 1, len(ranked) * share // 100)] for share in (50, 90, 99)}
    return {"n": len(ranked), **{name: round(value, 3) for name, value in {**at, "max": ranked[-1]}.items()}}


def turns(
    measured: LaneSamples, vehicles: int, seed: int, unread_share: float, manual_factor: float = 1.0
) -> list[LaneTimes]:
    """The same vehicles at the machine and at each manual lane; manual_factor: how long hands take there, 1 as stated.

    All steps stand one after another, the machine's too: that the driver opens the cap meanwhile is not counted.
    """
    chance = random.Random(seed)
    drawn: dict[str, list[tuple[float, float, float]]] = {"greenlane": [], **{m.name: [] for m in MANUALS}}
    for _ in range(vehicles):
        common_s = sum(step.draw(chance) for step in COMMON) + 60 * LITRES.draw(chance) / FLOW.draw(chance)
        unread = chance.random() < unread_share
        panel_s = sum(step.draw(chance) for step in PANEL)
        row = chance.randrange(len(measured.to_green_s))
        before_s = max(0.0, measured.to_green_s[row]) + (panel_s if unread else 0.0)
        _add(drawn["greenlane"], before_s, max(0.0, measured.to_paid_s[row]), common_s)
        for manual in MANUALS:
            hand = [manual_factor * sum(s.draw(chance) for s in steps) for steps in (manual.before, manual.after)]
            _add(drawn[manual.name], hand[0], hand[1], common_s)
    return [_times(name, rows) for name, rows in drawn.items()]


def _add(rows: list[tuple[float, float, float]], before_s: float, after_s: float, common_s: float) -> None:
    rows.append((before_s, after_s, common_s + before_s + after_s))


def _times(name: str, rows: Sequence[tuple[float, float, float]]) -> LaneTimes:
    before, after, turn = zip(*rows, strict=True)
    return LaneTimes(name, before, after, turn)


def gains(normal: Sequence[LaneTimes], halved: Sequence[LaneTimes]) -> list[dict[str, object]]:
    """The machine against each way by hand, and again with hands twice as fast as stated."""
    fast = {times.name: times for times in halved}
    return [
        _gain(normal[0], hand) | {"hands_twice_as_fast": _gain(fast["greenlane"], fast[hand.name])}
        for hand in normal[1:]
    ]


def _gain(machine: LaneTimes, hand: LaneTimes) -> dict[str, object]:
    more = machine.vehicles_per_hour - hand.vehicles_per_hour
    return {
        "against": hand.name,
        "saved_s": round(fmean(hand.turn_s) - fmean(machine.turn_s), 1),
        "more_vehicles_per_hour": round(more, 1),
        "more_share": round(more / hand.vehicles_per_hour, 3),
    }
