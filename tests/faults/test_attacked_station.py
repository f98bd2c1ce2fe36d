"""The attacker's round against a station's central control: honest lanes are served, and it never cuts the line."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from controller.clock import SystemClock
from controller.errors import Rejected
from controller.outbound.http import HttpBalanceService
from controller.outbound.key_pair import KeyPair
from controller.outbound.signing import Signer
from greenlane.cli import main
from service.offline.visits import offline_visits
from service.reports.audit import audit
from service.reports.statement import cards, rejected
from service.store.database import Database
from tests.faults.attacker import Attack, Attacker
from tests.faults.test_attacker import outcome, send
from tests.service.raw_http import RawAnswer
from tests.station.cable import Fault
from tests.station.test_processes import Town, admin, code, fuelling, question, town, wait_for
from wire.fuellings import Fuelling
from wire.questions import Decision
from wire.reasons import ErrorCode, Reason

__all__ = ["town"]
pytestmark = pytest.mark.faults
LANE, PLATE = "L9", "粤B66666"
"""The hostile lane is one of the same station; its card is blocked at the server."""
UP, CUT, HONEST_EVERY = 300, 200, 25
SOLD_FEN = 800
AWAY = {ErrorCode.UNAVAILABLE.value}


def hostile_key(town: Town, folder: Path, capsys: pytest.CaptureFixture[str]) -> KeyPair:
    for words in ("card create C2", f"plate bind {PLATE} C2", "top-up C2 500", "card block C2"):
        admin(capsys, town.url, *words.split())
    made = code(capsys, town.url, "--kind", "lane", "--lane", LANE)
    base = f"http://127.0.0.1:{town.station_port}"
    assert main(["enrol", made, "--service", base, "--key", str(folder / "hostile.key")]) == 0
    return KeyPair.load(folder / "hostile.key")


def sold(decision: Decision, number: int) -> Fuelling:
    """One litre, the pump's totaliser going on."""
    before_ml = 1_000_000 + 1_000 * number
    made = fuelling(decision, number, 1_000)
    return replace(made, totaliser_before_ml=before_ml, totaliser_after_ml=before_ml + 1_000)


def honest_fuelling(town: Town, number: int) -> Reason:
    """Asks, fuels, reports twice; on whose word it was green."""
    decision = town.lane.ask(question(f"honest-{number}"), 30.0)
    done = sold(decision, number)
    for _ in range(2):
        receipt = town.lane.report(done, 30.0)
        assert set(receipt.flags) <= {"provisional", "offline"}
    return decision.reason


def judged(attack: Attack, answer: RawAnswer | None, cut: bool) -> str:
    """As at the service; while the line is cut, what the server alone can answer is told to be away."""
    if cut and answer is not None and answer.status == 503:
        assert answer.error is not None, (attack, answer)
        assert answer.error["code"] in AWAY
        return "away"
    return outcome(attack, answer)


@pytest.mark.parametrize("seed", [20_263])
def test_a_round_of_an_attacker_at_a_station(
    town: Town, seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attacker = Attacker(seed, hostile_key(town, tmp_path, capsys), town.station_port, station="S1")
    counts: Counter[tuple[str, str]] = Counter()
    reasons: Counter[tuple[bool, Reason]] = Counter()
    for number in range(UP + CUT):
        cut = number >= UP
        if number == UP:
            town.cable.fault = Fault.REFUSED
        attack = attacker.attack()
        answer = send(town.station_port, attack)
        counts[attack.kind, judged(attack, answer, cut)] += 1
        assert cut or answer is None or Reason.OFFLINE_ALLOWED.value.encode() not in answer.body, (attack, answer)
        if number % HONEST_EVERY == 0:
            reasons[cut, honest_fuelling(town, sum(reasons.values()) + 1)] += 1
            assert cut or town.health() == "up"
    honest = (UP + CUT) // HONEST_EVERY
    assert reasons == {(False, Reason.OK): UP // HONEST_EVERY, (True, Reason.OFFLINE_ALLOWED): CUT // HONEST_EVERY}
    town.cable.fault = Fault.NONE
    database = Database(town.url)
    try:
        wait_for(lambda: cards(database, "C1")[0].balance_fen == 50_000 - honest * SOLD_FEN, 60.0)
        wait_for(lambda: cards(database, "C1")[0].held_fen == 0, 60.0)
        assert {visit.lane for visit in offline_visits(database) if visit.card == "C1"} == {"L1"}
        assert audit(database).findings == ()
    finally:
        database.close()
    print(json.dumps({f"{kind}: {what}": n for (kind, what), n in sorted(counts.items())}, indent=1))
    assert len({kind for kind, _ in counts}) == 10


def test_a_neighbour_takes_neither_money_nor_the_next_sequence(
    town: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each time just before the honest report: with the line up, and while it is cut."""
    key, clock = hostile_key(town, tmp_path, capsys), SystemClock()
    rounds = 6
    assert honest_fuelling(town, 1) is Reason.OK
    with closing(
        HttpBalanceService(f"http://127.0.0.1:{town.station_port}", "S1", sign=Signer(key, clock))
    ) as neighbour:
        for number in range(2, 2 + rounds):
            cut = number >= 2 + rounds // 2
            town.cable.fault = Fault.REFUSED if cut else Fault.NONE
            decision = town.lane.ask(question(f"honest-{number}"), 30.0)
            theft = replace(sold(decision, number), lane=LANE, visit=None, authorisation=None)
            if cut:
                assert neighbour.report(theft, 30.0).flags == ("provisional",)
            else:
                with pytest.raises(Rejected, match="belongs to lane L1, not to L9"):
                    neighbour.report(theft, 30.0)
            assert set(town.lane.report(sold(decision, number), 30.0).flags) <= {"provisional", "offline"}
    town.cable.fault = Fault.NONE
    database = Database(town.url)
    try:
        wait_for(lambda: cards(database, "C1")[0].balance_fen == 50_000 - (1 + rounds) * SOLD_FEN, 60.0)
        wait_for(lambda: len(rejected(database, "S1", None)) == rounds, 60.0)
        assert {refused["code"] for refused in rejected(database, "S1", None)} == {"other_lanes_dispenser"}
        assert audit(database).findings == ()
    finally:
        database.close()
