"""`greenlane bench efficiency`: how much quicker a lane gets, measured against a stated model of paying by hand."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from typing import Any

from greenlane.bench.efficiency.entry import EntryPassage, entry_facts, entry_lines, measure_entry
from greenlane.bench.efficiency.lane import GAIN, NOISE, Passage, measure
from greenlane.bench.efficiency.model import (
    UNREAD,
    UNREAD_SHARE,
    LaneSamples,
    LaneTimes,
    gains,
    parameters,
    spread,
    turns,
)
from greenlane.bench.lane import BenchError
from greenlane.bench.process import machine
from greenlane.cli.options import add_engine, any_seed, whole
from wire.spelling.numbers import typed_number

TURNS = 5_000


@dataclass(frozen=True, slots=True)
class Efficiency:
    """All figures with what they depend on."""

    conditions: dict[str, Any]
    passages: list[Passage]
    entry: list[EntryPassage]
    lanes: list[LaneTimes]
    gained: list[dict[str, Any]]

    def facts(self) -> dict[str, Any]:
        """As one JSON document."""
        return {
            "conditions": self.conditions,
            "parameters": [asdict(step) for step in parameters()],
            "measured": self.measured(),
            "lanes": [
                {
                    "name": lane.name,
                    "before_s": spread(lane.before_s),
                    "after_s": spread(lane.after_s),
                    "turn_s": spread(lane.turn_s),
                    "vehicles_per_hour": round(lane.vehicles_per_hour, 1),
                }
                for lane in self.lanes
            ],
            "gain": self.gained,
            "entry_camera": entry_facts(self.entry),
            "passages": [asdict(passage) for passage in self.passages],
        }

    def measured(self) -> dict[str, Any]:
        """Percentiles of what the lane did, in seconds."""
        names = ("seen_to_green_s", "to_green_s", "to_paid_s")
        each = {name: [v for p in self.passages if (v := getattr(p, name)) is not None] for name in names}
        not_green = sum(p.to_green_s is None for p in self.passages)
        return {"vehicles": len(self.passages), "not_green": not_green} | {n: spread(v) for n, v in each.items()}

    def lines(self) -> list[str]:
        """As tables for people."""
        shown = [f"{name}: {value}" for name, value in self.conditions.items()]
        shown += ["", f"{'stated, not measured':<22}{'low':>6}{'typical':>9}{'high':>6}  unit"]
        for step in parameters():
            values = f"{step.low:>6g}{step.typical:>9g}{step.high:>6g}"
            shown.append(f"{step.name:<22}{values}  {step.unit:<6}{step.words} ({step.source})")
        measured = self.measured()
        shown += ["", f"measured, {measured['vehicles']} vehicles, {measured['not_green']} of them without green"]
        words = {
            "to_green_s": "stands to green",
            "seen_to_green_s": "first seen to green",
            "to_paid_s": "nozzle back to paid",
        }
        shown += [f"{text:<22}{_spread_text(measured[name])}" for name, text in words.items()]
        shown += ["", *entry_lines(entry_facts(self.entry))] if self.entry else []
        return [*shown, "", *self._lane_lines()]

    def _lane_lines(self) -> list[str]:
        shown = [f"{'a lane with a queue':<22}{'before':>8}{'after':>8}{'turn p50':>10}{'p90':>8}{'vehicles/h':>12}"]
        for lane in self.lanes:
            before, after, turn = (spread(values) for values in (lane.before_s, lane.after_s, lane.turn_s))
            figures = f"{before['p50']:>8.1f}{after['p50']:>8.1f}{turn['p50']:>10.1f}{turn['p90']:>8.1f}"
            shown.append(f"{lane.name:<22}{figures}{lane.vehicles_per_hour:>12.1f}")
        for gain in self.gained:
            fast = gain["hands_twice_as_fast"]
            shown.append(
                f"against {gain['against']}: {gain['saved_s']:.0f} s a vehicle, {gain['more_share']:+.0%} an hour; "
                f"with hands twice as fast {fast['saved_s']:.0f} s, {fast['more_share']:+.0%}"
            )
        return shown


def _spread_text(values: dict[str, float]) -> str:
    if not values["n"]:
        return "none"
    return "  ".join(f"{name} {value:g} s" for name, value in values.items() if name != "n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `greenlane bench efficiency`."""
    parser.add_argument(
        "--vehicles", type=whole(1, 1000), default=20, metavar="N", help="to measure (default %(default)s)"
    )
    add_engine(parser)
    parser.add_argument("--seed", type=any_seed, default=1, metavar="N", help="of lights, noise and the model's draws")
    parser.add_argument(
        "--unread",
        type=_share,
        default=UNREAD_SHARE,
        metavar="SHARE",
        help="of vehicles whose plate has to be typed (default %(default)s)",
    )
    parser.add_argument(
        "--entry-vehicles",
        type=whole(0, 1000),
        default=4,
        metavar="N",
        help="to measure with and without an entry camera, at four lines each (default %(default)s, 0: none)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(args: argparse.Namespace) -> int:
    from controller import log

    log.set_up("CRITICAL")
    passages = measure(args.vehicles, args.engine, args.seed)
    entry = measure_entry(args.entry_vehicles, args.engine, args.seed)
    figures = _figures(args, passages, entry)
    print(json.dumps(figures.facts(), ensure_ascii=False, indent=1) if args.json else "\n".join(figures.lines()))
    return 0


def _figures(args: argparse.Namespace, passages: list[Passage], entry: list[EntryPassage]) -> Efficiency:
    """What the passages come to. Raises BenchError where no vehicle fuelled and paid."""
    whole = [(p.to_green_s, p.to_paid_s) for p in passages if p.to_green_s is not None and p.to_paid_s is not None]
    if not whole:
        raise BenchError("no vehicle of the bundled clip got green, fuelled and paid; `greenlane simulate` shows why")
    samples = LaneSamples(tuple(g for g, _ in whole), tuple(p for _, p in whole))
    normal, halved = (turns(samples, TURNS, args.seed, args.unread, factor) for factor in (1.0, 0.5))
    return Efficiency(_conditions(args), passages, entry, normal, gains(normal, halved))


def _conditions(args: argparse.Namespace) -> dict[str, Any]:
    return {
        **machine(),
        "pictures": (
            "two vehicles of the bundled clip, which is drawn: clean plates, 1280x720, 15 a second; "
            f"light times {GAIN[0]} to {GAIN[1]}, noise of 0 to {NOISE[1]:g} of 255 (seed {args.seed})"
        ),
        "engine": args.engine,
        "time": "the video's, and on top the slowest read of the passage, question and posting as they really took",
        "service": "on loopback with SQLite on this machine's disk; a real line adds its own round trips",
        "entry camera": (
            "the same clip as its entrance; green by the video's time, its pictures 67 ms apart, reads taken as "
            "instant; a question takes what it really took and the stated round trip"
        ),
        "unread": f"{args.unread:.1%} of vehicles are typed at the panel and confirmed ({UNREAD})",
        "model": f"{TURNS} turns of a lane with a queue, all steps one after another",
    }


def _share(text: str) -> float:
    try:
        share = typed_number(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share from 0 to 1")
    return share
