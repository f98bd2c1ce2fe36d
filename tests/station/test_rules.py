"""The pure rules of offline answers, over random figures."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from service.books.settings import BookSettings
from service.store.clock import to_us
from station.offline_rules import LEAST_GRANT_FEN, Allowed, Outstanding, decide, renewed_until_us, unusable
from tests.service.identity.kit import START
from tests.station.test_list import a_list
from wire.offline import OfflineEntry
from wire.reasons import Reason

FEN = st.integers(0, 10**7)
US = st.integers(-(10**12), 10**12)


@given(cap=st.integers(1, 10**7), card=FEN, station=FEN, station_cap=FEN)
def test_a_grant_never_goes_beyond_either_cap(cap: int, card: int, station: int, station_cap: int) -> None:
    outcome = decide(OfflineEntry(plate="P", card="C", cap_fen=cap), Outstanding(card, station), station_cap)
    left = min(cap - card, station_cap - station)
    if isinstance(outcome, Allowed):
        assert LEAST_GRANT_FEN <= outcome.limit_fen == left
        assert card + outcome.limit_fen <= cap
        assert station + outcome.limit_fen <= station_cap
    else:
        assert outcome is Reason.OFFLINE_CAP
        assert left < LEAST_GRANT_FEN


@given(granted=US, waited=st.integers(0, 10**11), first_life=st.integers(1, 300))
def test_a_renewal_never_revives_and_never_outlives_two_hours(granted: int, waited: int, first_life: int) -> None:
    expires = granted + first_life * 10**6
    now = granted + waited
    until = renewed_until_us(now, granted, expires, BookSettings())
    if now >= expires or now >= granted + 7200 * 10**6:
        assert until is None
    else:
        assert until is not None
        assert expires <= until <= max(expires, granted + 7200 * 10**6)


@given(now=US, seen=st.none() | US)
def test_no_clock_makes_an_expired_list_usable(now: int, seen: int | None) -> None:
    listed, at = a_list(), START + timedelta(microseconds=now)
    seen_at = None if seen is None else START + timedelta(microseconds=seen)
    if unusable(listed, at, seen_at) is None:
        assert to_us(at) < to_us(listed.expires_at)
        assert at >= listed.issued_at - timedelta(seconds=300)
        assert seen_at is None or at >= seen_at - timedelta(seconds=300)
