"""The port of payment: what an order says, what a provider answers, and what every provider can do."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from service.errors import ServiceError


class PaymentOutcome(enum.StrEnum):
    """What is known of an order. ACCEPTED is not paid; SILENT is neither paid nor failed; MISSING: never heard of."""

    PAID = "paid"
    ACCEPTED = "accepted"
    FAILED = "failed"
    MISSING = "missing"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """A provider's word about an order. reason: in its own words, for the operator; transaction: its own number."""

    outcome: PaymentOutcome
    reason: str = ""
    transaction: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """One order for one charge, under a number that is never used in two ways."""

    number: str
    plate: str
    amount_fen: int
    station_name: str
    dispenser: str
    product: str
    volume_ml: int
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """What a provider has told unasked, its signature verified."""

    order: str
    amount_fen: int
    said: ProviderAnswer


class Forged(ServiceError):
    """A notification that its signature, or what it says of us, shows to be another's."""


class PaymentProvider(Protocol):
    """Every call ends within the provider's own deadline; whatever goes wrong on the way is SILENT, never raised."""

    name: str

    def plate_state(self, plate: str) -> str | None:
        """NORMAL, PAUSED, OVERDUE or UNAUTHORIZED; None where nobody answered."""
        ...

    def pay(self, order: PaymentOrder) -> ProviderAnswer:
        """Ask for the money; the same order may be asked again."""
        ...

    def query(self, order: str, amount_fen: int) -> ProviderAnswer:
        """What became of an order."""
        ...

    def refund(self, order: str, number: str, amount_fen: int, total_fen: int) -> ProviderAnswer:
        """Give money back; PAID where it is on its way. The same number gives back once."""
        ...

    def heard(self, body: bytes) -> Notice:
        """What a notification says. Raises Forged."""
        ...
