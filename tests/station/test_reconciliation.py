"""When the line is back everything arrives once, in order, and what met a change is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from controller.outbound.outbox import MessageState
from service.books.messages import Ask, Refused, Release, Renew, Report
from service.store import schema
from tests.service.identity.kit import PLATE
from tests.service.world import ageless
from tests.station.cable import Fault
from tests.station.rig import PATIENCE_S, StationRig
from wire.codec import encode
from wire.fuellings import Fuelling, FuellingReceipt
from wire.offline import OfflineEntry
from wire.questions import Decision
from wire.reasons import ErrorCode, Reason, Verdict


@pytest.fixture
def cut(rig: StationRig) -> StationRig:
    rig.step()
    rig.cut()
    return rig


def posted(rig: StationRig) -> list[tuple[str, int]]:
    """The fuellings that the server has, in the order in which they came."""
    query = select(schema.fuellings.c.dispenser, schema.fuellings.c.sequence).order_by(schema.fuellings.c.id)
    with rig.server.app.state.books.database.reading() as connection:
        return [(row.dispenser, row.sequence) for row in connection.execute(query)]


def mend(rig: StationRig) -> None:
    rig.mend()
    rig.step()


def test_a_fuelling_is_acknowledged_at_once_and_arrives_later(cut: StationRig) -> None:
    decision = cut.ask()
    fuelling = cut.fuelling(decision, 15_000)
    receipt = cut.report(fuelling)
    assert (receipt.flags, receipt.charged_fen, receipt.balance_fen) == (("provisional",), 15_000, None)
    assert cut.report(fuelling) == receipt
    assert cut.exposure_fen == 15_000
    mend(cut)
    assert cut.exposure_fen == 0
    final = cut.report(fuelling)
    assert (final.flags, final.charged_fen, final.balance_fen) == (("offline",), 15_000, 10**9 - 15_000)
    assert cut.card().balance_fen == 10**9 - 15_000
    assert [(v.amount_fen, v.conflicts) for v in cut.offline()] == [(15_000, ())]
    assert cut.findings() == ()


def test_all_arrive_once_and_in_order(cut: StationRig) -> None:
    first = cut.ask()
    reports = [cut.fuelling(first if n == 0 else None, 1_000 + n, f"D{n % 2 + 1}") for n in range(10)]
    for report in reports:
        cut.report(report)
    cut.cut(Fault.LOST_ANSWER)
    cut.mend()
    cut.step()
    got = posted(cut)
    assert sorted(got) == sorted((r.dispenser, r.sequence) for r in reports)
    for dispenser in ("D1", "D2"):
        assert [s for d, s in got if d == dispenser] == [1, 2, 3, 4, 5]
    assert cut.findings() == ()


def test_a_line_that_loses_every_answer_posts_nothing_twice(rig: StationRig) -> None:
    rig.step()
    decision = rig.ask()
    rig.cut(Fault.LOST_ANSWER)
    fuelling = rig.fuelling(decision, 8_000)
    rig.start_courier()
    assert rig.report(fuelling).flags == ("provisional",)
    rig.mend()
    for _ in range(5):
        rig.step()
    assert posted(rig) == [("D1", 1)]
    assert rig.card().balance_fen == 10**9 - 8_000
    assert rig.findings() == ()


def test_the_cap_counts_what_is_on_its_way(cut: StationRig) -> None:
    decision = cut.ask()
    cut.report(cut.fuelling(decision, 5_000))
    assert cut.exposure_fen == 5_000
    assert cut.ask().limit_fen == 15_000
    assert cut.ask().reason is Reason.OFFLINE_CAP


def test_what_was_settled_counts_until_the_list_was_made_anew(cut: StationRig) -> None:
    """A line that comes and goes must not give the same cap again by the same list."""
    cut.report(cut.fuelling(cut.ask(), 15_000))
    cut.mend()
    cut.wiring.sync._probe.do_due(1.0)
    cut.wiring.forwarder.courier.step()
    assert cut.exposure_fen == 0
    cut.cut()
    assert cut.ask().limit_fen == 5_000
    mend(cut)
    mend(cut)
    cut.cut()
    assert cut.ask().limit_fen == 15_000, "5,000 are still outstanding"


CONFLICTS = {
    "card_blocked": lambda s: s.admin.cards.block("C1", True),
    "plate_blocked": lambda s: s.admin.plates.block(PLATE, True),
    "over_cap": lambda s: s.admin.stations.set("S1", offline_fen=100),
    "offline_debt": lambda s: s.admin.money.refund("C1", 10**9 - 5_000),
}


@pytest.mark.sample(3)
@pytest.mark.parametrize("flag", CONFLICTS)
def test_what_changed_meanwhile_is_told_and_paid(cut: StationRig, flag: str) -> None:
    decision = cut.ask()
    cut.report(cut.fuelling(decision, 15_000))
    before_fen = cut.card().balance_fen
    CONFLICTS[flag](cut)
    changed_fen = cut.card().balance_fen - before_fen
    mend(cut)
    assert cut.card().balance_fen == before_fen + changed_fen - 15_000
    assert [v.conflicts for v in cut.offline(only_conflicts=True)] == [(flag,)]
    assert cut.findings() == ()


def test_a_plate_that_was_rebound_is_paid_by_the_card_of_the_list(cut: StationRig) -> None:
    cut.report(cut.fuelling(cut.ask(), 15_000))
    cut.admin.cards.create("C2")
    cut.admin.plates.bind(PLATE, "C2")
    mend(cut)
    assert cut.card("C1").balance_fen == 10**9 - 15_000
    assert cut.card("C2").balance_fen == 0
    assert [v.conflicts for v in cut.offline()] == [("plate_rebound",)]


def test_more_than_the_limit_is_posted_whole(cut: StationRig) -> None:
    cut.report(cut.fuelling(cut.ask(), 25_000))
    mend(cut)
    assert cut.card().balance_fen == 10**9 - 25_000
    assert [v.conflicts for v in cut.offline()] == [("overrun",)]


def test_two_fuellings_under_one_grant(cut: StationRig) -> None:
    decision = cut.ask()
    cut.report(cut.fuelling(decision, 5_000))
    second = cut.fuelling(decision, 6_000)
    cut.report(second)
    assert cut.exposure_fen == 11_000
    mend(cut)
    assert "second_fuelling" in cut.report(second).flags
    assert cut.card().balance_fen == 10**9 - 11_000
    assert cut.findings() == ()


def test_a_grant_by_an_expired_list_is_told(rig: StationRig) -> None:
    """A station whose clock stood still goes on by a list that has expired; the server sees it."""
    rig.step()
    rig.cut()
    grant = rig.ask()
    listed = rig.wiring.store.grants.unsent()[0]
    late = replace(listed, authorisation="off-late", visit="late", granted_at=listed.granted_at.replace(year=2027))
    assert grant.authorisation is not None
    rig.mend()
    receipt = rig.wiring.upstream.tell_grant(late, PATIENCE_S)
    assert receipt.flags == ("list_expired",)
    unknown = replace(listed, authorisation="off-x", visit="x", list_version=1, card="C9")
    assert rig.wiring.upstream.tell_grant(unknown, PATIENCE_S).flags == ("card_unknown", "list_unknown")


def impossible(rig: StationRig, decision: Decision | None) -> Fuelling:
    fuelling = rig.fuelling(decision, 5_000)
    return replace(fuelling, volume_ml=fuelling.volume_ml * 2)


def test_what_is_refused_while_the_lane_waits_stays_the_lanes(rig: StationRig) -> None:
    rig.step()
    rig.start_courier()
    bad = impossible(rig, rig.ask())
    for _ in range(2):
        answer = rig.answer(Report(bad))
        assert isinstance(answer, Refused)
        assert answer.code is ErrorCode.IMPOSSIBLE_FUELLING
        assert rig.wiring.store.outbox.parked() == ()
        assert rig.wiring.store.outbox.waiting() == ()


def test_what_is_refused_after_it_was_acknowledged_is_parked_here(cut: StationRig) -> None:
    bad = impossible(cut, cut.ask())
    assert cut.report(bad).flags == ("provisional",)
    good = cut.fuelling(None, 4_000)
    cut.report(good)
    mend(cut)
    (parked,) = cut.wiring.store.outbox.parked()
    assert (parked.reason, parked.state) == ("impossible_fuelling", MessageState.PARKED)
    assert posted(cut) == [("D1", 2)], "the rest goes on"
    assert cut.exposure_fen == 5_000, "until somebody decides"
    assert cut.report(bad).flags == ("provisional",)
    cut.wiring.store.outbox.discard(parked.id, "wang", "counted twice")
    assert cut.exposure_fen == 0


def test_other_content_under_the_same_sequence_is_refused(cut: StationRig) -> None:
    fuelling = cut.fuelling(None, 4_000)
    cut.report(fuelling)
    answer = cut.answer(Report(replace(fuelling, product="95")))
    assert isinstance(answer, Refused)
    assert answer.code is ErrorCode.KEY_REUSED


def test_another_lane_takes_no_sequence_while_the_line_is_cut(rig: StationRig) -> None:
    """What it says under this dispenser waits beside the honest report, and the server refuses it."""
    rig.report(rig.fuelling(None, 4_000))
    rig.step()
    rig.cut()
    honest = rig.fuelling(rig.ask(), 15_000)
    theft = replace(honest, lane="L2", authorisation=None, visit=None)
    assert rig.report(theft).flags == ("provisional",)
    assert rig.report(honest).flags == ("provisional",)
    mend(rig)
    assert posted(rig) == [("D1", 1), ("D1", 2)]
    assert rig.report(honest).flags == ("offline",)
    (parked,) = rig.wiring.store.outbox.parked()
    assert (parked.reason, parked.body["lane"]) == ("other_lanes_dispenser", "L2")
    assert rig.card().balance_fen == 10**9 - 4_000 - 15_000
    assert rig.exposure_fen == 0
    assert rig.findings() == ()


def test_a_report_that_an_older_version_kept_is_sent_once(cut: StationRig) -> None:
    decision = cut.ask()
    fuelling = cut.fuelling(decision, 15_000)
    message = cut.wiring.store.outbox.put("fuelling:D1", "D1/1", encode(fuelling))
    cut.wiring.store.grants.fuelled(message, decision.authorisation or "", 15_000)
    assert cut.report(fuelling).flags == ("provisional",)
    assert cut.report(replace(fuelling, lane="L2")).flags == ("provisional",)
    assert [m.key for m in cut.wiring.store.outbox.waiting()] == ["D1/1", "D1/1/L2"]
    mend(cut)
    assert posted(cut) == [("D1", 1)]
    assert cut.report(fuelling).flags == ("offline",)


@pytest.mark.slow
def test_another_lane_does_not_use_up_a_grant(cut: StationRig) -> None:
    """Lane L2 names what L1 was given: L1's grant stays open, is renewed, and pays for L1's own fuelling alone."""
    decision = cut.ask()
    cut.report(cut.fuelling(decision, 4_000, "D2", lane="L2", plate=None))
    renewed = cut.answer(Renew(decision.authorisation or ""))
    assert isinstance(renewed, Decision)
    assert renewed.decision is Verdict.ALLOW
    cut.report(cut.fuelling(decision, 5_000))
    mend(cut)
    assert [(v.authorisation, v.amount_fen) for v in cut.offline()] == [(decision.authorisation, 5_000)]
    assert cut.exposure_fen == 0
    assert cut.findings() == ()


def test_a_grant_without_fuelling_reaches_the_server_too(cut: StationRig) -> None:
    decision = cut.ask()
    cut.answer(Release(decision.authorisation or ""))
    mend(cut)
    assert [(v.authorisation, v.amount_fen) for v in cut.offline()] == [(decision.authorisation, None)]
    mend(cut)
    assert len(cut.offline()) == 1


def test_the_line_breaks_between_grant_and_fuelling(cut: StationRig) -> None:
    cut.report(cut.fuelling(cut.ask(), 15_000))
    grant = cut.wiring.store.grants.unsent()[0]
    cut.mend()
    cut.wiring.upstream.tell_grant(grant, PATIENCE_S)
    cut.restart()
    cut.step()
    assert [(v.amount_fen, v.conflicts) for v in cut.offline()] == [(15_000, ())]
    assert cut.findings() == ()


def test_the_audit_sees_offline_fuellings_that_do_not_fit(cut: StationRig) -> None:
    cut.report(cut.fuelling(cut.ask(), 15_000))
    mend(cut)
    books = cut.server.app.state.books
    with books.database.writing() as connection:
        connection.exec_driver_sql("drop trigger offline_grants_never_mark")
        connection.exec_driver_sql("update offline_grants set fuelling = null")
    assert [f.check for f in cut.findings()] == ["schema", "offline"]


def test_a_restart_between_the_servers_word_and_the_stations(cut: StationRig, tmp_path: Path) -> None:
    """The server took it, the station stopped before it wrote down that it no longer counts."""
    cut.report(cut.fuelling(cut.ask(), 15_000))
    outbox = cut.wiring.store.outbox
    (message,) = outbox.waiting()
    outbox.sent(message.id, {})
    cut.restart()
    out = cut.wiring.store.grants.outstanding("C1", cut.wiring.lists.held.under)
    assert (out.station_fen, out.card_fen) == (0, 15_000)
    assert OfflineEntry(plate=PLATE, card="C1", cap_fen=20_000) == cut.wiring.lists.held.entry(PLATE)


def test_a_repeated_question_at_the_server_is_not_confused(cut: StationRig) -> None:
    question = cut.question()
    answer = cut.answer(Ask(question))
    assert isinstance(answer, Decision)
    assert answer.decision is Verdict.ALLOW
    receipt = cut.report(cut.fuelling(answer, 2_000))
    assert isinstance(receipt, FuellingReceipt)
    mend(cut)
    assert ageless(cut.answer(Ask(question))) == ageless(answer)
    assert cut.card().held_fen == 0
