"""A hostile client against `greenlane service`: every answer is the documented one, and the books are right."""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from sqlalchemy import func, select

from controller.clock import SystemClock
from controller.outbound.http import HttpBalanceService
from controller.outbound.key_pair import KeyPair
from controller.outbound.signing import Signer
from greenlane.cli import main
from service.http.problems import LONGEST_DETAIL
from service.reports.audit import audit
from service.reports.statement import cards
from service.store import schema
from service.store.database import Database
from tests.faults.attacker import LANE, PLATE, STATION, Attack, Attacker
from tests.service.identity.served import Served
from tests.service.raw_http import RawAnswer
from tests.station.test_processes import PLATE as HONEST_PLATE
from tests.station.test_processes import fuelling, question
from wire.reasons import ErrorCode

pytestmark = pytest.mark.faults
ATTACKS = 500
HONEST_EVERY = 25
MONEY_FEN = 1_000_000
MAY_BE_TAKEN = {"odd values", "hidden characters", "times of no clock"}
"""What is spoilt so may still be a lane's own to say; everything else never is."""
CODES = {code.value for code in ErrorCode}


@dataclass
class Scene:
    """A service, an honest lane at S1 and the key of a hostile one at S2."""

    url: str
    port: int
    lane: HttpBalanceService
    hostile: KeyPair


@pytest.fixture
def scene(sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Scene]:
    def admin(*words: str) -> str:
        capsys.readouterr()
        assert main(["admin", "--database", sqlite_url, *words]) == 0
        return capsys.readouterr().out

    for station in ("S1", STATION):
        admin("station", "set", station)
        admin("price", "set", station, "92", "8")
    for card, plate in (("C1", HONEST_PLATE), ("C2", PLATE)):
        admin("card", "create", card)
        admin("plate", "bind", plate, card)
        admin("top-up", card, str(MONEY_FEN // 100))
    with ExitStack() as stack:
        port = stack.enter_context(Served(sqlite_url))
        base, keys = f"http://127.0.0.1:{port}", {}
        for station, name in (("S1", "L1"), (STATION, LANE)):
            code = admin("enrol", "--kind", "lane", "--station", station, "--lane", name).split()[0]
            assert main(["enrol", code, "--service", base, "--key", str(tmp_path / station)]) == 0
            keys[station] = KeyPair.load(tmp_path / station)
        lane = HttpBalanceService(base, "S1", sign=Signer(keys["S1"], SystemClock()))
        stack.callback(lane.close)
        yield Scene(sqlite_url, port, lane, keys[STATION])


def send(port: int, attack: Attack) -> RawAnswer | None:
    """What is answered; None where nothing is."""
    received = bytearray()
    with socket.create_connection(("127.0.0.1", port), 60.0) as connection, suppress(ConnectionError):
        connection.sendall(attack.data)
        if attack.unfinished:
            connection.shutdown(socket.SHUT_WR)
        while chunk := connection.recv(65536):
            received += chunk
    answer = bytes(received).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    if not answer:
        return None
    first, _, body = answer.partition(b"\r\n\r\n")
    return RawAnswer(int(first.split(b" ")[1]), first, body)


def outcome(attack: Attack, answer: RawAnswer | None) -> str:
    """refused, taken or dropped; anything else is a defect."""
    if answer is None:
        assert attack.unfinished or len(attack.data) > 64 * 1024, attack
        return "dropped"
    if answer.status < 400:
        return "taken"
    assert answer.status < 500, (attack, answer)
    if b"HEAD " not in attack.data[:5]:
        assert answer.error is not None, (attack, answer)
        assert answer.error["code"] in CODES
        assert len(answer.error["detail"]) <= LONGEST_DETAIL
        assert answer.error["detail"].isprintable()
        return f"refused as {answer.error['code']}"
    return "refused"


def honest_fuelling(scene: Scene, number: int) -> int:
    """Asks, fuels, and reports twice, as after an answer that was lost; what it was charged."""
    decision = scene.lane.ask(question(f"honest-{number}"), 30.0)
    assert decision.limit_fen == 10_000, decision
    done = fuelling(decision, number)
    first = scene.lane.report(done, 30.0)
    assert scene.lane.report(done, 30.0) == first
    assert first.flags == ()
    return first.charged_fen


def booked(database: Database) -> int:
    """The honest lane's fuellings."""
    rows = schema.fuellings.c
    with database.reading() as connection:
        query = select(func.count()).select_from(schema.fuellings).where(rows.station == "S1")
        return int(connection.execute(query).scalar_one())


@pytest.mark.parametrize("seed", [20_261, 20_262])
def test_a_round_of_an_attacker(scene: Scene, seed: int) -> None:
    attacker, counts, charged_fen, honest = Attacker(seed, scene.hostile, scene.port), Counter(), 0, 0
    for number in range(ATTACKS):
        attack = attacker.attack()
        counts[attack.kind, outcome(attack, send(scene.port, attack))] += 1
        if number % HONEST_EVERY == 0:
            honest += 1
            charged_fen += honest_fuelling(scene, honest)
    assert requests.get(f"http://127.0.0.1:{scene.port}/healthz", timeout=30).status_code == 200
    database = Database(scene.url)
    try:
        assert booked(database) == honest == ATTACKS // HONEST_EVERY
        assert cards(database, "C1")[0].balance_fen == MONEY_FEN - charged_fen
        assert audit(database).findings == ()
    finally:
        database.close()
    print(json.dumps({f"{kind}: {what}": n for (kind, what), n in sorted(counts.items())}, indent=1))
    assert len({kind for kind, _ in counts}) == 10
    assert {kind for kind, what in counts if what == "taken"} <= MAY_BE_TAKEN
    assert sum(n for (_, what), n in counts.items() if what.startswith("refused")) > ATTACKS // 2
