"""The offline list: only what the service's own key has signed counts, never an older one, never an expired one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from controller.outbound.outbox import Outbox
from controller.outbound.statefile import StateFile
from service.errors import Unavailable
from service.offline.list_key import ListKey
from service.offline.listing import LIFE, RENEW_AFTER
from station.offline_list import HeldLists, ListRefused
from station.store.state_store import StateStore
from tests.service.identity.kit import PLATE, START, MovingClock
from tests.station.rig import StationRig
from wire.codec import encode_text
from wire.offline import OfflineEntry, OfflineList, SignedOfflineList
from wire.reasons import Reason

ENTRIES = (OfflineEntry(plate=PLATE, card="C1", cap_fen=20_000),)


@dataclass
class Hand:
    """A server that hands out one list."""

    signed: SignedOfflineList | None

    def offline_list(self, have: int, deadline_s: float) -> SignedOfflineList | None:
        return self.signed


class Admin:
    """A keeper with its memory on disk, and the key of the service it knows."""

    def __init__(self, folder: Path) -> None:
        self.clock = MovingClock()
        self.key = ListKey(folder / "list.key")
        self.path = folder / "station.sqlite3"
        self.open()

    def open(self, pinned: str | None = None) -> None:
        self.state = StateFile(self.path, self.clock)
        self.store = StateStore(self.state, Outbox(self.state, self.clock), self.clock)
        self.lists = HeldLists(self.store, "S1", self.clock, pinned)

    def reopen(self, pinned: str | None = None) -> None:
        self.state.close()
        self.open(pinned)

    def give(self, signed: SignedOfflineList | None) -> bool:
        return self.lists.fetch(Hand(signed), 1.0)  # type: ignore[arg-type]

    def usable(self) -> bool:
        return self.lists.held.why_not is None


@pytest.fixture
def admin(tmp_path: Path) -> Iterator[Admin]:
    made = Admin(tmp_path)
    yield made
    made.state.close()


def a_list(version: int = 10, issued: datetime = START, **changes: object) -> OfflineList:
    made = OfflineList(
        station="S1", version=version, issued_at=issued, expires_at=issued + timedelta(hours=12), entries=ENTRIES
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_good_list_is_taken_and_kept(admin: Admin) -> None:
    assert not admin.usable()
    assert admin.give(admin.key.sign(encode_text(a_list())))
    admin.reopen()
    held = admin.lists.held
    assert held.why_not is None
    assert held.entry("粤b·12345") == ENTRIES[0]
    assert held.entry("粤B99999") is None


def spoilt(signed: SignedOfflineList) -> dict[str, SignedOfflineList]:
    return {
        "a higher cap": replace(signed, text=signed.text.replace("20000", "90000")),
        "another expiry": replace(signed, text=signed.text.replace("20:30", "23:30")),
        "a space": replace(signed, text=signed.text + " "),
        "signature": replace(signed, signature="A" * 86 + "=="),
        "no base64": replace(signed, signature="!" * 88),
    }


@pytest.mark.parametrize("how", ["a higher cap", "another expiry", "a space", "signature", "no base64"])
def test_a_tampered_list_is_refused(admin: Admin, how: str) -> None:
    signed = admin.key.sign(encode_text(a_list()))
    assert spoilt(signed)[how] != signed
    with pytest.raises(ListRefused, match="tampered"):
        admin.give(spoilt(signed)[how])
    assert not admin.usable()


def test_a_list_of_another_key_is_refused_once_one_is_known(admin: Admin, tmp_path: Path) -> None:
    admin.give(admin.key.sign(encode_text(a_list())))
    stranger = ListKey(tmp_path / "other.key")
    with pytest.raises(ListRefused, match="another key"):
        admin.give(stranger.sign(encode_text(a_list(11))))
    assert admin.lists.version == 10
    admin.reopen(pinned=stranger.public_text)
    assert not admin.usable(), "what the old key signed is of no use any more"
    assert admin.give(stranger.sign(encode_text(a_list(11))))
    assert admin.usable()


def test_a_pinned_key_is_asked_for_from_the_first_list_on(admin: Admin, tmp_path: Path) -> None:
    admin.reopen(pinned=ListKey(tmp_path / "other.key").public_text)
    with pytest.raises(ListRefused, match="another key"):
        admin.give(admin.key.sign(encode_text(a_list())))


def test_an_older_version_is_refused_also_after_a_restart(admin: Admin) -> None:
    old = admin.key.sign(encode_text(a_list(9)))
    admin.give(admin.key.sign(encode_text(a_list(10))))
    for _ in range(2):
        with pytest.raises(ListRefused, match="older than the one before"):
            admin.give(old)
        admin.reopen()
    admin.store.facts.keep("list", encode_text(old))
    admin.reopen()
    assert not admin.usable(), "an old file put back onto the disk"


def test_another_stations_list_is_refused(admin: Admin) -> None:
    with pytest.raises(ListRefused, match="for station S2"):
        admin.give(admin.key.sign(encode_text(a_list(station="S2"))))


def test_what_is_no_list_is_refused(admin: Admin) -> None:
    with pytest.raises(ListRefused, match="cannot be understood"):
        admin.give(admin.key.sign('{"station": "S1"}'))


def test_what_was_altered_on_disk_counts_as_none(admin: Admin) -> None:
    signed = admin.key.sign(encode_text(a_list()))
    admin.give(signed)
    admin.store.facts.keep("list", encode_text(spoilt(signed)["a higher cap"]))
    admin.reopen()
    assert not admin.usable()


@pytest.mark.parametrize(
    ("moved_s", "usable"),
    [(0, True), (43_199, True), (43_200, False), (-300, True), (-301, False), (10**9, False), (-(10**9), False)],
)
def test_a_list_lives_between_its_times_by_whatever_the_clock_says(admin: Admin, moved_s: int, usable: bool) -> None:
    admin.give(admin.key.sign(encode_text(a_list())))
    admin.clock.move(moved_s)
    assert admin.usable() is usable


def test_an_expired_list_is_not_even_taken(admin: Admin) -> None:
    admin.clock.move(13 * 3600)
    with pytest.raises(ListRefused, match="had expired"):
        admin.give(admin.key.sign(encode_text(a_list())))


def test_the_service_makes_a_version_only_for_a_reason(rig: StationRig) -> None:
    def version() -> int:
        rig.step()
        return rig.wiring.lists.version

    first = version()
    assert first > 0
    assert version() == first, "nothing has changed"
    rig.admin.cards.block("C1", True)
    second = version()
    assert second > first
    assert rig.wiring.lists.held.entry(PLATE) is None
    rig.clock.move(RENEW_AFTER.total_seconds())
    assert version() > second, "it is getting old"
    held = rig.wiring.lists.held.listed
    assert held is not None
    assert held.expires_at - held.issued_at == LIFE


CHANGES: dict[str, Callable[[StationRig], object]] = {
    "card blocked": lambda s: s.admin.cards.block("C1", True),
    "plate blocked": lambda s: s.admin.plates.block(PLATE, True),
    "plate unbound": lambda s: s.admin.plates.unbind(PLATE),
    "too little money": lambda s: s.admin.money.refund("C1", 10**9 - 19_999),
    "below the preset amount": lambda s: s.admin.cards.set_preset("C1", 10**9 + 1, False),
    "the card's cap is none": lambda s: s.admin.cards.set_offline("C1", 0),
    "the station's cap is none": lambda s: s.admin.stations.set("S1", offline_fen=0),
}


@pytest.mark.sample(3)
@pytest.mark.parametrize("how", CHANGES)
def test_who_is_not_on_it(rig: StationRig, how: str) -> None:
    rig.step()
    assert rig.wiring.lists.held.entry(PLATE) is not None
    CHANGES[how](rig)
    rig.step()
    assert rig.wiring.lists.held.entry(PLATE) is None
    rig.cut()
    with pytest.raises(Unavailable, match="does not name this plate"):
        rig.ask()


def test_a_cards_own_cap_goes_before_the_stations(rig: StationRig) -> None:
    rig.admin.stations.set("S1", offline_fen=0)
    rig.admin.cards.set_offline("C1", 7_000)
    rig.step()
    rig.cut()
    assert rig.ask().limit_fen == 7_000


def test_without_a_list_nobody_is_allowed(rig: StationRig) -> None:
    rig.cut()
    with pytest.raises(Unavailable, match="there is no offline list yet"):
        rig.ask()


def test_a_clock_set_back_behind_the_last_grant_allows_nobody(rig: StationRig) -> None:
    rig.step()
    rig.cut()
    rig.clock.move(3600)
    assert rig.ask().reason is Reason.OFFLINE_ALLOWED
    rig.clock.move(-1000)
    with pytest.raises(Unavailable, match="clock went back"):
        rig.ask()
    rig.mend()
    rig.step()
    rig.cut()
    assert rig.wiring.lists.held.why_not is None, "the server has confirmed the list by today's clock"


def test_the_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    key = ListKey(tmp_path / "list.key")
    public = key.public_text
    assert key.path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["list.key"]
    assert ListKey(key.path).public_text == public
    key.path.chmod(0o644)
    with pytest.raises(Unavailable, match="others may read"):
        ListKey(key.path).sign("{}")
    key.path.chmod(0o600)
    key.path.write_text("nonsense")
    with pytest.raises(Unavailable, match="not a private key"):
        ListKey(key.path).sign("{}")
    key.path.unlink()
    os.mkfifo(key.path, 0o600)
    with pytest.raises(Unavailable, match="not a regular file"):
        ListKey(key.path).sign("{}")
