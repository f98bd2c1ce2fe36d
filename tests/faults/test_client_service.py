"""Unit and service over a line that cuts, delays, doubles and garbles answers: every fuelling is charged once."""

from __future__ import annotations

import http.client
import random
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from controller.clock import ManualClock
from controller.errors import ClientError
from controller.fuelling.journal import FuellingJournal
from controller.fuelling.meter import FuellingMeter
from controller.fuelling.open_fuelling import Ended, MeterSettings
from controller.fuelling.prices import PriceBook
from controller.lane.records import FlowContext
from controller.outbound.courier import FUELLING, RELEASE, Courier, CourierSettings, balance_senders
from controller.outbound.http import HttpBalanceService
from controller.outbound.outbox import Outbox
from controller.outbound.statefile import StateError, StateFile
from controller.records import DispenserReading
from controller.worker import InlineWorker
from service.admin.admin import Admin
from service.app import create_app
from service.identity.guard import EMBEDDED
from service.reports.audit import audit
from service.server import running
from service.store.database import Database
from tests.controller.hostile import Connection, serving
from wire.codec import decode
from wire.fuellings import Fuelling, FuellingReceipt
from wire.questions import Decision, Question
from wire.reasons import Verdict

pytestmark = [pytest.mark.faults, pytest.mark.slow]

PLATE = "粤B12345"
TOP_UP_FEN = 100_000_000
VISITS = 60
DEADLINE_S = 0.4


@dataclass
class BadLine:
    """A relay that does something wrong with most answers, chosen by seed; `clean` lets all through."""

    upstream: str
    rng: random.Random = field(default_factory=lambda: random.Random(7))
    clean: bool = False
    did: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, connection: Connection) -> None:
        while (request := connection.request()) is not None:
            with self.lock:
                harms = ("pass", "pass", "cut", "late", "double", "nonsense", "lost", "never sent", "error")
                harm = "pass" if self.clean else self.rng.choice(harms)
                self.did[harm] += 1
            if harm == "never sent":
                return
            status, body = self.forward(request)
            if harm == "double":
                status, body = self.forward(request)
            if not self.answer(connection, harm, status, body):
                return

    def forward(self, request: tuple[str, str, dict[str, str], bytes]) -> tuple[int, bytes]:
        method, path, headers, body = request
        there = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=30)
        there.request(method, path, body, {"Content-Type": headers.get("content-type", "application/json")})
        answer = there.getresponse()
        data = answer.read()
        there.close()
        return answer.status, data

    def answer(self, connection: Connection, harm: str, status: int, body: bytes) -> bool:
        """Whether the connection may go on."""
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        if harm == "late":
            connection.stop.wait(DEADLINE_S * 2)
        if harm in ("pass", "double", "late"):
            connection.send(head + body)
        elif harm == "cut":
            connection.send((head + body)[: len(head) + len(body) // 2])
        elif harm == "nonsense":
            connection.answer({"visit": "somebody else's", "plate": "粤B99999", "decision": "allow"})
        elif harm == "error":
            connection.answer({"detail": "no"}, status="502 Bad Gateway")
        return harm in ("pass", "double", "nonsense", "error")


@dataclass
class World:
    clock: ManualClock
    database_url: str
    admin: Admin
    line: BadLine
    client: HttpBalanceService
    outbox: Outbox
    courier: Courier
    meter: FuellingMeter
    pulses: int = 0

    def ask(self, visit: str, deadline_s: float = DEADLINE_S) -> Decision | None:
        """As the lane does: the same question again until there is an answer, at most five times."""
        question = Question(
            visit=visit,
            station="s",
            lane="1",
            plate=PLATE,
            typed=False,
            captured_at=self.clock.now(),
            confidence=0.99,
            weakest=0.99,
        )
        for _ in range(5):
            try:
                return self.client.ask(question, deadline_s)
            except ClientError:
                self.clock.advance(1)
        return None

    def fuel(self, visit: str, decision: Decision | None, turns: int) -> Fuelling:
        authorisation = decision.authorisation if decision and decision.decision is Verdict.ALLOW else None
        context = FlowContext(visit, authorisation, PLATE, decision.limit_fen if decision else None)
        for turn in range(turns + 8):
            self.clock.advance(0.1)
            self.pulses += 10 if turn < turns else 0
            for event in self.meter.poll(DispenserReading(turn < turns, self.pulses), context):
                if isinstance(event, Ended) and event.fuelling is not None:
                    return event.fuelling
        raise AssertionError("the fuelling did not end")

    def deliver(self) -> None:
        for _ in range(200):
            if not self.outbox.waiting():
                return
            self.clock.advance(min(self.courier.step(), 5.0))
        raise AssertionError(f"{len(self.outbox.waiting())} messages never arrived")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    clock = ManualClock()
    url = f"sqlite:///{tmp_path / 'service.sqlite3'}"
    app = create_app(url, clock, guard=EMBEDDED)
    admin = Admin(app.state.books, "test")
    admin.stations.set("s", title="station", preset_fen=20_000, unauthorised_cap_fen=TOP_UP_FEN)
    admin.stations.set_price("s", "92", 800)
    admin.cards.create("card")
    admin.plates.bind(PLATE, "card")
    admin.money.top_up("card", TOP_UP_FEN)
    with running(app) as upstream, StateFile(tmp_path / "lane.sqlite3", clock) as state:
        line = BadLine(upstream)
        with serving(line) as relay:
            client = HttpBalanceService(relay.url, "s")
            outbox = Outbox(state, clock)
            settings = CourierSettings(deadline_s=DEADLINE_S, longest_wait_s=2)
            courier = Courier(outbox, balance_senders(client), clock, random.Random(1), settings)
            journal = FuellingJournal(state, outbox, clock, random.Random(1), "d1", Fraction(100))
            line.clean = True
            prices = PriceBook(state, clock, client.prices)
            prices.refresh(30.0)
            line.clean = False
            meter = FuellingMeter(
                MeterSettings("s", "1", "92"),
                journal,
                InlineWorker[StateError | None](),
                clock,
                lambda: prices.unit_price("92", 1),
            )
            yield World(clock, url, admin, line, client, outbox, courier, meter)
            client.close()


def test_no_fault_of_the_line_charges_twice_or_loses_a_fuelling(world: World) -> None:
    rng = random.Random(3)
    fuellings: list[Fuelling] = []
    lit = 0
    for number in range(VISITS):
        visit = f"v{number}"
        decision = world.ask(visit)
        lit += decision is not None and decision.decision is Verdict.ALLOW
        if rng.random() < 0.8:
            fuellings.append(world.fuel(visit, decision, rng.randrange(1, 60)))
        elif decision is not None and decision.authorisation is not None:
            world.outbox.put(RELEASE, decision.authorisation, {"authorisation": decision.authorisation})
        world.clock.advance(30)
        world.courier.step()
    world.line.clean = True
    world.deliver()
    world.clock.advance(timedelta(hours=2).total_seconds())
    assert world.outbox.parked() == ()
    receipts = [world.outbox.find(FUELLING, f"d1/{f.sequence}") for f in fuellings]
    charged = [decode(FuellingReceipt, m.receipt) for m in receipts if m is not None]
    assert [c.charged_fen for c in charged] == [f.amount_fen for f in fuellings]
    total_fen = sum(f.amount_fen for f in fuellings)
    asked = world.ask("the last", 30.0)
    assert asked is not None
    assert asked.decision is Verdict.ALLOW
    found = audit(Database(world.database_url))
    assert found.clean, found.findings
    assert found.fuellings == len(fuellings)
    balance = max(charged, key=lambda c: c.sequence).balance_fen
    assert balance == TOP_UP_FEN - total_fen
    print(f"{lit} of {VISITS} allowed, {len(fuellings)} fuellings, the line: {dict(world.line.did)}")
    assert min(world.line.did[h] for h in ("cut", "late", "double", "nonsense", "lost", "never sent", "error")) >= 3
