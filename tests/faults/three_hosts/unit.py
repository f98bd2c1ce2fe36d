"""A lane unit as `greenlane run` runs it, under shifted clocks, with a motorist at its simulated pump.

Run as `python -m tests.faults.three_hosts.unit SHIFT_FILE LANE_TOML`. Each line in, a number of millilitres, is a
motorist who takes the nozzle and wants so much. Lines out are JSON: the lamp's pins at each change, and what was taken.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from controller import settings as settings_file
from controller.ports import Clock
from greenlane import wiring
from greenlane.wiring import LaneUnit
from hardware.dispensers.simulated import SimulatedDispenser
from tests.faults.three_hosts.shifted import Shift, clocks_shifted

LITRES_PER_MIN = 180.0
REST_S = 0.3
LEAVES_AFTER_S = 1.0
STOPPED_AFTER_S = 1.5
LOOK_EVERY_S = 0.02


def report(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


class Motorist:
    """Refuels as much as wanted, or as much as the pump gives."""

    def __init__(self, unit: LaneUnit) -> None:
        assert isinstance(unit.dispenser, SimulatedDispenser)
        self._unit = unit
        self._pump = unit.dispenser

    def serve(self) -> None:
        """Do what the lines of stdin want, one after another."""
        for line in sys.stdin:
            self._take(int(line))

    def _take(self, wanted_ml: int) -> None:
        self._pump.lift()
        time.sleep(REST_S)
        self._pump.squeeze(LITRES_PER_MIN)
        got_ml, since_s = 0, time.monotonic()
        while got_ml < wanted_ml and time.monotonic() - since_s < STOPPED_AFTER_S:
            time.sleep(LOOK_EVERY_S)
            status = self._unit.panel.status
            running_ml = (status.volume_ml if status else None) or 0
            if running_ml > got_ml:
                got_ml, since_s = running_ml, time.monotonic()
        self._pump.squeeze(0)
        time.sleep(REST_S)
        self._pump.hang()
        time.sleep(LEAVES_AFTER_S)
        report(taken=wanted_ml, pulses=self._pump.poll().pulses)


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
        threading.Thread(target=Motorist(unit).serve, daemon=True).start()
        return unit.run()


if __name__ == "__main__":
    sys.exit(main())
