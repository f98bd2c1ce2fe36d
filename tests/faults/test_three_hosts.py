"""A station on three hosts whose lines fail: never a green without a grant, never beyond the caps, everything once."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.faults.three_hosts.network import missing
from tests.faults.three_hosts.play import play, town
from tests.faults.three_hosts.record import ScenarioRecord
from tests.faults.three_hosts.scenarios import SCENARIOS

pytestmark = [pytest.mark.faults, pytest.mark.slow]

SLOW = "service_silent"
"""A station on a busy machine may answer later than a lane waits, which then asks again."""

Records = Mapping[str, ScenarioRecord]


@pytest.fixture(scope="module")
def records() -> Records:
    """All scenarios, played one after another at one station."""
    if (why := missing()) is not None:
        pytest.skip(why)
    with town() as made:
        return {record.name: record for record in play(made, SCENARIOS)}


@pytest.mark.parametrize("name", [scenario.name for scenario in SCENARIOS])
def test_whatever_fails(records: Records, name: str) -> None:
    """The rules of tests/faults/three_hosts/invariants.py."""
    assert records[name].breaches == ()


def test_an_hour_without_the_server(records: Records) -> None:
    hour = records["hour"]
    assert hour.lasted_s > 3600
    assert [v.grants[0].by if v.grants else None for v in hour.visits] == [
        "list",
        "list",
        "list",
        None,
        None,
        "list",
        "list",
        None,
    ]
    first, typed, again = hour.visits[:3]
    assert typed.typed
    assert not first.typed
    assert again.grants[0].limit_fen == hour.card_cap_fen - first.metered_fen
    assert hour.most_station_fen == hour.station_cap_fen, "the cap was reached, and held"
    assert hour.waiting_station == 5
    assert "card_blocked" in {words.partition(" ")[0] for words in hour.conflicts}


def test_an_expired_list_lets_nobody_refuel(records: Records) -> None:
    before, *after = records["expiry"].visits
    assert [g.by for g in before.grants] == ["list"]
    for visit in after:
        assert tuple(r for r in visit.reasons if r != SLOW) == ("service_fault", "ok")
        assert [g.by for g in visit.grants] == ["server"]


def test_the_second_of_two_answers_is_nobodys(records: Records) -> None:
    """Left over on a connection that is used again, it must not answer the next question."""
    assert ("ok",) in {v.reasons for v in records["twice"].visits}


def test_what_was_cut_half_way_goes_by_the_list(records: Records) -> None:
    """An answer that the server had given, and that got lost, is told by a flag: see the rules."""
    for name in ("reset", "half"):
        told = [tuple(r for r in v.reasons if r != SLOW) for v in records[name].visits]
        assert told == [("offline_allowed",)] * 2


def test_a_killed_station_remembers_what_it_allowed(records: Records) -> None:
    killed, other, again, capped, refused = records["station"].visits
    assert again.grants[0].limit_fen == records["station"].card_cap_fen - killed.metered_fen
    spent_fen = killed.metered_fen + other.metered_fen + again.metered_fen
    assert capped.grants[0].limit_fen == records["station"].station_cap_fen - spent_fen
    assert refused.grants == ()
