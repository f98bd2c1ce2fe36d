"""One scenario while it plays: vehicles that come and go, and what people do meanwhile."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.faults.three_hosts.camera import NO_PLATE
from tests.faults.three_hosts.machine import NeverCame
from tests.faults.three_hosts.network import Line, Rule
from tests.faults.three_hosts.town import PRICE_FEN_PER_L, Lane, Town
from tests.station.cable import Fault

GREEN = r"lamp green: ok, visit {visit}"
REFUSED = r"visit {visit}: answer refuse"
UNANSWERED = r"visit {{visit}}: no usable answer, {}"
LATEST_S = 120.0

EITHER = "green"
"""An expected reason: by the server or by the list."""

OUTCOMES = {
    EITHER: GREEN,
    "ok": GREEN,
    "offline_allowed": GREEN,
    "offline_cap": REFUSED,
    "service_silent": UNANSWERED.format("service_silent"),
    "service_fault": UNANSWERED.format("service_fault"),
}
"""What the lane's log says once an answer of that reason has reached the lamp."""


@dataclass(frozen=True)
class Coming:
    """A vehicle that will come. expected: reasons in order. typed: the plate is torn off and typed at the panel.

    meanwhile: done between the first and the second reason or, where one only is expected, when half has been fuelled.
    """

    lane: str
    plate: str
    words: str
    expected: tuple[str, ...]
    wants_fen: int = 0
    typed: bool = False
    meanwhile: Callable[[], object] | None = None


@dataclass(frozen=True)
class Came:
    """A vehicle that was there."""

    coming: Coming
    visit: str


class Scene:
    """What a scenario can do with the town. plates, poor: vehicles that no scenario has used yet."""

    def __init__(self, town: Town, plates: Iterator[str], poor: Iterator[str]) -> None:
        self.town = town
        self.came: list[Came] = []
        self.waiting_unit = self.waiting_station = 0
        self.mended_s = self.began_real_s = time.monotonic()
        self.began = town.shift.now()
        self._plates, self._poor = plates, poor

    def car(self) -> str:
        """A vehicle whose card is on the offline list."""
        return self._drawn(next(self._plates))

    def poor_car(self) -> str:
        """One whose card has money for a visit, but not enough to be on the list."""
        return self._drawn(next(self._poor))

    def _drawn(self, plate: str) -> str:
        self.town.vehicles.draw(plate)
        return plate

    def cut(self, rule: Rule = Rule.CUT, line: Line = Line.SERVER) -> None:
        self.town.network.rule(line, rule)

    def spoil(self, fault: Fault) -> None:
        """From now on this happens to the server's answers."""
        self.town.cable.fault = fault

    def mend(self) -> None:
        """All is well again from this moment. What waits on the disks is counted just before."""
        self.waiting_unit = sum(waiting(lane_file(lane)) for lane in self.town.lanes.values())
        self.waiting_station = waiting(station_file(self.town))
        for line in Line:
            self.town.network.rule(line, Rule.WELL)
        self.town.cable.fault = Fault.NONE
        self.mended_s = time.monotonic()

    def minutes(self, count: float) -> None:
        self.town.pass_time(60 * count)

    def come(self, *comings: Coming) -> None:
        """Each at its lane, side by side; returns when all are gone."""
        with ThreadPoolExecutor(len(comings)) as pool:
            here = list(pool.map(self._arrive, comings))
            for coming in comings:
                if coming.meanwhile is not None and len(coming.expected) > 1:
                    coming.meanwhile()
            self.came += pool.map(self._stay, here)

    def delivered(self) -> None:
        """Wait until the station has every fuelling of the lanes."""
        for lane in self.town.lanes.values():
            lane.machine.wait_until(partial(_is_delivered, lane), "the station has all", LATEST_S)

    def _arrive(self, coming: Coming) -> Came:
        """Up to what the lamp makes of the first answer."""
        lane = self.town.lanes[coming.lane]
        mark = lane.machine.mark()
        lane.camera.arrives(NO_PLATE if coming.typed else coming.plate)
        came = Came(coming, lane.machine.wait_for(r"visit (\S+): a vehicle came", mark)[1])
        if coming.typed:
            self.town.type_plate(coming.lane, coming.plate)
        self._answered(lane, came, coming.expected[0])
        return came

    def _stay(self, came: Came) -> Came:
        coming, lane = came.coming, self.town.lanes[came.coming.lane]
        for reason in coming.expected[1:]:
            self._answered(lane, came, reason)
        if coming.wants_fen:
            self._fuel(lane, coming)
        lane.camera.empty()
        lane.machine.wait_for(f"visit {came.visit}: .* s$")
        return came

    def _answered(self, lane: Lane, came: Came, reason: str) -> None:
        """Wait for it, or for a green instead; whether it was the right thing, the record tells."""
        with contextlib.suppress(NeverCame):
            lane.machine.wait_for(f"{OUTCOMES[reason]}|{GREEN}".format(visit=came.visit), longest_s=LATEST_S)

    def _fuel(self, lane: Lane, coming: Coming) -> None:
        before = len(lane.told("taken"))
        wants_ml = coming.wants_fen * 1000 // PRICE_FEN_PER_L
        if coming.meanwhile is not None and len(coming.expected) == 1:
            halts = len(lane.told("halfway"))
            lane.machine.say(f"{wants_ml} halt")
            lane.machine.wait_until(lambda: len(lane.told("halfway")) > halts, "half of it has flowed")
            lane.machine.wait_until(lambda: _flowing(lane), "the running fuelling is on disk")
            coming.meanwhile()
            lane.machine.say("go on")
        else:
            lane.machine.say(str(wants_ml))
        lane.machine.wait_until(lambda: len(lane.told("taken")) > before, "the motorist is done")


def _is_delivered(lane: Lane) -> bool:
    return waiting(lane_file(lane)) == 0


def _flowing(lane: Lane) -> bool:
    return bool(rows(lane_file(lane), "SELECT 1 FROM open_fuelling"))


def lane_file(lane: Lane) -> Path:
    return lane.state / "lane.sqlite3"


def station_file(town: Town) -> Path:
    return town.station_state / "station.sqlite3"


def rows(path: Path, sql: str) -> list[sqlite3.Row]:
    """Rows of a state file that a program has open, read beside it."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as opened:
        opened.row_factory = sqlite3.Row
        return opened.execute(sql).fetchall()


def waiting(path: Path, kind: str = "fuelling%") -> int:
    """Messages in a program's outbox that nobody has taken yet, parked ones included."""
    sql = f"SELECT count(*) FROM message WHERE state <> 'sent' AND kind LIKE '{kind}'"
    return int(rows(path, sql)[0][0])
