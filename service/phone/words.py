"""What the phone's page says that is decided in the program, in plain Chinese and English."""

from __future__ import annotations

from wire.payers import ChargeState

Words = tuple[str, str]
"""Chinese, English."""

CONSENT = "2026-11-28"
"""Version of the words on the pairing page that a person agrees to (service/pages/phone_consent.html)."""

STATES: dict[ChargeState, Words] = {
    ChargeState.CREATED: ("待支付", "To be paid"),
    ChargeState.SENT: ("待支付，已通知", "To be paid; you were told"),
    ChargeState.SEEN: ("待支付，已查看", "To be paid; you have seen it"),
    ChargeState.ACCEPTED: ("处理中，尚未支付", "Being processed: not paid yet"),
    ChargeState.PAID: ("已支付", "Paid"),
    ChargeState.DECLINED: ("已拒绝，仍待支付", "Declined; somebody still has to pay"),
    ChargeState.EXPIRED: ("已过期限，待支付", "Past its time; still to be paid"),
    ChargeState.REFUNDED: ("已退款", "Refunded"),
    ChargeState.DISPUTED: ("争议处理中", "Disputed: being looked at"),
    ChargeState.UNKNOWN: ("支付渠道未答复，尚未确认", "The provider is silent: not confirmed yet"),
}
"""ACCEPTED and UNKNOWN are never told as paid."""

TONES: dict[ChargeState, str] = {
    ChargeState.PAID: "good",
    ChargeState.REFUNDED: "good",
    ChargeState.EXPIRED: "bad",
}
"""The colour of a state; the others wait for something."""
