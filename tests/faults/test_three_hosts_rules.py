"""The rules that judge the three hosts' record find what is spoilt in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.faults.three_hosts.collect import most_outstanding
from tests.faults.three_hosts.invariants import breaches
from tests.faults.three_hosts.record import Answer, Colour, Fuelled, Grant, ScenarioRecord, VisitRecord

PLATE = "粤B12345"
GRANT = Grant("list", "off-1", "v1", PLATE, "C1", 6_000, 100.5, 400.5)
FUELLED = Fuelled("D1", 1, "off-1", "C1", 5_000, 4_000, 105.0, 4_000, 200.0, ("offline",))
VISIT = VisitRecord(
    lane="L1",
    visit="v1",
    plate=PLATE,
    words="on the list",
    after_s=0.0,
    seen_s=100.0,
    gone_s=107.0,
    typed=False,
    wanted_fen=4_000,
    expected=("offline_allowed",),
    lamp=(Colour(0.0, "off"), Colour(0.1, "red"), Colour(0.6, "green"), Colour(5.1, "red")),
    answers=(Answer(0.6, "allow", "offline_allowed", "off-1", 6_000),),
    grants=(GRANT,),
    fuelled=(FUELLED,),
)
RECORD = ScenarioRecord(
    name="x",
    title="x",
    visits=(VISIT,),
    card_cap_fen=6_000,
    station_cap_fen=15_000,
    most_card_fen=6_000,
    most_station_fen=6_000,
    waiting_unit=0,
    waiting_station=1,
    conflicts=(),
    reconciled_s=1.0,
    lasted_s=1.0,
    wall_s=1.0,
    audit="1 fuellings: the books are right",
    breaches=(),
)
LOST = (replace(GRANT, by="server", name="a1"), GRANT)


def visit(**changes: object) -> ScenarioRecord:
    return replace(RECORD, visits=(replace(VISIT, **changes),))  # type: ignore[arg-type]


def test_a_good_record_breaks_no_rule() -> None:
    assert breaches(RECORD) == []


def test_a_lost_answer_is_told_where_it_was_lost() -> None:
    """The lane heard neither of the first question's answers, and fuels under the second's grant."""
    again = replace(GRANT, by="server", name="a2", question="v1/2", limit_fen=8_000)
    fuelled = replace(FUELLED, authorisation="a2", flags=())
    answers = (Answer(0.6, "allow", "offline_allowed", "a2", 8_000),)
    lost, kept = LOST
    told = replace(kept, flags=("answered_too_late",))
    assert breaches(visit(grants=(lost, told, again), fuelled=(fuelled,), answers=answers)) == []
    found = breaches(visit(grants=(lost, kept, again), fuelled=(fuelled,), answers=answers))
    assert any("nobody says so" in words for words in found)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (visit(grants=()), "without a grant"),
        (visit(grants=(replace(GRANT, plate="粤B99999"),)), "without a grant"),
        (visit(grants=(replace(GRANT, granted_s=102.0),)), "without a grant"),
        (visit(grants=(replace(GRANT, expires_s=103.0),)), "without a grant"),
        (visit(lamp=(Colour(0.0, "green"),)), "without a grant"),
        (visit(lamp=(Colour(0.0, "off"), Colour(0.6, "green"), Colour(5.0, "off"))), "while a vehicle stood there"),
        (visit(lamp=(Colour(0.0, "off"), Colour(0.6, "red+green"))), "while a vehicle stood there"),
        (visit(expected=("offline_cap",)), "expected offline_cap"),
        (visit(expected=("service_silent", "offline_allowed")), "expected service_silent, offline_allowed"),
        (visit(answers=()), "told nothing"),
        (visit(grants=(replace(GRANT, limit_fen=5_000),)), "which the server does not know"),
        (visit(fuelled=(replace(FUELLED, posted_fen=None),)), "4000 fen were metered, None posted"),
        (visit(fuelled=(replace(FUELLED, posted_fen=8_000),)), "4000 fen were metered, 8000 posted"),
        (visit(fuelled=(replace(FUELLED, authorisation=None),)), "which nobody granted"),
        (visit(fuelled=()), "got nothing"),
        (visit(grants=LOST), "nobody says so"),
        (visit(grants=LOST), "the fuelling under off-1 does not say so"),
        (replace(RECORD, most_card_fen=6_001), "its cap is 6000"),
        (replace(RECORD, most_station_fen=15_001), "the station's cap is 15000"),
        (replace(RECORD, audit="1 findings"), "audit: 1 findings"),
    ],
)
def test_what_is_spoilt_is_found(record: ScenarioRecord, words: str) -> None:
    assert any(words in found for found in breaches(record)), breaches(record)


def test_what_was_outstanding_is_worked_out_from_the_books() -> None:
    """The limit until the fuelling ends, what was metered until the server has it, nothing after that."""
    later = [replace(GRANT, name=f"off-{n}", granted_s=at_s) for n, at_s in ((2, 104.0), (3, 106.0), (4, 201.0))]
    gone_s = {grant.name: 500.0 for grant in later}
    assert most_outstanding([GRANT], [FUELLED], gone_s) == 6_000
    assert most_outstanding([GRANT, later[0]], [FUELLED], gone_s) == 12_000
    assert most_outstanding([GRANT, later[1]], [FUELLED], gone_s) == 10_000
    assert most_outstanding([GRANT, later[2]], [FUELLED], gone_s) == 6_000
    assert most_outstanding([GRANT, later[1]], [], {"off-1": 105.0, "off-3": 110.0}) == 6_000
    assert most_outstanding([], [], {}) == 0
