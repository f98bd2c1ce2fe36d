"""Keeps the offline list: takes only what the service's own key has signed, never an older one, and has it on disk."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from controller.errors import ServiceFault
from controller.ports import Clock
from service.offline.list_key import is_signed
from station.offline_rules import unusable
from station.store.facts import SEEN
from station.store.state_store import StateStore
from station.upstream import Upstream
from wire.codec import WireError, decode_text, encode_text
from wire.offline import OfflineEntry, OfflineGrant, OfflineHours, OfflineList, SignedOfflineList, list_of
from wire.plates import normalise
from wire.spelling.zones import is_zone
from wire.versions import WIRE_VERSION

log = logging.getLogger(__name__)

LIST, UNDER, PINNED, HIGHEST, WIRE = "list", "list_under", "list_key", "list_highest", "list_wire"
"""Names of facts: the signed list, the fetch that confirmed it last, the service's public key, the highest version, and
the version of the wire in which the list was asked for: an upgraded station fetches anew what it could not read."""


class ListRefused(ServiceFault):
    """A list that is not taken: str() says why."""


@dataclass(frozen=True, slots=True)
class PhoneBook:
    """Hours of phones by plate, in the zone that they are meant in."""

    by_plate: Mapping[str, Sequence[OfflineHours]] = field(default_factory=dict)
    zone: ZoneInfo = ZoneInfo("UTC")  # noqa: RUF009


@dataclass(frozen=True, slots=True)
class ListInForce:
    """The list that counts, and the number of the fetch that confirmed it last. why_not: why it can't be used."""

    listed: OfflineList | None
    under: int
    why_not: str | None
    entries: Mapping[str, OfflineEntry] = field(default_factory=dict)
    phones: PhoneBook = field(default_factory=lambda: PhoneBook())

    def hours(self, plate: str) -> Sequence[OfflineHours]:
        """The hours in which phones pay for a plate; none for a plate that no phone may pay for offline."""
        return self.phones.by_plate.get(normalise(plate), ())

    def names(self, grant: OfflineGrant) -> bool:
        """Whether the card or payer of a grant may still pay for its plate."""
        if grant.payer is None:
            return self.entry(grant.plate) is not None
        return any(one.payer == grant.payer for one in self.hours(grant.plate))

    def entry(self, plate: str) -> OfflineEntry | None:
        return self.entries.get(normalise(plate))


class HeldLists:
    """Thread-safe. pinned: the service's public key if an operator gave it; else the first one seen is kept."""

    def __init__(self, store: StateStore, station: str, clock: Clock, pinned: str | None) -> None:
        self._store = store
        self._station = station
        self._clock = clock
        self._lock = threading.Lock()
        self._listed: OfflineList | None = None
        self._entries: Mapping[str, OfflineEntry] = {}
        self._phones = PhoneBook()
        self._refusal: str | None = None
        if pinned is not None:
            store.facts.keep(PINNED, pinned)
        self._take_kept()

    @property
    def held(self) -> ListInForce:
        """The list as it may be used now."""
        with self._lock:
            listed, entries, phones = self._listed, self._entries, self._phones
        why_not = unusable(listed, self._clock.now(), self._store.facts.seen_at())
        return ListInForce(
            listed,
            self._store.facts.number(UNDER),
            why_not,
            {} if why_not else entries,
            PhoneBook() if why_not else phones,
        )

    @property
    def version(self) -> int:
        """The version that is here; 0 for none."""
        with self._lock:
            return 0 if self._listed is None else self._listed.version

    @property
    def refusal(self) -> str | None:
        """Why the last list that came was not taken; None when it was."""
        return self._refusal

    def fetch(self, upstream: Upstream, deadline_s: float) -> bool:
        """Ask for a newer list; True when one came. Raises ClientError, ListRefused among them."""
        number = self._store.facts.begin_fetch()
        knows_as_much = self._store.facts.get(WIRE) == str(WIRE_VERSION)
        signed = upstream.offline_list(self.version if knows_as_much else 0, deadline_s)
        if signed is None:
            self._confirm(number)
            return False
        try:
            listed = self._judged(signed)
        except ListRefused as refused:
            self._refusal = str(refused)
            raise
        with self._store.together():
            self._store.facts.keep(LIST, encode_text(signed))
            self._store.facts.keep(PINNED, signed.public_key)
            self._store.facts.keep(HIGHEST, str(listed.version))
            self._store.facts.keep(WIRE, str(WIRE_VERSION))
            self._confirm(number)
        self._use(listed)
        return True

    def _confirm(self, number: int) -> None:
        """The server has just said what counts, so clock and outstanding sums are judged from here on."""
        self._refusal = None
        with self._store.together():
            self._store.facts.keep(UNDER, str(number))
            self._store.facts.keep(SEEN, "0")

    def _judged(self, signed: SignedOfflineList) -> OfflineList:
        pinned = self._store.facts.get(PINNED)
        if pinned is not None and signed.public_key != pinned:
            raise ListRefused("the offline list is signed with another key than the one this station knows")
        if not is_signed(signed):
            raise ListRefused("the offline list was tampered with: its signature does not hold")
        try:
            listed = list_of(signed.text)
        except WireError as error:
            raise ListRefused(f"the offline list cannot be understood: {error}") from error
        if listed.station != self._station:
            raise ListRefused(f"the offline list is for station {listed.station[:40]}")
        if listed.version < self._store.facts.number(HIGHEST):
            raise ListRefused(f"the offline list is older than the one before: version {listed.version}")
        if listed.expires_at <= self._clock.now():
            raise ListRefused("the offline list had expired when it came")
        return listed

    def _take_kept(self) -> None:
        """The list on disk, judged anew: what was altered there counts as none."""
        kept = self._store.facts.get(LIST)
        if kept is None:
            return
        try:
            signed = decode_text(SignedOfflineList, kept)
            listed = list_of(signed.text)
        except WireError as error:
            log.error("the kept offline list is not used: %s", error)
            return
        good = (
            is_signed(signed) and signed.public_key == self._store.facts.get(PINNED) and listed.station == self._station
        )
        if good and listed.version >= self._store.facts.number(HIGHEST):
            self._use(listed)
        else:
            log.error("the kept offline list is not used: its signature, key, station or version is wrong")

    def _use(self, listed: OfflineList) -> None:
        with self._lock:
            self._listed = listed
            self._entries = {normalise(entry.plate): entry for entry in listed.entries}
            self._phones = _phone_book(listed)


def _phone_book(listed: OfflineList) -> PhoneBook:
    """Nobody where this machine does not know the zone."""
    if listed.zone is None or not listed.phones:
        return PhoneBook()
    if not is_zone(listed.zone):
        log.error("phones pay for nobody offline: time zone %s is not known here", listed.zone)
        return PhoneBook()
    by_plate: dict[str, list[OfflineHours]] = {}
    for one in listed.phones:
        by_plate.setdefault(normalise(one.plate), []).append(one)
    return PhoneBook(by_plate, ZoneInfo(listed.zone))
