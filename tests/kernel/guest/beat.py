"""A process that shows green under a long lease and beats for systemd's watchdog, until it is stopped."""

from __future__ import annotations

from controller.clock import SystemClock
from controller.records import LampColour
from hardware.lamp import GpioLamp, LampWires
from hardware.pins import open_pin_factory
from hardware.watchdog import systemd_watchdog


def main() -> None:
    clock = SystemClock()
    pins = open_pin_factory("lgpio")
    with GpioLamp(LampWires(17, 27, red_rests_lit=True), pins, clock) as lamp, systemd_watchdog(clock) as watchdog:
        lamp.show(LampColour.GREEN, 600.0)
        watchdog.ready()
        watchdog.status("beating")
        while True:
            watchdog.alive()
            clock.sleep(0.2)


main()
