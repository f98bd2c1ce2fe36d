"""What a phone's page says to the service and is answered: pairing, its person, charges, mandates and hours."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from wire.codec import text
from wire.payers import ChargeState, PhoneWord

PUBLIC_KEY_LENGTH = 88
"""Base64 of the 65 bytes of an uncompressed point of P-256."""


def _any_number() -> Any:
    """Texts that the service says and no record reader bounds."""
    return field(metadata={"most": None})


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonePairing:
    """A phone's first words, signed with the key it brings. consent: the version of the words that were agreed to."""

    code: str = text(20)
    public_key: str = text(PUBLIC_KEY_LENGTH, PUBLIC_KEY_LENGTH)
    consent: str = text(20)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonePaired:
    """Whose phone it is from now on, and the key by which it speaks."""

    person: str = text(40)
    name: str = text(40)
    key_id: str = text(43, 43)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonePerson:
    """What a phone is told of its own person. plates: on which they hold hours, or whose owner they are.

    consent: version of the words that were agreed to when this phone was paired.
    """

    person: str = text(40)
    name: str = text(40)
    balance_fen: int
    held_fen: int
    owed_fen: int
    plates: tuple[str, ...] = _any_number()
    consent: str | None = field(default=None, metadata={"since": 2})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeMessage:
    """What a phone is told of one charge. escalated: it was somebody else's first, to be signed for or declined.

    zone: of the station's clock, in which times are shown. fuelling_fen: of the whole fuelling, of which this may be a
    part; its digits are the dispenser's own. may: what the phone can say about it now. by_mandate: paid without asking.
    period: absent where the hours are another person's.
    """

    id: str
    state: ChargeState
    amount_fen: int
    plate: str | None
    station: str
    station_name: str
    zone: str
    lane: str
    dispenser: str
    started_at: datetime
    ended_at: datetime
    product: str
    volume_ml: int
    unit_price_fen_per_l: int
    fuelling_fen: int
    totaliser_before_ml: int
    totaliser_after_ml: int
    created_at: datetime
    due_at: datetime | None
    paid_at: datetime | None
    refunded_fen: int
    period: str | None
    escalated: bool
    by_mandate: bool
    may: tuple[PhoneWord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeAnswer:
    """What became of a charge by what the phone said."""

    id: str
    state: ChargeState


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneMandate:
    """A mandate in force, as its signer's phone shows it. stations: empty for all; hours: absent for all.

    agreed_fen: up to how much of a charge of others it pays as the plates' owner.
    """

    id: str
    plates: tuple[str, ...] = _any_number()
    per_fill_fen: int
    per_day_fen: int
    tries_per_day: int
    stations: tuple[str, ...] = _any_number()
    hours: str | None
    offline_fen: int
    signed_at: datetime
    paused: bool
    agreed_fen: int = field(default=0, metadata={"since": 2})


@dataclass(frozen=True, slots=True, kw_only=True)
class StationChoice:
    """A station that a mandate may be bound to."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateWay:
    """Whether a way of paying takes a plate now, and the most it ever takes; absent limits: none of its own.

    why, why_zh: why it does not, in English and Chinese. chosen: it is asked first. hours: the only ones of the day.
    """

    plate: str
    way: str
    chosen: bool
    why: str | None = None
    why_zh: str | None = None
    per_fill_fen: int | None = None
    per_day_fen: int | None = None
    tries_per_day: int | None = None
    hours: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneMandates:
    """A person's mandates, and what a new one may name. ways: of paying for each plate, where there are several.

    owned: the plates that are the person's own. zone: in which their times are shown.
    """

    mandates: tuple[PhoneMandate, ...]
    plates: tuple[str, ...] = _any_number()
    stations: tuple[StationChoice, ...]
    ways: tuple[PlateWay, ...] = field(default=(), metadata={"since": 2, "most": None})
    owned: tuple[str, ...] = field(default=(), metadata={"since": 2, "most": None})
    zone: str = field(default="", metadata={"since": 2})


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """The id of what a phone has just signed or proposed, under which it is kept."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursWanted:
    """Hours (H[:MM]-H[:MM]) that a person would like to hold on a plate."""

    plate: str = text(20)
    hours: str = text(11, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursProposal:
    """What became of such a wish: waiting, confirmed, refused or withdrawn. name: whose it is."""

    id: str
    plate: str
    name: str
    hours: str
    made_at: datetime
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldHours:
    """Daily hours that a person holds on a plate, half-open; from and until where they were set.

    tracks_agreed: of own hours on a fleet's vehicle alone, whether the fleet may see their positions.
    """

    plate: str
    name: str
    hours: str
    from_at: datetime | None
    until_at: datetime | None
    tracks_agreed: bool | None = field(default=None, metadata={"since": 2})


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedPlate:
    """What a plate's owner sees of it: who holds which hours, and who would like to.

    blocked_by: who has said "not me" in their hours, which the owner may lift.
    """

    plate: str
    holders: tuple[HeldHours, ...]
    proposals: tuple[HoursProposal, ...]
    blocked_by: tuple[str, ...] = field(default=(), metadata={"since": 2, "most": None})


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneHours:
    """A person's own hours, their wishes, and the plates they own. zone: in which their times are shown."""

    own: tuple[HeldHours, ...]
    proposals: tuple[HoursProposal, ...]
    owned: tuple[OwnedPlate, ...]
    zone: str = field(default="", metadata={"since": 2})


@dataclass(frozen=True, slots=True, kw_only=True)
class GreenMessage:
    """A green that the person's mandate gives now. zone: of the station's clock."""

    plate: str
    station: str
    station_name: str
    zone: str
    lane: str
    limit_fen: int
    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneGreens:
    """The greens of a person, and the plates that they have blocked by saying "not me"."""

    greens: tuple[GreenMessage, ...]
    blocked: tuple[str, ...] = _any_number()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotMeAnswer:
    """How many greens were taken away, and under how many fuel had flowed already."""

    revoked: int
    flowing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateSpending:
    """What was paid for one plate in a month, and for how much fuel."""

    plate: str
    amount_fen: int
    volume_ml: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendingMonth:
    """One month (YYYY-MM) of a person's spending, by plate."""

    month: str
    plates: tuple[PlateSpending, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneSpending:
    """A person's spending, the oldest month first; svg: the same as a drawing."""

    months: tuple[SpendingMonth, ...]
    svg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PushWanted:
    """Where a phone can be woken, as its browser's push service gave it: an address and the keys to write to it."""

    endpoint: str = text(1000)
    p256dh: str = text(88, 80)
    auth: str = text(24, 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonePush:
    """The service's own key (VAPID), with which a phone subscribes, and whether this phone is woken."""

    public_key: str
    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StationSpot:
    """Where a known station stands: degrees in WGS-84, and in GCJ-02 (map_*) as maps in China show it."""

    lat: float
    lon: float
    map_lat: float
    map_lon: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneSpots:
    """All known stations; within near_m metres of one a phone is not to be operated."""

    near_m: int
    spots: tuple[StationSpot, ...]
