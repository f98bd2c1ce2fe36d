"""A lane unit as `greenlane run` runs it, under shifted clocks, with a motorist at its simulated pump.

Run as `python -m tests.faults.three_hosts.unit SHIFT_FILE LANE_TOML`. Lines in: `look` is answered when the lane has
seen its empty place since then; a number of millilitres is a motorist who wants so much, and with `halt` behind it
stops half-way until the next line. Lines out are JSON: the lamp's pins at each change, and what became of the lines in.
Nothing here takes a time for granted: on a busy machine the lane is slow, and the motorist waits for it.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from controller import settings as settings_file
from controller.ports import Clock
from greenlane import wiring
from greenlane.wiring import LaneUnit
from hardware.dispensers.simulated import Filling, SimulatedDispenser
from tests.faults.three_hosts.shifted import Shift, clocks_shifted
from wire.live import LampState, LaneStatus
from wire.reasons import Reason

LITRES_PER_MIN = 180.0
PORTION_ML = 300
"""Squeezed at once, and metered by the lane before the next: so much at most is taken beyond a limit."""
PORTION_AGAIN_S = 2.0
"""A lane that stood still for too long closed its pump, and the rest of a portion never came."""
LONGEST_S = 120.0
LOOK_EVERY_S = 0.02


LINES = threading.Lock()
"""print() writes a line and its end apart, and others write between them."""


def report(**facts: Any) -> None:
    with LINES:
        print(json.dumps(facts), flush=True)


class Motorist:
    """Refuels as much as wanted, or as much as the lane allows."""

    def __init__(self, unit: LaneUnit, clock: Clock) -> None:
        assert isinstance(unit.dispenser, SimulatedDispenser)
        self._unit = unit
        self._pump = unit.dispenser
        self._clock = clock

    def serve(self) -> None:
        """Do what the lines of stdin want, one after another."""
        for line in sys.stdin:
            if line == "look\n":
                report(seen=wait_until(partial(self._has_seen_its_empty_place, self._clock.now())))
            else:
                wanted_ml, *halt = line.split()
                self._take(int(wanted_ml), bool(halt))

    def _has_seen_its_empty_place(self, since: datetime) -> bool:
        runner = self._unit.runner
        seen_at = runner._seen_at
        return (
            seen_at is not None and seen_at > since and runner.state.camera is None and runner._watcher.trigger.trusted
        )

    def _take(self, wanted_ml: int, halts: bool) -> None:
        wait_until(lambda: self._status is not None and self._status.lamp is LampState.GREEN)
        self._pump.lift()
        wait_until(lambda: self._unit.runner.state.flow is not None)
        if halts:
            self._squeeze(wanted_ml // 20 * 10)
            report(halfway=wanted_ml)
            sys.stdin.readline()
        self._squeeze(wanted_ml)
        self._pump.hang()
        wait_until(lambda: self._unit.runner.state.flow is None)
        report(taken=wanted_ml, pulses=self._pump.poll().pulses)

    def _squeeze(self, up_to_ml: int) -> None:
        """Portion by portion, until the lane has metered so much or stops it."""
        ends_s = time.monotonic() + LONGEST_S
        while self._metered_ml < up_to_ml and not self._is_stopped and time.monotonic() < ends_s:
            portion_ml = min(PORTION_ML, up_to_ml - self._metered_ml)
            self._pump.add(Filling.of(portion_ml / 1000, self._clock.monotonic_s(), LITRES_PER_MIN, rest_s=0.0))
            due_ml = self._metered_ml + portion_ml
            wait_until(partial(self._has_metered, due_ml), PORTION_AGAIN_S)

    def _has_metered(self, due_ml: int) -> bool:
        return self._metered_ml >= due_ml or self._is_stopped

    @property
    def _status(self) -> LaneStatus | None:
        return self._unit.panel.status

    @property
    def _metered_ml(self) -> int:
        return (self._status.volume_ml if self._status else None) or 0

    @property
    def _is_stopped(self) -> bool:
        return self._status is not None and self._status.reason is Reason.LIMIT_REACHED


def wait_until(is_so: Callable[[], bool], longest_s: float = LONGEST_S) -> bool:
    """Whether it came to be so."""
    ends_s = time.monotonic() + longest_s
    while not is_so():
        if time.monotonic() > ends_s:
            return False
        time.sleep(LOOK_EVERY_S)
    return True


def watch_pins(unit: LaneUnit, clock: Clock) -> None:
    """Tell each change of the lamp as its pins have it, whatever the lane believes."""
    lamp: Any = unit.runner._parts.lamp
    lights = {"red": lamp._red, "green": lamp._green}

    def lit() -> str:
        return "+".join(name for name, light in lights.items() if light.value) or "off"

    before = ""
    while True:
        colour = lit()
        if colour != before and colour == lit():
            report(lamp=colour, at=clock.now().timestamp())
            before = colour
        time.sleep(LOOK_EVERY_S)


def main() -> int:
    shift, settings = Shift(Path(sys.argv[1])), settings_file.load(Path(sys.argv[2]))
    wiring.set_up_logging(settings, journal=False)
    with clocks_shifted(shift), LaneUnit(settings) as unit:
        signal.signal(signal.SIGTERM, lambda *_: unit.stop())
        threading.Thread(target=watch_pins, args=(unit, shift), daemon=True).start()
        threading.Thread(target=Motorist(unit, shift).serve, daemon=True).start()
        return unit.run()


if __name__ == "__main__":
    sys.exit(main())
