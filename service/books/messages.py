"""What the books can be asked to do, and the answer to a message that they refuse."""

from __future__ import annotations

from dataclasses import dataclass

from wire.fuellings import Fuelling, FuellingReceipt
from wire.offline import OfflineGrant, OfflineReceipt
from wire.questions import Decision, Question
from wire.reasons import ErrorCode


@dataclass(frozen=True, slots=True)
class Ask:
    question: Question


@dataclass(frozen=True, slots=True)
class Renew:
    authorisation: str


@dataclass(frozen=True, slots=True)
class Release:
    authorisation: str


@dataclass(frozen=True, slots=True)
class Report:
    """keeps: what is refused is kept word for word."""

    fuelling: Fuelling
    keeps: bool = True


@dataclass(frozen=True, slots=True)
class Reject:
    """Keep a fuelling report that could not even be read."""

    code: ErrorCode
    detail: str
    body: str


@dataclass(frozen=True, slots=True)
class TakeGrant:
    """A station tells what it allowed while its line was down."""

    grant: OfflineGrant


@dataclass(frozen=True, slots=True)
class Sweep:
    """Give back up to `most` holds whose time is over."""

    most: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUp:
    """Money came in at the till. key: made once per payment and kept through retries, which post nothing more."""

    card: str
    amount_fen: int
    key: str
    actor: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money goes out at the till, at most what is free."""

    card: str
    amount_fen: int
    key: str
    actor: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correct:
    """A correction by posting: above zero in the card's favour, below against it."""

    card: str
    amount_fen: int
    key: str
    actor: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Charge what nobody was charged for yet of a fuelling to a card."""

    station: str
    dispenser: str
    sequence: int
    card: str
    actor: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOff:
    """Give up what nobody was charged for of a fuelling."""

    station: str
    dispenser: str
    sequence: int
    actor: str
    note: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The message will never be taken: code and words go into the answer's body."""

    code: ErrorCode
    detail: str


@dataclass(frozen=True, slots=True)
class Done:
    """The message was carried out, or had been before (repeated)."""

    count: int = 1
    repeated: bool = False


Message = Ask | Renew | Release | Report | Reject | TakeGrant | Sweep | TopUp | Refund | Correct | Claim | WriteOff
Answer = Decision | FuellingReceipt | OfflineReceipt | Refused | Done
