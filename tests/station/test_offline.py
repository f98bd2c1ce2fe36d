"""While the line is cut: who may refuel, up to how much, and that the answer stays the answer."""

from __future__ import annotations

import pytest

from service.books.messages import Ask, Done, Refused, Release, Renew
from service.errors import Unavailable
from tests.service.identity.kit import PLATE, START
from tests.service.world import ageless
from tests.station.cable import Fault
from tests.station.rig import IMPATIENT, StationRig
from wire.questions import Decision
from wire.reasons import ErrorCode, Reason, Verdict

SECOND = "粤B22222"


@pytest.fixture
def cut(rig: StationRig) -> StationRig:
    """A station that has its list and whose line is cut; a second card has little money."""
    rig.admin.cards.create("C2")
    rig.admin.plates.bind(SECOND, "C2")
    rig.admin.money.top_up("C2", 30_000)
    rig.step()
    rig.cut()
    return rig


def unanswered(rig: StationRig, plate: str = PLATE, **changes: object) -> str:
    with pytest.raises(Unavailable) as caught:
        rig.ask(plate, **changes)
    return str(caught.value)


@pytest.mark.sample(5)
@pytest.mark.parametrize(
    "fault", [f for f in Fault if f not in (Fault.NONE, Fault.TWICE, Fault.OWN_500, Fault.OWN_NEW)]
)
def test_every_way_a_line_can_fail_is_bridged(cut: StationRig, fault: Fault) -> None:
    cut.restart(IMPATIENT)
    cut.cut(fault)
    decision = cut.ask()
    assert (decision.decision, decision.reason) == (Verdict.ALLOW, Reason.OFFLINE_ALLOWED)
    assert (decision.limit_fen, cut.exposure_fen) == (20_000, 20_000)


def test_a_card_gets_its_cap_once(cut: StationRig) -> None:
    cut.ask()
    again = cut.ask()
    assert (again.decision, again.reason) == (Verdict.REFUSE, Reason.OFFLINE_CAP)
    assert cut.exposure_fen == 20_000


def test_the_plates_of_a_card_share_its_cap(cut: StationRig) -> None:
    cut.mend()
    cut.admin.plates.bind("粤B33333", "C1")
    cut.step()
    cut.cut()
    assert cut.ask().limit_fen == 20_000
    assert cut.ask("粤B33333").reason is Reason.OFFLINE_CAP


def test_the_station_has_a_cap_of_its_own(cut: StationRig) -> None:
    cut.mend()
    for number in range(3):
        cut.admin.cards.create(f"D{number}")
        cut.admin.plates.bind(f"粤B7777{number}", f"D{number}")
        cut.admin.money.top_up(f"D{number}", 50_000)
    cut.step()
    cut.cut()
    limits = [cut.ask(f"粤B7777{number}").limit_fen for number in range(3)]
    assert limits == [20_000, 20_000, 10_000]
    assert cut.exposure_fen == 50_000
    assert cut.ask().reason is Reason.OFFLINE_CAP


def test_what_was_not_used_is_free_again(cut: StationRig) -> None:
    decision = cut.ask()
    assert cut.answer(Release(decision.authorisation or "")) == Done()
    assert cut.exposure_fen == 0
    assert cut.ask().limit_fen == 20_000


def test_a_grant_that_nobody_used_or_gave_back_counts_for_an_hour_more(cut: StationRig) -> None:
    cut.ask()
    cut.clock.move(300 + 3599)
    assert cut.exposure_fen == 20_000
    cut.clock.move(2)
    assert cut.exposure_fen == 0


def test_a_clock_that_jumps_ahead_frees_no_cap(cut: StationRig) -> None:
    """The lamp stays green by the lane's own count of seconds, so the grant may still be used."""
    first = cut.ask()
    cut.clock.jump(3 * 3600)
    assert cut.exposure_fen == 20_000
    assert cut.ask().reason is Reason.OFFLINE_CAP
    cut.clock.jump(-3 * 3600)
    cut.answer(Release(first.authorisation or ""))
    assert cut.exposure_fen == 0


@pytest.mark.parametrize("ahead_s", [0, 3 * 3600, 11 * 3600])
def test_a_restart_frees_no_cap_whatever_the_clock_says(cut: StationRig, ahead_s: int) -> None:
    """Nobody knows how long the station was stopped; what was given counts for as long as it could be used."""
    cut.ask()
    cut.clock.jump(ahead_s)
    cut.restart()
    assert cut.exposure_fen == 20_000
    assert cut.ask().reason is Reason.OFFLINE_CAP
    cut.clock.move(300 + 3599)
    assert cut.exposure_fen == 20_000
    cut.clock.move(2)
    assert cut.exposure_fen == 0
    cut.wiring.store.tidy()
    cut.restart()
    assert cut.exposure_fen == 0, "what ran out does not count anew"


@pytest.mark.parametrize("restarted", [False, True])
def test_a_plate_stays_open_at_its_lane_where_the_clock_jumps_ahead(cut: StationRig, restarted: bool) -> None:
    """Of the server: what it allowed is not in the station's own cap."""
    cut.mend()
    cut.step(1)
    assert cut.ask().reason is Reason.OK
    cut.cut()
    cut.clock.jump(3 * 3600)
    if restarted:
        cut.restart()
    second = cut.answer(Ask(cut.question(lane="L2")))
    assert isinstance(second, Decision)
    assert second.reason is Reason.OPEN_ELSEWHERE
    cut.clock.move(301)
    third = cut.answer(Ask(cut.question(lane="L2")))
    assert isinstance(third, Decision)
    assert third.reason is Reason.OFFLINE_ALLOWED


def test_a_spoilt_row_of_the_state_file_stops_neither_the_station_nor_the_others(cut: StationRig) -> None:
    """As a worn card leaves them: they are texts still, and no numbers or records."""
    for lane in ("L1", "L2"):
        cut.answer(Release(cut.ask(lane=lane).authorisation or ""))
    question = cut.question()
    cut.answer(Ask(question))
    state = cut.wiring.state
    for name in ("fetches", "seen_us", "list_under", "list_highest", "prices"):
        state.rows("INSERT OR REPLACE INTO fact VALUES (?, '17w')", (name,))
    state.rows("UPDATE offline_grant SET body = replace(body, 'limit_fen', 'limit_fun') WHERE rowid = 1")
    state.rows("UPDATE answer SET decision = replace(decision, 'reason', 'raeson')")
    cut.restart()
    with pytest.raises(Unavailable, match="cannot be read"):
        cut.answer(Ask(question))
    with pytest.raises(Unavailable, match="prices that were kept are damaged"):
        cut.wiring.control.prices("S1")
    cut.mend()
    cut.step()
    assert len(cut.wiring.store.grants.visits(START)) == 2
    assert len(cut.offline()) == 2, "the other grants are told"
    assert cut.wiring.control.prices("S1")
    cut.cut()
    assert cut.ask().reason is Reason.OFFLINE_CAP


def test_a_grant_from_the_future_ends_when_it_would_have_ended(cut: StationRig) -> None:
    """A clock that was ahead when it was given and is right now: it counted for ten hours more, and the plate was open
    at that lane."""
    cut.clock.jump(10 * 3600)
    assert cut.ask().limit_fen == 20_000
    cut.clock.jump(-10 * 3600)
    cut.mend()
    cut.step()
    cut.cut()
    assert cut.exposure_fen == 20_000
    cut.clock.move(300 + 3600)
    assert cut.exposure_fen == 0
    other = cut.answer(Ask(cut.question(lane="L2")))
    assert isinstance(other, Decision)
    assert (other.reason, other.limit_fen) == (Reason.OFFLINE_ALLOWED, 20_000)


def test_an_answer_given_again_has_no_life_left_where_the_clock_went_back(cut: StationRig) -> None:
    question = cut.question()
    first = cut.answer(Ask(question))
    assert isinstance(first, Decision)
    assert first.expires_in_s == 300
    cut.clock.jump(-301)
    again = cut.wiring.store.answers.find(question.visit)
    assert again is not None
    assert again[1].expires_in_s == 0
    cut.clock.jump(301)


def test_who_is_not_on_the_list_stays_unanswered(cut: StationRig) -> None:
    assert "does not name this plate" in unanswered(cut, "粤B99999")
    question = cut.question("粤B99999")
    with pytest.raises(Unavailable):
        cut.answer(Ask(question))
    cut.mend()
    cut.step(1)
    later = cut.answer(Ask(question))
    assert isinstance(later, Decision)
    assert later.reason is Reason.UNKNOWN_PLATE


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"plate": "XX"}, Reason.INVALID_PLATE),
        ({"weakest": 0.1}, Reason.NOT_CERTAIN),
        ({"confidence": 0.1}, Reason.NOT_CERTAIN),
    ],
)
def test_what_the_server_would_refuse_at_sight(cut: StationRig, changes: dict[str, object], reason: Reason) -> None:
    assert cut.ask(**changes).reason is reason  # type: ignore[arg-type]
    assert cut.exposure_fen == 0


def test_an_old_picture(cut: StationRig) -> None:
    question = cut.question()
    cut.clock.move(121)
    answer = cut.answer(Ask(question))
    assert isinstance(answer, Decision)
    assert answer.reason is Reason.STALE_QUESTION


def test_the_same_visit_through_cut_restart_and_mending(cut: StationRig) -> None:
    question = cut.question()
    first = cut.answer(Ask(question))
    cut.restart()
    assert ageless(cut.answer(Ask(question))) == ageless(first)
    cut.mend()
    cut.step()
    assert ageless(cut.answer(Ask(question))) == ageless(first)
    other = cut.answer(Ask(cut.question(visit=question.visit)))
    assert isinstance(other, Refused)
    assert other.code is ErrorCode.KEY_REUSED


def test_what_the_server_answered_stays_its_answer(cut: StationRig) -> None:
    cut.mend()
    cut.step(1)
    question = cut.question()
    first = cut.answer(Ask(question))
    cut.cut()
    cut.restart()
    assert ageless(cut.answer(Ask(question))) == ageless(first)
    assert cut.exposure_fen == 0


def test_an_answer_that_was_lost_on_the_way_gives_its_hold_back(cut: StationRig) -> None:
    cut.mend()
    cut.step(1)
    cut.cut(Fault.LOST_ANSWER)
    assert cut.ask().reason is Reason.OFFLINE_ALLOWED
    assert cut.card().held_fen == 10_000
    cut.mend()
    cut.step()
    assert cut.card().held_fen == 0
    assert [v.conflicts for v in cut.offline()] == [()]
    assert cut.findings() == ()


def test_renewals_of_offline_grants_are_the_stations(cut: StationRig) -> None:
    decision = cut.ask()
    name = decision.authorisation or ""
    cut.clock.move(200)
    renewed = cut.answer(Renew(name))
    assert isinstance(renewed, Decision)
    assert (renewed.decision, renewed.reason) == (Verdict.ALLOW, Reason.OFFLINE_ALLOWED)
    assert renewed.expires_at is not None
    assert (renewed.expires_at - cut.clock.now()).total_seconds() == 300
    cut.clock.move(301)
    over = cut.answer(Renew(name))
    assert isinstance(over, Decision)
    assert (over.decision, over.reason) == (Verdict.REFUSE, Reason.EXPIRED)


def test_renewals_end_two_hours_after_the_question(cut: StationRig) -> None:
    name = cut.ask().authorisation or ""
    for _ in range(7200 // 240):
        cut.clock.move(240)
        answer = cut.answer(Renew(name))
    assert isinstance(answer, Decision)
    assert answer.reason is Reason.EXPIRED


def test_a_plate_that_is_blocked_meanwhile_is_not_renewed(cut: StationRig) -> None:
    name = cut.ask().authorisation or ""
    cut.admin.cards.block("C1", True)
    cut.mend()
    cut.step()
    answer = cut.answer(Renew(name))
    assert isinstance(answer, Decision)
    assert answer.decision is Verdict.REFUSE


def test_only_the_server_prolongs_its_own(cut: StationRig) -> None:
    cut.mend()
    cut.step(1)
    decision = cut.ask()
    cut.cut()
    with pytest.raises(Unavailable, match="the line is down"):
        cut.answer(Renew(decision.authorisation or ""))
    with pytest.raises(Unavailable, match="only the server can extend"):
        cut.answer(Renew(decision.authorisation or ""))


def test_a_release_of_the_servers_is_kept_for_it(cut: StationRig) -> None:
    cut.mend()
    cut.step(1)
    decision = cut.ask()
    cut.cut()
    assert cut.answer(Release(decision.authorisation or "")) == Done()
    assert cut.card().held_fen == 10_000
    cut.mend()
    cut.step()
    assert cut.card().held_fen == 0


@pytest.mark.slow
def test_a_revoked_station_spends_nothing(cut: StationRig) -> None:
    cut.mend()
    identity = cut.server.identity
    device = next(d.id for d in identity.devices.list("S1") if d.revoked_at is None)
    identity.devices.revoke(device, "test")
    cut.step(1)
    assert "refuses this station" in unanswered(cut)
    cut.cut()
    cut.step(1)
    cut.restart()
    assert "refuses this station" in unanswered(cut)
    assert cut.exposure_fen == 0


def test_a_plate_is_open_at_one_lane_while_the_line_is_down(cut: StationRig) -> None:
    first = cut.answer(Ask(cut.question()))
    second = cut.answer(Ask(cut.question(lane="L2")))
    assert isinstance(second, Decision)
    assert (second.decision, second.reason, second.open_lane) == (Verdict.REFUSE, Reason.OPEN_ELSEWHERE, "L1")
    assert isinstance(first, Decision)
    assert first.authorisation is not None
    cut.answer(Release(first.authorisation))
    third = cut.answer(Ask(cut.question(lane="L2")))
    assert isinstance(third, Decision)
    assert third.reason is Reason.OFFLINE_ALLOWED


@pytest.mark.parametrize("given_online", [True, False])
def test_a_plate_stays_open_at_its_lane_through_a_cut_line_and_a_restart(cut: StationRig, given_online: bool) -> None:
    if given_online:
        cut.mend()
        cut.step(1)
    first = cut.answer(Ask(cut.question()))
    assert isinstance(first, Decision)
    assert first.decision is Verdict.ALLOW
    if given_online:
        cut.cut()
    else:
        cut.mend()
        cut.step(1)
    cut.restart()
    second = cut.answer(Ask(cut.question(lane="L2")))
    assert isinstance(second, Decision)
    assert (second.reason, second.open_lane) == (Reason.OPEN_ELSEWHERE, "L1")
    cut.report(cut.fuelling(first, 2_000))
    third = cut.answer(Ask(cut.question(lane="L2")))
    assert isinstance(third, Decision)
    assert third.decision is Verdict.ALLOW
