"""The wires of a fuel dispenser on GPIO: nozzle switch, pulser and permit relay."""

from __future__ import annotations

import logging
import math
import threading
from dataclasses import dataclass

from gpiozero import DigitalInputDevice, DigitalOutputDevice

from controller.errors import DispenserFault
from controller.ports import Clock
from controller.records import DispenserReading
from hardware.dispensers.pulses import PulseCounter, pulse_counter
from hardware.lease import LeaseGuard
from hardware.pins import Pins, pin_errors
from hardware.resource import Resource

PERMIT_LEASE_S = 2.0
"""A loop that polls several times a second is dead when it has been silent this long."""

log = logging.getLogger(__name__)


class Debounce:
    """Believes a switch only after it has rested for rest_s; begins with the state that it is given."""

    def __init__(self, state: bool, now_s: float, rest_s: float) -> None:
        self._rest_s = rest_s
        self._believed = self._seen = state
        self._since_s = now_s

    def saw(self, state: bool, now_s: float) -> None:
        """An edge, or a look at the switch."""
        if state is not self._seen:
            self._seen, self._since_s = state, now_s

    def state(self, now_s: float) -> bool:
        if now_s - self._since_s >= self._rest_s:
            self._believed = self._seen
        return self._believed


class PermitLease:
    """Whether the permit relay may stay energised: permitted, and polled within lease_s."""

    def __init__(self, lease_s: float) -> None:
        self._lease_s = lease_s
        self._until_s = -math.inf
        self.allowed = False

    def permit(self, allowed: bool, now_s: float) -> None:
        self.allowed = allowed
        self._until_s = now_s + self._lease_s

    def polled(self, now_s: float) -> None:
        """Renews a permit that has not run out."""
        if self.allowed and not self.lapsed(now_s):
            self._until_s = now_s + self._lease_s

    def lapsed(self, now_s: float) -> bool:
        return self.allowed and now_s >= self._until_s

    def open_until_s(self, now_s: float) -> float:
        """Until when the relay has been energised since the last permit or poll; -inf without permit."""
        return min(now_s, self._until_s) if self.allowed else -math.inf


@dataclass(frozen=True, slots=True)
class DispenserWires:
    """How a dispenser hangs on GPIO pins (BCM numbers).

    Nozzle switch and pulser close to ground against the Pi's own pull-ups: a lifted nozzle and a pulse are low levels.
    permit_pin: output of the permit relay, None where none is wired. permit_active_high: a high pin energises it.
    debounce_s: the nozzle switch must rest this long. Pulses are counted by their falling edge and not debounced.
    closest_s: falling edges nearer to each other than this are told as bounces, and counted all the same.
    """

    nozzle_pin: int
    pulser_pin: int
    permit_pin: int | None = None
    permit_active_high: bool = True
    debounce_s: float = 0.05
    closest_s: float = 0.0


class GpioDispenser(Resource):
    """One dispenser on pins of a gpiozero pin factory, which stays the caller's.

    The permit relay drops when poll() has not been called for permit_lease_s, until permit(True) is called anew.
    guarded: a thread drops the relay of a dead loop; without it check() has to be called.
    Raises DispenserFault when the pins cannot be had.
    """

    def __init__(
        self,
        wires: DispenserWires,
        pins: Pins,
        clock: Clock,
        *,
        name: str = "dispenser",
        permit_lease_s: float = PERMIT_LEASE_S,
        guarded: bool = True,
    ) -> None:
        self.name = name
        self._clock = clock
        self._lock = threading.RLock()
        self._closed = False
        self._lease = PermitLease(permit_lease_s)
        self._devices: list[DigitalInputDevice | DigitalOutputDevice | PulseCounter] = []
        try:
            self._relay = self._wire_relay(wires, pins)
            self._nozzle = self._wire_input(wires.nozzle_pin, pins)
            self._pulser = pulse_counter(wires.pulser_pin, pins, wires.closest_s)
            self._devices.append(self._pulser)
        except pin_errors() as error:
            self._release()
            raise DispenserFault(f"{name}: its pins are not available: {error}") from error
        self._debounce = Debounce(self._nozzle.is_active, clock.monotonic_s(), wires.debounce_s)
        self._nozzle.pin.when_changed = self._nozzle_moved
        self._guard = LeaseGuard(f"permit of {name}", self.check) if guarded and self._relay is not None else None

    def poll(self) -> DispenserReading:
        """What the wires say; also the sign of life that keeps the permit relay energised. Raises DispenserFault."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            self._lease.polled(now_s)
            try:
                self._debounce.saw(bool(self._nozzle.is_active), now_s)
            except pin_errors() as error:
                raise DispenserFault(f"{self.name}: the nozzle switch cannot be read: {error}") from error
            pulses = self._counted()
            return DispenserReading(self._debounce.state(now_s), pulses, self._pulser.bounces)

    def permit(self, allowed: bool) -> None:
        """Energise or drop the permit relay; nothing happens where none is wired. Raises DispenserFault."""
        with self._lock:
            if self._closed and allowed:
                raise DispenserFault(f"{self.name} is closed")
            self._lease.permit(allowed, self._clock.monotonic_s())
            self._drive_relay(allowed)

    def check(self) -> None:
        """Drop the relay if the loop has not polled in time. Raises DispenserFault."""
        with self._lock:
            if not self._closed and self._lease.lapsed(self._clock.monotonic_s()):
                log.warning("%s was not polled in time: permit withdrawn", self.name)
                self._drive_relay(False)
                self._lease.permit(False, self._clock.monotonic_s())

    def close(self) -> None:
        with self._lock:
            already, self._closed = self._closed, True
        if already:
            return
        if self._guard is not None:
            self._guard.stop()
        try:
            self.permit(False)
        except DispenserFault as fault:
            log.error("the permit is left as it is: %s", fault)
        finally:
            with self._lock:
                self._release()

    def _wire_relay(self, wires: DispenserWires, pins: Pins) -> DigitalOutputDevice | None:
        if wires.permit_pin is None:
            return None
        relay = DigitalOutputDevice(
            wires.permit_pin, active_high=wires.permit_active_high, initial_value=False, pin_factory=pins
        )
        self._devices.append(relay)
        return relay

    def _wire_input(self, pin: int, pins: Pins) -> DigitalInputDevice:
        device = DigitalInputDevice(pin, pull_up=True, pin_factory=pins)
        self._devices.append(device)
        return device

    def _nozzle_moved(self, ticks: float, level: int) -> None:
        with self._lock:
            self._debounce.saw(not level, self._clock.monotonic_s())

    def _counted(self) -> int:
        try:
            return self._pulser.count()
        except pin_errors() as error:
            raise DispenserFault(f"{self.name}: the pulser cannot be read: {error}") from error

    def _drive_relay(self, allowed: bool) -> None:
        if self._relay is None:
            return
        if self._guard is not None:
            self._guard.watch(allowed)
        try:
            self._relay.value = allowed
            stuck = bool(self._relay.value) is not allowed
        except pin_errors() as error:
            raise DispenserFault(f"{self.name}: the permit relay cannot be driven: {error}") from error
        if stuck:
            raise DispenserFault(f"{self.name}: the permit relay's pin does not follow")

    def _release(self) -> None:
        """Edges end first: one that is told to a closed device would end lgpio's event thread for good."""
        for device in self._devices:
            try:
                if isinstance(device, DigitalInputDevice):
                    device.pin.when_changed = None
                device.close()
            except pin_errors() as error:
                log.error("a pin of %s does not close: %s", self.name, error)
