"""What one transaction knows of persons who pay by phone: loaded before decisions are made, added to by them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

from service.books.records import Authorisation, State
from service.payer_rules.decision import Mandate, PayerStanding
from service.payer_rules.periods import Schedule
from service.store.clock import from_us


@dataclass(frozen=True, slots=True)
class PersonAccounts:
    """A person with the numbers of their accounts, and the hash of the PIN that they type with a plate."""

    id: str
    name: str
    wallet: int
    owed: int
    pin_hash: str | None = field(default=None, repr=False)
    pays_by: str = "wallet"


@dataclass(frozen=True, slots=True)
class GivenMandate:
    """A mandate for one plate by which a station allowed something while its line was cut; it may have ended since."""

    id: str
    plate: str
    person: str
    per_fill_fen: int
    per_day_fen: int
    offline_fen: int
    paused_us: int | None
    ended_us: int | None
    plate_ended_us: int | None

    def stood(self, at_us: int) -> bool:
        """Whether it was good at an instant; one that was paused and goes on again counts as good."""
        ends = [us for us in (self.paused_us, self.ended_us, self.plate_ended_us) if us is not None]
        return all(at_us < us for us in ends)


@dataclass(slots=True)
class Charge:
    """One charge to a person. Fields as in the table charges."""

    id: str
    fuelling: int
    part: int
    visit: str | None
    plate: str | None
    station: str
    person: str
    asked: str
    amount_fen: int
    period: str | None
    captured_us: int
    created_us: int
    mandate: str | None
    hold: int | None
    state: str
    due_us: int | None
    overdue_us: int | None
    paid_us: int | None
    paid_by: str | None
    refunded_fen: int
    disputed_us: int | None


@dataclass(frozen=True, slots=True)
class ChargeStep:
    """One step of a charge, as in the table charge_events."""

    id: int
    charge: str
    at_us: int
    event: str
    old: str | None
    new: str
    asked: str | None
    actor: str
    detail: str
    key: str | None = None
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class NewPayment:
    """An order for a provider that is asked once the charge is committed. Fields as in the table payments."""

    number: str
    charge: str
    person: str
    plate: str
    provider: str
    amount_fen: int
    captured_us: int
    made_us: int
    due_us: int
    state: str = "waiting"
    times: int = 0
    reason: str = ""


@dataclass(slots=True)
class PayerState:
    """mandates: by person and plate. spent, tries: by mandate, with the time of capture in microseconds."""

    persons: dict[str, PersonAccounts] = field(default_factory=dict)
    schedules: dict[str, Schedule] = field(default_factory=dict)
    mandates: dict[tuple[str, str], Mandate] = field(default_factory=dict)
    spent: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    tries: dict[str, list[int]] = field(default_factory=dict)
    given: dict[tuple[str, str], GivenMandate] = field(default_factory=dict)
    """By id and plate."""
    overdue: set[str] = field(default_factory=set)
    blocked: set[tuple[str, str]] = field(default_factory=set)
    """Plate and person."""
    provided: dict[tuple[str, str], str] = field(default_factory=dict)
    """What a provider said of a plate last, by provider and plate."""
    ordered: dict[tuple[str, str], list[tuple[int, int]]] = field(default_factory=dict)
    """Time of capture and amount of each order of late, by provider and plate."""
    new_payments: list[NewPayment] = field(default_factory=list)
    new_charges: list[Charge] = field(default_factory=list)
    new_steps: list[ChargeStep] = field(default_factory=list)

    def standing(
        self,
        person: str,
        plate: str,
        captured_us: int,
        zone: ZoneInfo,
        free_fen: int,
        open_ones: Iterable[Authorisation],
    ) -> PayerStanding:
        """What is known of a payer; a mandate's day is the local day of the capture time."""
        mandate = self.mandates.get((person, plate))
        spent_fen, tries = 0, 0
        if mandate is not None:
            day = _day(captured_us, zone)
            spent_fen = self.spent_fen(mandate.id, captured_us, zone, open_ones)
            tries = sum(_day(at_us, zone) == day for at_us in self.tries.get(mandate.id, []))
        is_blocked, is_overdue = (plate, person) in self.blocked, person in self.overdue
        return PayerStanding(mandate, is_blocked, is_overdue, spent_fen, tries, free_fen)

    def spent_fen(self, mandate: str, captured_us: int, zone: ZoneInfo, open_ones: Iterable[Authorisation]) -> int:
        """What a mandate has paid on the local day of a capture time, and what is held against it."""
        day = _day(captured_us, zone)
        paid_fen = sum(fen for at_us, fen in self.spent.get(mandate, []) if _day(at_us, zone) == day)
        held = [a for a in open_ones if a.state == State.OPEN and a.mandate == mandate]
        return paid_fen + sum(phone_held_fen(a) for a in held if _day(a.captured_us, zone) == day)

    def ordered_fen(self, provider: str, plate: str, captured_us: int, zone: ZoneInfo) -> list[int]:
        """What a provider was asked for on the local day of a capture time, refused tries among it."""
        day = _day(captured_us, zone)
        return [fen for at_us, fen in self.ordered.get((provider, plate), []) if _day(at_us, zone) == day]

    def add(self, charge: Charge, steps: Iterable[ChargeStep]) -> None:
        """Keep a new charge; what its mandate takes counts at once."""
        self.new_charges.append(charge)
        self.new_steps.extend(steps)
        if charge.mandate is not None:
            self.spent.setdefault(charge.mandate, []).append((charge.captured_us, charge.amount_fen))


def phone_held_fen(authorisation: Authorisation) -> int:
    """How much an authorisation holds of a wallet, and against the mandate's day."""
    first = authorisation.held_fen if authorisation.held_from == "phone" else authorisation.then_fen
    return first or 0


def _day(at_us: int, zone: ZoneInfo) -> date:
    return from_us(at_us).astimezone(zone).date()
