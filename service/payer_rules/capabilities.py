"""What a way of paying can do, and why it cannot do something: stated beforehand, so it is not an error at the pump."""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass

from service.payer_rules.periods import Hours

WALLET, WECHATPAY = "wallet", "wechatpay"
_BLUE_OR_GREEN = re.compile(r"[^0-9A-Z民使军][A-Z](?:[0-9A-HJ-NP-Z]{5}|[A-HJK][0-9A-HJ-NP-Z][0-9]{4})")
"""Blue ones have five characters after the office letter, small new-energy ones six; a yellow plate's text looks like a
blue one's, so the provider's own state of the plate has the last word."""


class Unfit(enum.StrEnum):
    """Why a way of paying does not take a fuelling."""

    PLATE_KIND = "plate_kind"
    NOT_ASKED = "not_asked"
    UNAUTHORIZED = "unauthorized"
    PAUSED = "paused"
    OVERDUE = "overdue"
    PER_FILL = "per_fill"
    TRIES = "tries"
    PER_DAY = "per_day"
    HOURS = "hours"


UNFIT_WORDS: dict[Unfit, tuple[str, str]] = {
    Unfit.PLATE_KIND: ("it pays for blue and green plates only", "仅支持蓝牌和绿牌"),
    Unfit.NOT_ASKED: ("the provider has not yet said whether it pays for this plate", "尚未查询到该车牌的支付状态"),
    Unfit.UNAUTHORIZED: ("the plate's holder has to authorise it in the provider's app", "车主尚未授权"),
    Unfit.PAUSED: ("its holder has paused it in the provider's app", "车主已暂停该服务"),
    Unfit.OVERDUE: ("its holder owes the provider money", "车主有欠费未还"),
    Unfit.PER_FILL: ("the amount is above what it takes for one fuelling", "超过单次限额"),
    Unfit.TRIES: ("it was tried as often today as it may be", "超过当日扣款次数"),
    Unfit.PER_DAY: ("the amount is above what is left of its day", "超过当日限额"),
    Unfit.HOURS: ("it does not pay at this hour", "该时段不可用"),
}
"""English and Chinese, for operators and on the person's own page."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Limits of a way of paying; None: no limit of its own. is_embedded: the money is in the ledger itself."""

    is_embedded: bool = True
    blue_and_green_only: bool = False
    per_fill_fen: int | None = None
    per_day_fen: int | None = None
    tries_per_day: int | None = None
    hours: Hours | None = None


CAPABILITIES: dict[str, Capabilities] = {
    WALLET: Capabilities(),
    WECHATPAY: Capabilities(
        is_embedded=False,
        blue_and_green_only=True,
        per_fill_fen=200_000,
        per_day_fen=2_000_000,
        tries_per_day=20,
    ),
}
"""WeChat's are those it states for cars on toll roads. Its hours of 7 to 22 are for periodic charges with notice."""


def unfit(
    way: str, plate: str, state: str | None, minute: int, asked_fen: Sequence[int], amount_fen: int = 1
) -> Unfit | None:
    """Why it does not pay this amount; None where it does.

    state: what the provider said of the plate last. minute: of the local day. asked_fen: what it was asked for today,
    refused tries among it.
    """
    can = CAPABILITIES[way]
    if can.is_embedded:
        return None
    if can.blue_and_green_only and _BLUE_OR_GREEN.fullmatch(plate) is None:
        return Unfit.PLATE_KIND
    if state != "NORMAL":
        return Unfit.NOT_ASKED if state is None else Unfit(state.lower())
    if can.hours is not None and not can.hours.covers(minute):
        return Unfit.HOURS
    if can.tries_per_day is not None and len(asked_fen) >= can.tries_per_day:
        return Unfit.TRIES
    if can.per_fill_fen is not None and amount_fen > can.per_fill_fen:
        return Unfit.PER_FILL
    if can.per_day_fen is not None and sum(asked_fen) + amount_fen > can.per_day_fen:
        return Unfit.PER_DAY
    return None


def most_fen(way: str, asked_fen: Sequence[int]) -> int:
    """The most that a provider takes for one fuelling now."""
    can = CAPABILITIES[way]
    left_fen = [can.per_fill_fen, None if can.per_day_fen is None else can.per_day_fen - sum(asked_fen)]
    return max(0, min(fen for fen in left_fen if fen is not None))
