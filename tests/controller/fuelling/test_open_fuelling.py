"""Fuellings from wires to outbox: limits, clocks, strays, disks that fail and power cuts."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from controller.clock import ManualClock
from controller.fuelling.journal import FuellingJournal, first_sequence
from controller.fuelling.meter import FuellingMeter, MeteredTerminal
from controller.fuelling.open_fuelling import (
    Ended,
    Lifted,
    MeterEvent,
    MeterSettings,
    Progress,
    Reached,
    Started,
    Strayed,
    UnitPrice,
)
from controller.fuelling.prices import PriceBook
from controller.fuelling.totaliser import Totaliser
from controller.lane.records import FlowContext, LimitReached, NozzleHung, NozzleLifted
from controller.outbound.courier import FUELLING
from controller.outbound.outbox import Outbox
from controller.outbound.statefile import StateError, StateFile, StateFull, StateUse
from controller.records import DispenserReading
from controller.worker import InlineWorker
from wire.codec import decode, encode
from wire.fuellings import Fuelling, Price

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
FIRST = int(START.timestamp())
PAID = FlowContext("v1", "a1", "粤B12345", 20_000)
SETTINGS = MeterSettings("s", "1", "92")
PULSES_PER_L = Fraction(100)


class Journal(FuellingJournal):
    """A journal whose disk can be full."""

    full = False

    def save(self, fuelling: Fuelling, totaliser: Totaliser) -> None:
        self.need_room()
        super().save(fuelling, totaliser)

    def close(self, fuelling: Fuelling, totaliser: Totaliser) -> None:
        self.need_room()
        super().close(fuelling, totaliser)

    def need_room(self) -> None:
        if self.full:
            raise StateFull("lane.sqlite3: the disk is full")


@dataclass
class Pump:
    """A meter on a state file, its wires moved by hand. One pulse is 10 ml; fuel costs 8 yuan a litre."""

    path: Path
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    price: UnitPrice = field(default_factory=lambda: UnitPrice(800))
    pulses_per_l: Fraction = PULSES_PER_L

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """As after the process was started."""
        self.lifted, self.pulses = False, 0
        self.state = StateFile(self.path, self.clock, use=StateUse.OWN, busy_timeout_s=0.05)
        self.outbox = Outbox(self.state, self.clock)
        rng = random.Random(1)
        self.journal = Journal(self.state, self.outbox, self.clock, rng, "d1", self.pulses_per_l)
        worker = InlineWorker[StateError | None]()
        self.meter = FuellingMeter(SETTINGS, self.journal, worker, self.clock, lambda: self.price)

    def cut_power(self) -> None:
        self.state.close()
        self.start()

    def poll(self, seconds: float = 0.1, pulses: int = 0, context: FlowContext = PAID) -> list[MeterEvent]:
        self.clock.advance(seconds)
        self.pulses += pulses
        return self.meter.poll(DispenserReading(self.lifted, self.pulses), context)

    def lift(self, context: FlowContext = PAID) -> list[MeterEvent]:
        self.lifted = True
        return self.poll(context=context)

    def flow(self, litres: float, seconds: float, context: FlowContext = PAID) -> list[MeterEvent]:
        """Evenly, polled ten times a second."""
        turns = max(1, round(seconds * 10))
        total = round(litres * 100)
        events: list[MeterEvent] = []
        for turn in range(turns):
            events += self.poll(seconds / turns, total * (turn + 1) // turns - total * turn // turns, context)
        return events

    def hang(self, context: FlowContext = PAID) -> list[MeterEvent]:
        self.lifted = False
        return self.poll(context=context) + self.poll(0.6, context=context)

    def fuel(self, litres: float, seconds: float = 10.0, context: FlowContext = PAID) -> Fuelling | None:
        events = self.lift(context) + self.flow(litres, seconds, context) + self.hang(context)
        (ended,) = [e for e in events if isinstance(e, Ended)]
        return ended.fuelling

    @property
    def reported(self) -> list[Fuelling]:
        return [decode(Fuelling, m.body) for m in self.outbox.waiting() if m.kind == FUELLING]


@pytest.fixture
def pump(tmp_path: Path) -> Iterator[Pump]:
    made = Pump(tmp_path / "lane.sqlite3")
    yield made
    made.state.close()


def kinds(events: list[MeterEvent]) -> list[type]:
    return [type(e) for e in events]


def test_a_fuelling_is_reported_as_it_was(pump: Pump) -> None:
    began = pump.clock.now() + timedelta(seconds=0.1)
    fuelling = pump.fuel(12.34, 20)
    assert fuelling == Fuelling(
        station="s",
        lane="1",
        dispenser="d1",
        sequence=FIRST,
        visit="v1",
        authorisation="a1",
        plate="粤B12345",
        started_at=began + timedelta(seconds=0.1),
        ended_at=pump.clock.now(),
        volume_ml=12_340,
        amount_fen=9872,
        unit_price_fen_per_l=800,
        product="92",
        totaliser_before_ml=0,
        totaliser_after_ml=12_340,
        metered_ml=12_340,
        flags=(),
    )
    assert pump.reported == [fuelling]
    assert pump.state.rows("SELECT * FROM open_fuelling") == []


def test_events_tell_the_story_in_order(pump: Pump) -> None:
    assert pump.lift() == [Lifted()]
    assert pump.poll(pulses=100) == [Started(FIRST), Progress(1000, 800)]
    assert pump.poll() == []
    assert pump.poll(pulses=50) == [Progress(1500, 1200)]
    pump.lifted = False
    assert pump.poll() == []
    assert pump.poll(0.3, pulses=1) == [Progress(1510, 1208)]
    assert pump.poll(0.4) == []
    assert kinds(pump.poll(0.2)) == [Ended]


def test_sequences_and_totaliser_go_on(pump: Pump) -> None:
    fuellings = [pump.fuel(litres) for litres in (5, 7.5, 0.01)]
    pump.cut_power()
    fuellings.append(pump.fuel(1))
    assert [f.sequence for f in fuellings if f] == [FIRST, FIRST + 1, FIRST + 2, FIRST + 3]
    assert [f.totaliser_after_ml for f in fuellings if f] == [5000, 12_500, 12_510, 13_510]
    assert [f.totaliser_before_ml for f in fuellings if f] == [0, 5000, 12_500, 12_510]


def test_a_lift_without_fuel_reports_nothing(pump: Pump) -> None:
    assert kinds(pump.lift()) == [Lifted]
    assert pump.hang() == [Ended(None)]
    assert pump.reported == []
    assert pump.fuel(1).sequence == FIRST  # type: ignore[union-attr]


def test_less_than_a_millilitre_is_counted_with_the_next(tmp_path: Path) -> None:
    pump = Pump(tmp_path / "x.sqlite3", pulses_per_l=Fraction(3000))
    assert pump.lift() + pump.poll(pulses=2) + pump.hang() == [Lifted(), Started(FIRST), Progress(0, 0), Ended(None)]
    assert pump.state.rows("SELECT * FROM open_fuelling") == []
    pump.cut_power()
    pump.lift()
    pump.poll(pulses=1)
    (ended,) = pump.hang()
    assert isinstance(ended, Ended)
    assert ended.fuelling is not None
    assert (ended.fuelling.sequence, ended.fuelling.totaliser_after_ml) == (FIRST, 1)
    pump.state.close()


def test_a_nozzle_that_bounces_is_one_fuelling(pump: Pump) -> None:
    pump.lift()
    pump.flow(2, 3)
    pump.lifted = False
    assert pump.poll(0.2) == []
    assert pump.lift() == []
    pump.flow(1, 2)
    pump.hang()
    assert [f.volume_ml for f in pump.reported] == [3000]


def test_the_limit_is_told_once_and_what_flows_on_still_counts(pump: Pump) -> None:
    context = replace(PAID, limit_fen=1600)
    pump.lift(context)
    events = pump.flow(1.99, 2, context)
    assert Reached not in kinds(events)
    events = pump.poll(pulses=1, context=context)
    assert events[-1] == Reached(1600, 1600)
    assert Reached not in kinds(pump.flow(0.5, 1, context))
    pump.hang(context)
    assert [f.amount_fen for f in pump.reported] == [2000]


def test_a_raised_limit_is_told_again(pump: Pump) -> None:
    pump.lift()
    low, high = replace(PAID, limit_fen=800), replace(PAID, limit_fen=1600)
    assert Reached(800, 800) in pump.poll(pulses=100, context=low)
    assert Reached not in kinds(pump.poll(pulses=50, context=high))
    assert Reached(1600, 1600) in pump.poll(pulses=50, context=high)


def test_flow_while_red_is_reported_and_flagged(pump: Pump) -> None:
    fuelling = pump.fuel(3, context=FlowContext("v1", None, "粤B12345", None))
    assert fuelling is not None
    assert (fuelling.visit, fuelling.authorisation, fuelling.plate) == ("v1", None, "粤B12345")
    assert fuelling.flags == ("no_authorisation",)
    nobody = pump.fuel(3, context=FlowContext())
    assert nobody is not None
    assert (nobody.visit, nobody.plate, nobody.flags) == (None, None, ("no_authorisation",))


def test_an_authorisation_that_comes_late_is_taken_over_and_flagged(pump: Pump) -> None:
    red = FlowContext("v1", None, "粤B12345", None)
    pump.lift(red)
    pump.flow(1, 2, red)
    pump.flow(1, 2, PAID)
    pump.hang()
    (fuelling,) = pump.reported
    assert (fuelling.authorisation, fuelling.flags) == ("a1", ("late_authorisation",))


def test_another_visits_authorisation_is_not_taken(pump: Pump) -> None:
    other = FlowContext("v2", "a2", "粤B99999", 100)
    pump.lift()
    pump.flow(1, 2, PAID)
    assert Reached not in kinds(pump.flow(1, 2, other))
    pump.hang(other)
    assert [(f.visit, f.authorisation) for f in pump.reported] == [("v1", "a1")]
    pump.lift(FlowContext("v1"))
    pump.flow(1, 2, FlowContext("v1"))
    pump.flow(1, 2, other)
    pump.hang(other)
    assert (pump.reported[1].visit, pump.reported[1].authorisation) == ("v1", None)


def test_fuel_with_the_nozzle_hung_is_counted_flagged_and_ends_later(pump: Pump) -> None:
    events = pump.poll(pulses=30, context=FlowContext("v1", None, "粤B12345", None))
    assert kinds(events) == [Lifted, Started, Progress]
    assert pump.poll(9.8, context=FlowContext()) == []
    (ended,) = pump.poll(0.3, context=FlowContext())
    assert isinstance(ended, Ended)
    assert ended.fuelling is not None
    assert ended.fuelling.volume_ml == 300
    assert ended.fuelling.flags == ("nozzle_hung", "no_authorisation")
    assert (ended.fuelling.visit, ended.fuelling.plate) == (None, None), "whoever stands there has not lifted"


def test_a_dead_nozzle_switch_under_green_is_charged_and_flagged(pump: Pump) -> None:
    pump.flow(3, 8)
    (ended,) = [e for e in pump.poll(10.1) if isinstance(e, Ended)]
    assert ended.fuelling is not None
    assert (ended.fuelling.volume_ml, ended.fuelling.authorisation) == (3000, "a1")
    assert ended.fuelling.flags == ("nozzle_hung",)
    assert pump.reported == [ended.fuelling]


def test_one_stray_pulse_is_noise_kept_and_flagged_without_a_payer(pump: Pump) -> None:
    assert pump.poll(pulses=1) == []
    assert pump.poll(60) == []
    assert pump.reported == []
    fuelling = pump.fuel(3)
    noise, posted = pump.reported
    assert posted == fuelling
    assert (posted.volume_ml, posted.flags, posted.authorisation) == (3000, (), "a1")
    assert (noise.volume_ml, noise.visit, noise.authorisation, noise.plate) == (10, None, None, None)
    assert noise.flags == ("stray_pulses", "nozzle_hung", "no_authorisation")
    assert (noise.totaliser_after_ml, noise.sequence + 1) == (posted.totaliser_before_ml, posted.sequence)


def test_slow_noise_is_never_a_flow_and_reported_by_the_litre(pump: Pump) -> None:
    for _ in range(250):
        assert [e for e in pump.poll(4, pulses=1) if not isinstance(e, Strayed)] == []
    assert [r.volume_ml for r in pump.reported] == [1000, 1000]
    assert pump.meter.noise_ml == 500


def test_noise_before_a_flow_is_not_added_to_it(pump: Pump) -> None:
    pump.poll(pulses=5)
    pump.poll(30)
    pump.flow(2, 5)
    pump.poll(11)
    noise, flow = pump.reported
    assert (noise.volume_ml, flow.volume_ml) == (50, 2000)
    assert flow.totaliser_before_ml == noise.totaliser_after_ml


def test_noise_survives_a_power_cut(pump: Pump) -> None:
    pump.poll(pulses=1)
    pump.poll(2)
    pump.cut_power()
    (noise,) = pump.reported
    assert noise.volume_ml == 10
    assert noise.flags == ("stray_pulses", "nozzle_hung", "no_authorisation", "power_cut")
    assert pump.fuel(1) is not None


@pytest.mark.parametrize(("close", "flags"), [(0, ()), (1, ()), (2, ("pulser_bounce",)), (300, ("pulser_bounce",))])
def test_a_pulser_that_bounces_is_flagged_by_its_close_edges(pump: Pump, close: int, flags: tuple[str, ...]) -> None:
    pump.lift()
    pump.clock.advance(6)
    pump.pulses += 300
    pump.meter.poll(DispenserReading(True, pump.pulses, close), PAID)
    pump.lifted = False
    pump.clock.advance(0.1)
    pump.meter.poll(DispenserReading(False, pump.pulses, close), PAID)
    pump.clock.advance(0.6)
    pump.meter.poll(DispenserReading(False, pump.pulses, close), PAID)
    (fuelling,) = pump.reported
    assert (fuelling.volume_ml, fuelling.flags) == (3000, flags)


def test_an_impossible_flow_is_flagged(pump: Pump) -> None:
    assert pump.fuel(39, 12).flags == ()  # type: ignore[union-attr]
    assert pump.fuel(45, 12).flags == ("impossible_flow",)  # type: ignore[union-attr]


def test_a_counter_that_goes_back_is_flagged_and_loses_nothing(pump: Pump) -> None:
    pump.lift()
    pump.flow(2, 4)
    pump.pulses = 0
    pump.poll(pulses=20)
    pump.hang()
    (fuelling,) = pump.reported
    assert (fuelling.volume_ml, fuelling.flags) == (2200, ("counter_reset",))


def test_a_clock_set_in_between_moves_the_start_along(pump: Pump) -> None:
    pump.clock.set_wall(datetime(1970, 1, 1, tzinfo=UTC))
    pump.lift()
    pump.flow(2, 10)
    pump.clock.set_wall(START)
    pump.flow(2, 10)
    pump.hang()
    (fuelling,) = pump.reported
    assert fuelling.ended_at == pump.clock.now()
    assert fuelling.ended_at - fuelling.started_at == timedelta(seconds=20.6)
    assert set(fuelling.flags) == {"clock_unset", "clock_jumped"}


def test_a_clock_that_goes_back_does_not_end_before_the_start(pump: Pump) -> None:
    pump.lift()
    pump.flow(2, 10)
    pump.clock.set_wall(START - timedelta(hours=1))
    pump.flow(2, 10)
    pump.hang()
    (fuelling,) = pump.reported
    assert fuelling.started_at < fuelling.ended_at
    assert fuelling.flags == ("clock_jumped",)


def test_a_price_of_the_settings_is_flagged(pump: Pump) -> None:
    pump.price = UnitPrice(700, from_settings=True)
    fuelling = pump.fuel(1)
    assert fuelling is not None
    assert (fuelling.amount_fen, fuelling.flags) == (700, ("price_from_settings",))


def test_a_price_that_changes_in_between_waits_for_the_next_fuelling(pump: Pump) -> None:
    pump.lift()
    pump.flow(1, 2)
    pump.price = UnitPrice(900)
    pump.flow(1, 2)
    pump.hang()
    pump.fuel(1)
    assert [f.amount_fen for f in pump.reported] == [1600, 900]


def test_a_power_cut_closes_the_fuelling_from_the_last_stored_pulse_once(pump: Pump) -> None:
    pump.lift()
    pump.flow(10, 20)
    ended_at = pump.clock.now()
    pump.clock.advance(3600)
    pump.cut_power()
    interrupted = pump.journal.interrupted
    assert interrupted is not None
    assert pump.reported == [interrupted]
    assert interrupted.flags == ("power_cut",)
    assert 10_000 - 500 <= interrupted.volume_ml <= 10_000
    assert ended_at - timedelta(seconds=1.1) <= interrupted.ended_at <= ended_at
    assert interrupted.authorisation == "a1"
    pump.cut_power()
    assert pump.journal.interrupted is None
    assert len(pump.reported) == 1
    after = pump.fuel(1)
    assert after is not None
    assert after.sequence == interrupted.sequence + 1
    assert after.totaliser_before_ml == interrupted.totaliser_after_ml


def test_an_orderly_end_stores_the_last_pulse(pump: Pump) -> None:
    pump.lift()
    pump.flow(1.23, 2)
    pump.poll(0.01, pulses=4)
    pump.meter.suspend()
    pump.cut_power()
    assert [f.volume_ml for f in pump.reported] == [1270]


def test_stored_progress_is_never_older_than_a_second_or_half_a_litre(pump: Pump) -> None:
    pump.lift()
    for _ in range(100):
        pump.poll(0.1, pulses=random.Random(pump.pulses).randrange(12))
        (row,) = pump.state.rows("SELECT pulses FROM open_fuelling") or [{"pulses": 0}]
        assert (pump.pulses - row["pulses"]) * 10 < 500 + 120


def test_another_scale_begins_at_the_next_start(pump: Pump) -> None:
    pump.fuel(5)
    pump.pulses_per_l = Fraction(333, 10)
    pump.cut_power()
    pump.lift()
    pump.poll(pulses=333)
    pump.hang()
    last = pump.reported[-1]
    assert (last.totaliser_before_ml, last.totaliser_after_ml, last.volume_ml) == (5000, 15_000, 10_000)


def test_a_disk_that_is_full_for_a_while_loses_nothing(pump: Pump, caplog: pytest.LogCaptureFixture) -> None:
    pump.fuel(1)
    pump.journal.full = True
    assert pump.fuel(2).sequence == FIRST + 1  # type: ignore[union-attr]
    assert pump.fuel(3).sequence == FIRST + 2  # type: ignore[union-attr]
    pump.lift()
    pump.flow(4, 6)
    assert isinstance(pump.meter.trouble, StateFull)
    assert pump.meter.unwritten == 3
    assert len([r for r in caplog.records if "cannot be stored" in r.message]) == 1
    pump.journal.full = False
    pump.poll(1.1)
    assert pump.meter.trouble is None
    assert [f.volume_ml for f in pump.reported] == [1000, 2000, 3000]
    pump.cut_power()
    assert [f.sequence for f in pump.reported] == [FIRST, FIRST + 1, FIRST + 2, FIRST + 3]


def test_a_late_repeat_of_a_write_brings_no_ended_fuelling_back(pump: Pump) -> None:
    pump.lift()
    pump.flow(1, 2)
    (row,) = pump.state.rows("SELECT fuelling FROM open_fuelling")
    pump.hang()
    pump.journal.save(decode(Fuelling, json.loads(row["fuelling"])), pump.journal.load().totaliser)
    assert pump.state.rows("SELECT * FROM open_fuelling") == []
    pump.cut_power()
    assert pump.journal.interrupted is None
    assert len(pump.reported) == 1


def test_a_new_file_never_repeats_a_sequence_of_a_lost_one(tmp_path: Path) -> None:
    pump = Pump(tmp_path / "x.sqlite3")
    used = {pump.fuel(1, 1).sequence for _ in range(50)}  # type: ignore[union-attr]
    pump.state.close()
    for file in tmp_path.iterdir():
        file.unlink()
    pump.start()
    assert pump.fuel(1).sequence > max(used)  # type: ignore[union-attr]
    unset = ManualClock(datetime(1970, 1, 1, tzinfo=UTC))
    assert 2**41 <= first_sequence(unset, random.Random()) < 2**42
    pump.state.close()


def test_a_damaged_file_gives_its_fuellings_back(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    pump = Pump(path)
    pump.fuel(2)
    pump.lift()
    pump.flow(3, 5)
    pump.meter.suspend()
    with pump.state.transaction():
        for n in range(400):
            pump.outbox.put("other", str(n), {"n": "x" * 40})
    pump.state.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    pump.state.close()
    data = bytearray(path.read_bytes())
    data[-8000:-4000] = b"\xa5" * 4000
    path.write_bytes(data)
    pump.clock.advance(1000)
    pump.start()
    assert pump.state.rescued_from is not None
    assert [f.volume_ml for f in pump.reported] == [2000, 3000]
    after = pump.fuel(1)
    assert after is not None
    assert after.sequence >= FIRST + 1000, "beyond all that the damaged file can have used"
    assert after.totaliser_before_ml == 5000
    pump.state.close()


def test_prices_are_remembered(tmp_path: Path) -> None:
    clock = ManualClock()
    received = [Price(product="92", unit_price_fen_per_l=812), Price(product="0", unit_price_fen_per_l=755)]
    with StateFile(tmp_path / "x.sqlite3", clock) as state:
        book = PriceBook(state, clock, lambda deadline_s: received)
        assert book.unit_price("92", 700) == UnitPrice(700, from_settings=True)
        book.refresh(1.0)
        assert book.unit_price("92", 700) == UnitPrice(812)
        del received[1]
        book.refresh(1.0)
    with StateFile(tmp_path / "x.sqlite3", clock) as state:
        book = PriceBook(state, clock, lambda deadline_s: received)
        assert book.unit_price("92", 700) == UnitPrice(812)
        assert book.unit_price("0", 700).from_settings


class Wires:
    """A dispenser whose wires a test moves."""

    name = "d1"

    def __init__(self) -> None:
        self.reading = DispenserReading(False, 0)
        self.permits: list[bool] = []
        self.closed = 0

    def poll(self) -> DispenserReading:
        return self.reading

    def permit(self, allowed: bool) -> None:
        self.permits.append(allowed)

    def close(self) -> None:
        self.closed += 1


def test_the_terminal_tells_the_lane_and_wakes_the_courier(pump: Pump) -> None:
    wires, woken = Wires(), []
    terminal = MeteredTerminal(wires, pump.meter, lambda: woken.append(1))
    received = []
    context = replace(PAID, limit_fen=800)
    for lifted, pulses, seconds in ((True, 0, 0.1), (True, 100, 0.1), (False, 100, 0.1), (False, 100, 0.6)):
        pump.clock.advance(seconds)
        wires.reading = DispenserReading(lifted, pulses)
        received += terminal.poll(context)
    assert [t.event for t in received] == [NozzleLifted(), LimitReached(), NozzleHung(1000)]
    assert [t.fuelling for t in received] == [None, None, pump.reported[0]]
    assert woken == [1]
    terminal.permit(True)
    pump.meter.trouble = StateFull("full")
    terminal.poll(context)
    terminal.permit(True)
    pump.meter.trouble = None
    terminal.poll(context)
    terminal.permit(False)
    assert wires.permits == [True, False, False, True, False]
    terminal.close()
    assert wires.closed == 1


def test_the_courier_is_woken_when_the_report_is_on_the_disk_and_not_before(pump: Pump) -> None:
    wires, woken = Wires(), []
    terminal = MeteredTerminal(wires, pump.meter, lambda: woken.append(len(pump.reported)))
    pump.journal.full = True
    for lifted, pulses, seconds in ((True, 0, 0.1), (True, 100, 0.1), (False, 100, 0.1), (False, 100, 0.6)):
        pump.clock.advance(seconds)
        wires.reading = DispenserReading(lifted, pulses)
        terminal.poll(PAID)
    assert woken == []
    pump.journal.full = False
    pump.clock.advance(2.0)
    terminal.poll(PAID)
    terminal.poll(PAID)
    assert woken == [1]


PULSES = st.one_of(st.integers(0, 3), st.integers(0, 400))


class Station(RuleBasedStateMachine):
    """Whatever happens at the pump, each millilitre is in exactly one report or in the fuelling in progress."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.pump = Pump(Path(self.folder.name) / "x.sqlite3")
        self.lost_ml = 0

    @rule(
        seconds=st.sampled_from([0.05, 0.3, 1.2, 12.0]),
        pulses=st.one_of(st.integers(0, 3), st.integers(0, 400)),
        paid=st.booleans(),
    )
    def poll(self, seconds: float, pulses: int, paid: bool) -> None:
        self.pump.poll(seconds, pulses, PAID if paid else FlowContext())

    @rule()
    def lift(self) -> None:
        self.pump.lift()

    @rule()
    def hang(self) -> None:
        self.pump.lifted = False

    @rule()
    def jump(self) -> None:
        self.pump.clock.set_wall(START + timedelta(days=self.pump.pulses % 3))

    @rule()
    def cut(self) -> None:
        before = self.pump.meter.totaliser_ml
        self.pump.cut_power()
        self.lost_ml = before - self.pump.meter.totaliser_ml
        assert 0 <= self.lost_ml < 500 + 4000

    @invariant()
    def adds_up(self) -> None:
        reports = self.pump.reported
        assert [r.sequence for r in reports] == list(range(FIRST, FIRST + len(reports)))
        totals = [0]
        for report in reports:
            assert report.totaliser_before_ml == totals[-1]
            assert report.volume_ml == report.totaliser_after_ml - report.totaliser_before_ml > 0
            assert report.started_at <= report.ended_at
            assert report.metered_ml is not None
            assert abs(report.metered_ml - report.volume_ml) <= 1, "its own pulses, and no other's"
            assert decode(Fuelling, encode(report)) == report
            totals.append(report.totaliser_after_ml)
        assert self.pump.meter.totaliser_ml >= totals[-1]

    @precondition(lambda self: not self.pump.lifted)
    @rule()
    def rest(self) -> None:
        self.pump.poll(0.6)
        self.pump.poll(11)
        total = self.pump.reported[-1].totaliser_after_ml if self.pump.reported else 0
        assert self.pump.meter.totaliser_ml == total + self.pump.meter.noise_ml
        assert self.pump.meter.noise_ml < 1000

    def teardown(self) -> None:
        self.pump.state.close()
        self.folder.cleanup()


TestStation = Station.TestCase
TestStation.settings = hypothesis_settings(max_examples=15, stateful_step_count=25)
