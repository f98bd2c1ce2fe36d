"""What people read at the counter: movements, methods of payment and states, in Chinese and English."""

from __future__ import annotations

from typing import Any

from service.http.flag_words import flag_words
from service.phone.words import STATES as PHONE_STATES
from service.station.words import REASONS, litres, yuan
from wire.payers import ChargeState

KINDS = {
    "top_up": ("充值", "top-up"),
    "refund": ("退款", "refund"),
    "fuelling": ("加油", "fuelling"),
    "debt": ("欠费", "debt"),
    "claim": ("补扣", "extra charge"),
    "write_off": ("核销", "write-off"),
    "correction": ("更正", "correction"),
    "payment": ("手机支付", "paid by phone"),
    "cash_payment": ("账单收款", "bill paid at the counter"),
    "charge_refund": ("账单退款", "bill given back"),
    "fuelling_refund": ("加油退款", "fuelling given back"),
    "over_short": ("长短款", "cash over or short"),
}
METHODS = {"cash": ("现金", "cash"), "scan": ("扫码", "scanned code"), "bank": ("转账", "bank transfer")}
BILL_STATES = dict(PHONE_STATES) | {
    ChargeState.SENT: ("待支付，已通知", "To be paid; the payer was told"),
    ChargeState.SEEN: ("待支付，已查看", "To be paid; the payer has seen it"),
}
"""As the payer's phone says them, but of the payer."""

STATES = {"active": ("正常", "active"), "blocked": ("停用", "blocked")}


def all_words() -> dict[str, Any]:
    """For every template of the counter."""
    reasons = {reason.value: words for reason, words in REASONS.items()}
    return {
        "kinds": KINDS,
        "methods": METHODS,
        "states": STATES,
        "flag_words": flag_words,
        "reasons": reasons,
        "yuan": yuan,
        "litres": litres,
    }
