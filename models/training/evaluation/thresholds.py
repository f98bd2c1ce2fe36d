"""What the trade-off of visits says about the lane's thresholds, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.training.evaluation.counts import reliable_range

Row = Mapping[str, int]
Curve = Mapping[str, Row]
"""Threshold -> tally of visits, ascending."""

GOAL_ANSWERED, GOAL_WRONG = 0.97, 0.001
"""Share of visits that should be answered, and the share of answers that may be wrong."""


def pooled(curves: Sequence[Curve]) -> dict[str, dict[str, int]]:
    """Tallies of several sets of visits as one."""
    names = ("visits", "answered", "wrong")
    return {limit: {name: sum(curve[limit][name] for curve in curves) for name in names} for limit in curves[0]}


def least_safe(curve: Curve) -> str | None:
    """The lowest threshold from which on the share of wrong answers stays below the goal; None where none does."""
    safe = None
    for limit in reversed(list(curve)):
        row = curve[limit]
        if row["wrong"] >= GOAL_WRONG * row["answered"]:
            break
        safe = limit
    return safe


def highest_answering(curve: Curve) -> str | None:
    """The highest threshold that still answers the share of the goal; None where none does."""
    enough = [limit for limit, row in curve.items() if row["answered"] >= GOAL_ANSWERED * row["visits"]]
    return enough[-1] if enough else None


def in_words(row: Row) -> str:
    """One tally in words, with what its count leaves open."""
    if not row["answered"]:
        return f"none of {row['visits']} visits answered"
    worst = 1000 * reliable_range(row["wrong"] / row["answered"], row["answered"])[1]
    share = f"{100 * row['answered'] / row['visits']:.1f} % of {row['visits']} visits answered"
    return f"{share}, {row['wrong']} of them wrong (at most {worst:.1f} in 1,000 with 95 % confidence)"


def verdict(visits: Mapping[str, Any]) -> str:
    """Where the lane's thresholds lie on the curves, and which one the goal asks for."""
    lane = visits["lane"]
    crops, drawn = (visits[of][str(lane["reads"])] for of in ("crops", "drawn"))
    limit = f"{lane['weakest_character']:g}"
    lines = [
        f"The lane's defaults are {lane['reads']} agreeing reads, {limit} for the weakest character and "
        f"{lane['province']:g} for the province character ([settings.md](settings.md), `[vote]`). With these:",
        f"- held-out crops: {in_words(crops[limit])};",
        f"- drawn plates of all kinds: {in_words(drawn[limit])}.",
        "",
        "The goal is fewer than 1 wrong in 1,000 at 97 % of visits answered.",
        _at_goal("Held-out crops", crops),
        _at_goal("Drawn plates", drawn),
        _safe(crops, drawn),
    ]
    return "\n".join(lines)


def _at_goal(name: str, curve: Curve) -> str:
    limit = highest_answering(curve)
    if limit is None:
        return f"{name}: no threshold answers 97 %."
    return f"{name}: the highest threshold that answers 97 % is {limit}, with {in_words(curve[limit])}."


def _safe(crops: Curve, drawn: Curve) -> str:
    limit = least_safe(pooled([crops, drawn]))
    if limit is None:
        return "On both together no threshold keeps wrong answers below 1 in 1,000."
    return (
        f"On both together wrong answers fall below 1 in 1,000 from {limit} on, which answers "
        f"{100 * crops[limit]['answered'] / crops[limit]['visits']:.1f} % and "
        f"{100 * drawn[limit]['answered'] / drawn[limit]['visits']:.1f} %."
    )
