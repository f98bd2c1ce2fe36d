"""Rows of the books as Python values: what decisions are made from and what they leave behind."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class AccountKind(enum.StrEnum):
    """What an account stands for.

    CARD: what the company owes the card's owner; never below zero, holds counted.
    RECEIVABLE: what the card's owner owes for fuel beyond the balance.
    REVENUE: what a station has sold. SUSPENSE: fuel that nobody has been charged for yet, per station.
    WALLET: what the company owes a person who pays by phone; never below zero, holds counted. OWED: what is charged to
    them and not paid yet. CLEARING: money that came in or went out at the till. ADJUSTMENT: corrections by operators.
    OVER_SHORT: what the cash of closed shifts was over or short of what the books expected.
    PROVIDER: what payment providers have taken for the company and not given back.
    """

    CARD = "card"
    RECEIVABLE = "receivable"
    REVENUE = "revenue"
    SUSPENSE = "suspense"
    CLEARING = "clearing"
    ADJUSTMENT = "adjustment"
    WALLET = "wallet"
    OWED = "owed"
    OVER_SHORT = "over_short"
    PROVIDER = "provider"


class TransferPhase(enum.StrEnum):
    """SINGLE moves money at once; PENDING holds it; POST, VOID and EXPIRE each resolve one pending transfer."""

    SINGLE = "single"
    PENDING = "pending"
    POST = "post"
    VOID = "void"
    EXPIRE = "expire"


class TransferKind(enum.StrEnum):
    """Why money moved."""

    TOP_UP = "top_up"
    REFUND = "refund"
    HOLD = "hold"
    FUELLING = "fuelling"
    DEBT = "debt"
    SETTLEMENT = "settlement"
    UNCLAIMED = "unclaimed"
    CLAIM = "claim"
    WRITE_OFF = "write_off"
    CORRECTION = "correction"
    PAYMENT = "payment"
    CASH = "cash_payment"
    PAY_BACK = "charge_refund"
    FUELLING_BACK = "fuelling_refund"
    BY_PROVIDER = "provider_payment"
    OVER_SHORT = "over_short"


class State(enum.StrEnum):
    """Of an authorisation; all but OPEN are final."""

    REFUSED = "refused"
    OPEN = "open"
    CAPTURED = "captured"
    RELEASED = "released"
    EXPIRED = "expired"


ACTIVE = "active"
BLOCKED = "blocked"


@dataclass(slots=True)
class Account:
    """One account's running sums, in fen."""

    id: int
    kind: str
    owner: str
    debits_posted_fen: int
    credits_posted_fen: int
    debits_pending_fen: int

    @property
    def balance_fen(self) -> int:
        """Credits less debits, holds not counted."""
        return self.credits_posted_fen - self.debits_posted_fen

    @property
    def free_fen(self) -> int:
        """What may still be spent: the balance less open holds."""
        return self.balance_fen - self.debits_pending_fen


@dataclass(frozen=True, slots=True)
class Transfer:
    """One row of the ledger."""

    id: int
    at_us: int
    phase: str
    kind: str
    debit_account: int
    credit_account: int
    amount_fen: int
    resolves: int | None = None
    resolves_fen: int | None = None
    fuelling_id: int | None = None
    key: str | None = None
    note: str | None = None
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class Station:
    """unauthorised_cap_fen None: the preset amount is the cap."""

    id: str
    name: str
    zone: str
    preset_fen: int
    revenue_account: int
    suspense_account: int
    offline_fen: int = 0
    unauthorised_cap_fen: int | None = None
    typed_rule: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """preset_fen None: the station's preset amount counts. whole_balance: a hold takes all that is free."""

    id: str
    name: str
    state: str
    preset_fen: int | None
    whole_balance: bool
    account: int
    receivable: int
    offline_fen: int | None = None
    typed_rule: str | None = None
    pin_hash: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class BoundPlate:
    plate: str
    state: str
    payer_kind: str
    card: str | None
    typed_rule: str | None = None


@dataclass(slots=True)
class Authorisation:
    """One visit's question and answer; only state and expires_us ever change. Fields as in schema.authorisations."""

    visit: str
    station: str
    lane: str
    plate: str
    typed: bool
    captured_us: int
    confidence: float
    weakest: float
    asked_us: int
    decision: str
    reason: str
    id: str | None
    card: str | None
    hold: int | None
    limit_fen: int | None
    first_expires_us: int | None
    expires_us: int | None
    state: str
    rule: str | None = None
    person: str | None = None
    mandate: str | None = None
    period: str | None = None
    held_from: str | None = None
    held_fen: int | None = None
    then_hold: int | None = None
    then_fen: int | None = None
    seen: str | None = None
    seen_certain: bool | None = None
    confirmed_by: str | None = None
    judged_us: int | None = None
    provider: str | None = None

    @property
    def payer_us(self) -> int:
        """The time whose hour it was."""
        return self.captured_us if self.judged_us is None else self.judged_us


@dataclass(frozen=True, slots=True)
class PostedFuelling:
    """One reported fuelling with its receipt. Fields as in schema.fuellings."""

    id: int
    dispenser: str
    sequence: int
    station: str
    lane: str
    visit: str | None
    authorisation: str | None
    plate: str | None
    started_us: int
    ended_us: int
    volume_ml: int
    amount_fen: int
    unit_price_fen_per_l: int
    product: str
    totaliser_before_ml: int
    totaliser_after_ml: int
    unit_flags: str
    received_us: int
    card: str | None
    captured_fen: int
    overrun_fen: int
    released_fen: int
    balance_fen: int | None
    flags: str
    person: str | None = None
    suspended_fen: int = 0
    unauthorised_fen: int = 0


@dataclass(slots=True)
class DispenserRow:
    """The highest sequence seen of a dispenser and its totaliser after it. last_*: that fuelling's patterns.Figures."""

    id: str
    station: str
    last_sequence: int
    totaliser_ml: int
    last_volume_ml: int | None = None
    last_own_ml: int | None = None


@dataclass(frozen=True, slots=True)
class DispenserLane:
    """A lane that may report under a dispenser. Fields as in schema.dispenser_lanes."""

    station: str
    dispenser: str
    lane: str
    after_sequence: int
    bound_us: int
    fuelling: int | None


@dataclass(slots=True)
class Grant:
    """What a station allowed while its line was down; only fuelling ever changes, once. person: who pays by phone."""

    id: str
    visit: str
    station: str
    lane: str
    plate: str
    typed: bool
    card: str | None
    limit_fen: int
    list_version: int
    granted_us: int
    told_us: int
    flags: str
    fuelling: int | None
    person: str | None = None
    mandate: str | None = None
    period: str | None = None
    captured_us: int | None = None


@dataclass(frozen=True, slots=True)
class RejectedMessage:
    """A fuelling report that will never be taken, word for word."""

    id: int
    at_us: int
    code: str
    detail: str
    station: str | None
    dispenser: str | None
    sequence: int | None
    digest: str
    body: str
