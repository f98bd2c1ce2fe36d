"""What a typed plate is worth beside what the camera saw of the vehicle: one rule for service and station."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from wire.codec import text
from wire.reasons import Reason

UNSEEN = "?"
"""Stands in what was seen for a character that the reads are not sure of."""
SERIAL_FROM = 2
"""Province and office letter come before it: whole towns share them."""
LEAST_SERIAL = 4
"""A typed plate agrees by at least so many characters of the serial that were surely seen; fewer count as none."""


class TypedRule(enum.StrEnum):
    """What a typed plate needs where the camera read nothing."""

    ATTENDANT = "attendant"
    PIN = "pin"
    REFUSE = "refuse"
    FREE = "free"


class Agreement(enum.StrEnum):
    """What was seen beside what was typed."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NOTHING_READ = "nothing read"


CONFIRMABLE = frozenset({Reason.TYPED_DIFFERS, Reason.ATTENDANT_NEEDED})
"""Refusals of a typed plate that an attendant who sees the vehicle can lift."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinCheck:
    """A PIN that was typed with a plate, on its way to the service, which alone can judge it."""

    station: str = text(40)
    lane: str = text(40)
    plate: str = text(12)
    pin: str = field(repr=False, metadata={"shortest": 1, "longest": 20})


@dataclass(frozen=True, slots=True, kw_only=True)
class PinAnswer:
    """proof: what a question carries as pin_proof for the right PIN; absent for a wrong one."""

    proof: str | None = field(default=None, repr=False, metadata={"shortest": 1, "longest": 64})


def agreement(plate: str, seen: str | None, certain: bool) -> Agreement:
    """Whether a typed plate is what the camera saw. seen: the best read, UNSEEN where it is not sure; None for no read.

    certain: the lane would have asked about what was seen by itself.
    """
    if seen is None:
        return Agreement.NOTHING_READ
    if certain:
        return Agreement.AGREES if plate == seen else Agreement.DIFFERS
    if sum(character != UNSEEN for character in seen[SERIAL_FROM:]) < LEAST_SERIAL:
        return Agreement.NOTHING_READ
    same = len(plate) == len(seen) and all(s in (UNSEEN, p) for s, p in zip(seen, plate, strict=True))
    return Agreement.AGREES if same else Agreement.DIFFERS


def refusal(found: Agreement, rule: TypedRule, *, confirmed: bool, pin_given: bool, pin_right: bool) -> Reason | None:
    """Why a typed plate is refused before its payer is asked; None where it is as good as a read one.

    confirmed: by somebody of the station who sees the vehicle. pin_right counts only where the rule wants a PIN.
    """
    if confirmed or found is Agreement.AGREES:
        return None
    if found is Agreement.DIFFERS:
        return Reason.TYPED_DIFFERS
    match rule:
        case TypedRule.FREE:
            return None
        case TypedRule.REFUSE:
            return Reason.TYPED_REFUSED
        case TypedRule.ATTENDANT:
            return Reason.ATTENDANT_NEEDED
    if pin_right:
        return None
    return Reason.PIN_WRONG if pin_given else Reason.PIN_NEEDED
