"""The records that a station's central control and the service exchange about offline answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from wire.codec import WireError, decode_text
from wire.money import MAX_FEN
from wire.typed import TypedRule

MOST_ENTRIES = 20_000
MOST_PHONE_HOURS = 10_000
LONGEST_LIST = 4 * 1024 * 1024
"""Characters of a list; an entry has about 60, hours of a phone about 170."""
OFFLINE_PREFIX = "off-"
"""How the names of authorisations begin that a station gave without the service."""
LIST_WORDS = b"greenlane offline-list "
"""Comes before the text of a list when it is signed, so that the signature says nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineEntry:
    """A plate that may refuel while the line is down. The cap counts for all plates of the card together.

    typed: what it needs when it is typed and nothing was read; without it an attendant.
    """

    plate: str = field(metadata={"shortest": 1, "longest": 12})
    card: str = field(metadata={"shortest": 1, "longest": 40})
    cap_fen: int = field(metadata={"low": 1, "high": MAX_FEN})
    typed: TypedRule | None = field(default=None, metadata={"since": 2})


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineHours:
    """Daily hours of a plate whose payer's phone has signed "offline up to", by the wall clock of the list's zone.

    From start_min up to end_min of the day, over midnight where the end is not after the start; within [from_at,
    until_at) where these are given. payer, mandate: opaque. cap_fen counts for all plates of the payer together,
    fill_fen is the most for one fuelling. typed: as in OfflineEntry.
    """

    plate: str = field(metadata={"shortest": 1, "longest": 12})
    payer: str = field(metadata={"shortest": 1, "longest": 40})
    mandate: str = field(metadata={"shortest": 1, "longest": 40})
    start_min: int = field(metadata={"low": 0, "high": 1439})
    end_min: int = field(metadata={"low": 1, "high": 1440})
    cap_fen: int = field(metadata={"low": 1, "high": MAX_FEN})
    fill_fen: int = field(metadata={"low": 1, "high": MAX_FEN})
    from_at: datetime | None = None
    until_at: datetime | None = None
    typed: TypedRule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineList:
    """Who may refuel at a station while its line is down. A higher version replaces a lower one.

    phones: no two hours of a plate overlap; a plate of them whose hour is nobody's is red. zone, title: the station's.
    """

    station: str = field(metadata={"shortest": 1, "longest": 40})
    version: int = field(metadata={"low": 1, "high": 2**53 - 1})
    issued_at: datetime
    expires_at: datetime
    entries: tuple[OfflineEntry, ...] = field(default=(), metadata={"most": MOST_ENTRIES})
    phones: tuple[OfflineHours, ...] = field(default=(), metadata={"most": MOST_PHONE_HOURS, "since": 2})
    zone: str | None = field(default=None, metadata={"shortest": 1, "longest": 40, "since": 2})
    title: str | None = field(default=None, metadata={"shortest": 1, "longest": 80, "since": 2})


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOfflineList:
    """An offline list as JSON text, and the service's Ed25519 signature (base64) of LIST_WORDS and that text."""

    text: str = field(metadata={"shortest": 2, "longest": LONGEST_LIST})
    public_key: str = field(metadata={"shortest": 44, "longest": 44})
    signature: str = field(metadata={"shortest": 88, "longest": 88})


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineGrant:
    """What a station allowed by its list while the line was down; told once the line is back.

    Either a card pays, or payer with the mandate that the list named for the capture time; period: those hours.
    """

    authorisation: str = field(metadata={"shortest": 5, "longest": 80})
    visit: str = field(metadata={"shortest": 1, "longest": 80})
    station: str = field(metadata={"shortest": 1, "longest": 40})
    lane: str = field(metadata={"shortest": 1, "longest": 40})
    plate: str = field(metadata={"shortest": 1, "longest": 12})
    typed: bool
    card: str | None = field(default=None, metadata={"shortest": 1, "longest": 40})
    limit_fen: int = field(metadata={"low": 1, "high": MAX_FEN})
    list_version: int = field(metadata={"low": 1, "high": 2**53 - 1})
    granted_at: datetime
    payer: str | None = field(default=None, metadata={"shortest": 1, "longest": 40, "since": 2})
    mandate: str | None = field(default=None, metadata={"shortest": 1, "longest": 40, "since": 2})
    period: str | None = field(default=None, metadata={"shortest": 3, "longest": 11, "since": 2})
    captured_at: datetime | None = field(default=None, metadata={"since": 2})

    def __post_init__(self) -> None:
        given = [value is not None for value in (self.payer, self.mandate, self.period, self.captured_at)]
        if (self.card is not None) == all(given) or any(given) != all(given):
            raise WireError("card, payer: one of them pays; a payer comes with mandate, period and captured_at")
        if not self.authorisation.startswith(OFFLINE_PREFIX):
            raise WireError(f"authorisation: an offline one begins with {OFFLINE_PREFIX}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineReceipt:
    """The service knows of the grant now. flags: "card_blocked", "plate_rebound", "list_expired", ..."""

    authorisation: str = field(metadata={"shortest": 5, "longest": 80})
    flags: tuple[str, ...] = ()


def list_of(text: str) -> OfflineList:
    """The list that a text stands for. Raises WireError."""
    return decode_text(OfflineList, text)
