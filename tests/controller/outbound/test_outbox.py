"""The outbox and its courier: durable, in order, parking what is refused, never losing what was acknowledged."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.clock import ManualClock
from controller.errors import Rejected, ServiceFault, ServiceSilent
from controller.outbound.courier import FUELLING, RELEASE, Courier, CourierSettings, balance_senders
from controller.outbound.outbox import MessageState, Outbox, OutboxError
from controller.outbound.periodic import PeriodicTask
from controller.outbound.rescue import damaged_copies
from controller.outbound.statefile import StateCorrupt, StateError, StateFile, StateLocked, StateUse
from tests.controller.outbound.test_http import FUELLING as REPORT
from tests.controller.outbound.test_http import RECEIPT
from wire.codec import encode
from wire.fuellings import Fuelling, FuellingReceipt
from wire.questions import Decision, Question


class Service:
    """A sender that does what its script says, then takes everything."""

    def __init__(self, script: list[Exception | None] | None = None, poison: Mapping[str, str] | None = None) -> None:
        self.script = script or []
        self.poison = poison or {}
        self.got: list[str] = []

    def __call__(self, body: Mapping[str, Any], deadline_s: float) -> Mapping[str, Any]:
        name = str(body["n"])
        if name in self.poison:
            raise Rejected(self.poison[name], "no")
        outcome = self.script.pop(0) if self.script else None
        if outcome is not None:
            raise outcome
        self.got.append(name)
        return {"ok": name}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def state(tmp_path: Path, clock: ManualClock) -> Iterator[StateFile]:
    with StateFile(tmp_path / "state.db", clock, busy_timeout_s=0.1) as opened:
        yield opened


@pytest.fixture
def outbox(state: StateFile, clock: ManualClock) -> Outbox:
    return Outbox(state, clock)


def courier(outbox: Outbox, clock: ManualClock, service: Any, **options: Any) -> Courier:
    senders = service if isinstance(service, dict) else {"a": service, "b": service}
    return Courier(outbox, senders, clock, random.Random(1), **options)


def put(outbox: Outbox, *names: int, kind: str = "a") -> list[int]:
    return [outbox.put(kind, str(n), {"n": n}) for n in names]


def test_a_message_is_on_the_disk_before_put_returns(outbox: Outbox, state: StateFile, clock: ManualClock) -> None:
    put(outbox, 1)
    with StateFile(state.path, clock) as other:
        assert [m.key for m in Outbox(other, clock).waiting()] == ["1"]
    assert [tuple(r) for r in state.rows("PRAGMA synchronous")] == [(2,)]
    assert [tuple(r) for r in state.rows("PRAGMA journal_mode")] == [("wal",)]


def test_the_same_message_twice_is_one(outbox: Outbox) -> None:
    assert put(outbox, 1) == put(outbox, 1)
    assert len(outbox.waiting()) == 1
    with pytest.raises(OutboxError):
        outbox.put("a", "1", {"n": 2})


def test_messages_go_in_order_and_their_receipts_stay(outbox: Outbox, clock: ManualClock) -> None:
    service, received = Service(), []
    put(outbox, 1, 2, 3)
    courier(outbox, clock, service, on_sent=lambda message, receipt: received.append((message.key, receipt))).step()
    assert service.got == ["1", "2", "3"]
    assert received == [("1", {"ok": "1"}), ("2", {"ok": "2"}), ("3", {"ok": "3"})]
    found = outbox.find("a", "2")
    assert found is not None
    assert (found.state, found.receipt, found.attempts) == (MessageState.SENT, {"ok": "2"}, 1)


def test_a_silent_service_is_asked_again_later_and_later(outbox: Outbox, clock: ManualClock) -> None:
    service = Service([ServiceSilent("no")] * 8)
    worker = courier(outbox, clock, service, settings=CourierSettings(first_wait_s=1, longest_wait_s=20))
    put(outbox, 1, 2)
    waits = []
    while not service.got:
        waits.append(worker.step())
        clock.advance(waits[-1])
    assert service.got == ["1", "2"] or worker.step()
    for wait, most in zip(waits[:8], [1, 2, 4, 8, 16, 20, 20, 20], strict=True):
        assert most / 2 <= wait <= most
    worker.step()
    assert service.got == ["1", "2"]


def test_nothing_is_sent_while_backing_off(outbox: Outbox, clock: ManualClock) -> None:
    service = Service([ServiceFault("500")])
    worker = courier(outbox, clock, service)
    put(outbox, 1)
    wait_s = worker.step()
    clock.advance(wait_s * 0.9)
    worker.step()
    assert service.got == []
    message = outbox.waiting()[0]
    assert (message.attempts, message.last_error) == (1, "500")


def test_one_kind_backing_off_does_not_hold_another(outbox: Outbox, clock: ManualClock) -> None:
    down, up = Service([ServiceSilent("no")] * 9), Service()
    put(outbox, 1, kind="a")
    put(outbox, 2, kind="b")
    courier(outbox, clock, {"a": down, "b": up}).step()
    assert up.got == ["2"]


def test_poison_is_parked_and_the_rest_goes_on(outbox: Outbox, clock: ManualClock) -> None:
    service = Service(poison={"2": "impossible_fuelling"})
    ids = put(outbox, 1, 2, 3)
    worker = courier(outbox, clock, service)
    worker.step()
    assert service.got == ["1", "3"]
    (parked,) = outbox.parked()
    assert (parked.key, parked.reason, parked.last_error, parked.settled_at) == (
        "2",
        "impossible_fuelling",
        "no",
        clock.now(),
    )
    service.poison = {}
    outbox.retry(ids[1], who="li", why="card mended")
    worker.step()
    assert service.got == ["1", "3", "2"]
    assert [(a.action, a.who, a.why) for a in outbox.actions(ids[1])] == [("retry", "li", "card mended")]


def test_a_discarded_message_leaves_its_trace(outbox: Outbox, clock: ManualClock) -> None:
    (only,) = put(outbox, 1)
    with pytest.raises(OutboxError, match="not one that was refused for good"):
        outbox.discard(only, who="li", why="test")
    courier(outbox, clock, Service(poison={"1": "not_found"})).step()
    with pytest.raises(OutboxError, match="name and a reason"):
        outbox.discard(only, who="li", why=" ")
    outbox.discard(only, who="li", why="posted by hand")
    found = outbox.find("a", "1")
    assert found is not None
    assert found.state is MessageState.DISCARDED
    assert outbox.parked() == ()
    assert [(a.action, a.who, a.why, a.at) for a in outbox.actions(only)] == [
        ("discard", "li", "posted by hand", clock.now())
    ]


@pytest.mark.parametrize("code", ["unauthenticated", "forbidden"])
def test_a_refused_device_parks_nothing(outbox: Outbox, clock: ManualClock, code: str) -> None:
    """A wrong clock or a lost key is the device's trouble: its fuellings wait."""
    service = Service([Rejected(code, "clock")])
    put(outbox, 1)
    worker = courier(outbox, clock, service)
    clock.advance(worker.step())
    assert outbox.parked() == ()
    worker.step()
    assert service.got == ["1"]


def test_a_message_that_nobody_can_send_is_parked(outbox: Outbox, clock: ManualClock) -> None:
    put(outbox, 1, kind="z")
    courier(outbox, clock, Service()).step()
    assert [m.reason for m in outbox.parked()] == ["malformed"]


def test_receipts_are_forgotten_after_their_time_and_parked_ones_are_not(outbox: Outbox, clock: ManualClock) -> None:
    worker = courier(outbox, clock, Service(poison={"2": "not_found"}), settings=CourierSettings(keep_sent_days=30))
    put(outbox, 1, 2)
    worker.step()
    clock.advance(timedelta(days=29).total_seconds())
    worker.step()
    assert outbox.find("a", "1") is not None
    clock.advance(timedelta(days=2).total_seconds())
    worker.step()
    assert outbox.find("a", "1") is None
    assert [m.key for m in outbox.parked()] == ["2"]


class Balance:
    """A balance service that only notes what it was told."""

    def __init__(self) -> None:
        self.received: list[object] = []

    def ask(self, question: Question, deadline_s: float) -> Decision:
        raise AssertionError

    def renew(self, authorisation: str, deadline_s: float) -> Decision:
        raise AssertionError

    def release(self, authorisation: str, deadline_s: float) -> None:
        self.received.append(authorisation)

    def report(self, fuelling: Fuelling, deadline_s: float) -> FuellingReceipt:
        self.received.append(fuelling)
        return RECEIPT


def test_fuellings_and_releases_reach_the_balance_service_unchanged(outbox: Outbox, clock: ManualClock) -> None:
    balance = Balance()
    outbox.put(FUELLING, "d1/7", encode(REPORT))
    outbox.put(RELEASE, "a1", {"authorisation": "a1"})
    outbox.put(RELEASE, "a2", {})
    courier(outbox, clock, balance_senders(balance)).step()
    assert balance.received == [REPORT, "a1"]
    assert [(m.key, m.reason) for m in outbox.parked()] == [("a2", "malformed")]
    sent = outbox.find(FUELLING, "d1/7")
    assert sent is not None
    assert sent.receipt == encode(RECEIPT)


def test_a_locked_file_is_a_clear_error_and_heals(outbox: Outbox, state: StateFile, clock: ManualClock) -> None:
    other = sqlite3.connect(state.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StateLocked, match="locked by another process"):
        put(outbox, 1)
    worker = courier(outbox, clock, Service())
    other.execute("COMMIT")
    put(outbox, 1)
    other.execute("BEGIN IMMEDIATE")
    assert worker.step() == CourierSettings().first_wait_s
    other.execute("ROLLBACK")
    worker.step()
    assert outbox.waiting() == ()


@pytest.mark.parametrize("damage", ["text", "head", "middle"])
def test_a_damaged_file_is_kept_and_named(
    tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    path = tmp_path / "state.db"
    with StateFile(path, clock) as state, state.transaction():
        put(Outbox(state, clock), *range(400))
    data = bytearray(path.read_bytes())
    if damage == "text":
        data = bytearray(b"hello, I am a text file, not a database" * 100)
    elif damage == "head":
        data[:100] = bytes(100)
    else:
        data[8192:40000] = b"\xa5" * (40000 - 8192)
    path.write_bytes(data)
    with StateFile(path, clock, use=StateUse.OWN) as state:
        outbox = Outbox(state, clock)
        put(outbox, 1000)
        (kept,) = damaged_copies(path)
        assert kept.read_bytes()[:8000] == bytes(data)[:8000]
        assert kept.name in caplog.text
        rescued = [m.key for m in outbox.waiting()]
        assert rescued[-1] == "1000"
        assert damage != "middle" or len(rescued) > 50
    with StateFile(path, clock) as again:
        assert again.rescued_from is None


def test_damage_while_running_is_named(outbox: Outbox, state: StateFile) -> None:
    with state.transaction():
        put(outbox, *range(300))
    state.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    with state.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\x5a" * 60_000)
    state.rows("PRAGMA shrink_memory")
    with pytest.raises(StateCorrupt, match=r"state\.db: the state file is damaged"):
        put(outbox, 1000)


def test_a_damaged_file_in_use_stays_in_place(tmp_path: Path, clock: ManualClock) -> None:
    """A tool that looks at a running unit's file must not pull it from under the unit."""
    path = tmp_path / "state.db"
    with StateFile(path, clock) as running:
        put(Outbox(running, clock), 1)
        running.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        path.write_bytes(b"no database at all " * 1000)
        with pytest.raises(StateCorrupt, match="another process has it open"):
            StateFile(path, clock, use=StateUse.OWN)
        assert damaged_copies(path) == []
    with StateFile(path, clock, use=StateUse.OWN) as fresh:
        assert fresh.rescued_from is not None
    assert len(damaged_copies(path)) == 1


def test_a_newer_file_is_left_alone(tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.db"
    with monkeypatch.context() as newer:
        newer.setattr("controller.outbound.layout.FORMAT_VERSION", 2)
        newer.setattr("controller.outbound.statefile.FORMAT_VERSION", 2)
        with StateFile(path, clock, use=StateUse.OWN) as state:
            put(Outbox(state, clock), 1)
    for use in StateUse:
        with pytest.raises(StateError, match="newer"):
            StateFile(path, clock, use=use)
    assert damaged_copies(path) == []


@pytest.mark.parametrize("number", [2, 3, 129])
def test_a_format_that_a_spoilt_bit_made_is_damage(tmp_path: Path, clock: ManualClock, number: int) -> None:
    """Told as a newer greenlane's, it kept the unit from starting, and no update would have helped."""
    path = tmp_path / "state.db"
    with StateFile(path, clock, use=StateUse.OWN) as state:
        put(Outbox(state, clock), 1)
    with contextlib.closing(sqlite3.connect(path)) as raw:
        raw.execute(f"PRAGMA user_version = {number}")
    with pytest.raises(StateCorrupt, match=f"its format is {number}"):
        StateFile(path, clock)
    with StateFile(path, clock, use=StateUse.OWN) as state:
        assert state.rescued_from is not None
        assert len(Outbox(state, clock).waiting()) == 1


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, clock: ManualClock) -> None:
    with pytest.raises(StateError, match="unable to open"):
        StateFile(tmp_path / "no" / "state.db", clock)


def test_a_failed_block_leaves_nothing(outbox: Outbox, state: StateFile) -> None:
    def block() -> None:
        with state.transaction():
            put(outbox, 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        block()
    assert outbox.waiting() == ()
    put(outbox, 2)
    assert [m.key for m in outbox.waiting()] == ["2"]


def test_a_message_handed_over_soon_waits_for_the_disk(outbox: Outbox, state: StateFile, clock: ManualClock) -> None:
    service = Service()
    worker = courier(outbox, clock, service)
    other = sqlite3.connect(state.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    worker.put_soon("a", "1", {"n": 1})
    worker.put_soon("a", "1", {"n": 1})
    worker.put_soon("a", "2", {"n": 2})
    worker.step()
    assert outbox.waiting() == ()
    other.execute("ROLLBACK")
    worker.step()
    assert service.got == ["1", "2"]


def test_prices_are_asked_for_now_and_then(outbox: Outbox, clock: ManualClock) -> None:
    asked: list[float] = []

    def ask(deadline_s: float) -> None:
        asked.append(clock.monotonic_s())
        if len(asked) == 1:
            raise ServiceSilent("no")

    worker = courier(outbox, clock, Service(), tasks=[PeriodicTask("prices", ask, every_s=600)])
    for _ in range(4):
        clock.advance(worker.step())
    assert asked == [0.0, 30.0, 630.0, 1230.0]


def test_the_worker_runs_wakes_and_stops(outbox: Outbox, clock: ManualClock) -> None:
    arrived = threading.Event()
    worker = courier(outbox, clock, Service(), on_sent=lambda message, receipt: arrived.set())
    worker.start()
    put(outbox, 1)
    worker.wake()
    assert arrived.wait(30)
    assert worker.stop()
    assert worker.stop()


def test_a_worker_that_dies_says_so(outbox: Outbox, clock: ManualClock) -> None:
    died: list[BaseException] = []
    gone = threading.Event()

    def broken(body: Mapping[str, Any], deadline_s: float) -> None:
        raise ZeroDivisionError

    worker = courier(outbox, clock, {"a": broken}, on_death=lambda error: (died.append(error), gone.set()))
    put(outbox, 1)
    worker.start()
    assert gone.wait(30)
    assert isinstance(died[0], ZeroDivisionError)
    assert [m.key for m in outbox.waiting()] == ["1"]


OUTCOMES = st.sampled_from(["ok", "silent", "fault", "not_found", "unauthenticated"])


@settings(max_examples=12)
@given(st.lists(OUTCOMES, max_size=20), st.integers(0, 6))
def test_whatever_the_service_does_each_message_ends_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, script: list[str], count: int
) -> None:
    clock = ManualClock()
    outcomes: list[Exception | None] = [
        {"ok": None, "silent": ServiceSilent("x"), "fault": ServiceFault("x")}.get(s, Rejected(s, "x")) for s in script
    ]
    with StateFile(tmp_path_factory.mktemp("outbox") / "state.db", clock) as state:
        outbox = Outbox(state, clock)
        service = Service(outcomes)
        worker = courier(outbox, clock, service)
        put(outbox, *range(count))
        for _ in range(len(script) + 1):
            clock.advance(worker.step())
        taken, parked = [int(n) for n in service.got], [int(m.key) for m in outbox.parked()]
        assert taken == sorted(taken)
        assert sorted(taken + parked) == list(range(count))
        assert outbox.waiting() == ()
