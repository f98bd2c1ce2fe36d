"""Red and green at the pump: green is a lease, everything else ends at red."""

from __future__ import annotations

import logging
import math
import threading
from abc import abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from gpiozero import LED

from controller.errors import LampFault
from controller.ports import Clock
from controller.records import LampChange, LampColour
from hardware.lease import LeaseGuard
from hardware.pins import Pins, pin_errors
from hardware.resource import Resource

log = logging.getLogger(__name__)

Listener = Callable[[LampChange], None]


class LeasedLamp(Resource):
    """The rules of every lamp; a subclass lights it. It begins at red.

    guarded: a thread turns green to red when its lease runs out. Without it check() has to be called, as with a clock
    that is moved by hand.
    listener: hears each change of colour, in the thread that made it.
    """

    def __init__(self, clock: Clock, guarded: bool, listener: Listener | None) -> None:
        self._clock = clock
        self._listener = listener
        self._lock = threading.RLock()
        self._expires_s = math.inf
        self._closed = False
        self._colour: LampColour | None = None
        self._show(LampColour.RED)
        self._guard = LeaseGuard("green", self.check) if guarded else None

    @property
    def colour(self) -> LampColour:
        with self._lock:
            return LampColour.RED if self._lapsed() or self._colour is None else self._colour

    def show(self, colour: LampColour, lease_s: float = 0.0) -> None:
        """Raises LampFault (after an attempt at red), and ValueError for green without a finite lease > 0."""
        if colour is LampColour.GREEN and not 0 < lease_s < math.inf:
            raise ValueError(f"green needs a lease of more than 0 s, not {lease_s}")
        with self._lock:
            if self._closed:
                raise LampFault("the lamp is closed")
            self._expires_s = self._clock.monotonic_s() + lease_s if colour is LampColour.GREEN else math.inf
            self._show(colour)
            self._watch_over(colour)

    def check(self) -> None:
        """Turn green to red if its lease has run out. Raises LampFault."""
        with self._lock:
            if not self._closed and self._lapsed():
                log.warning("green was not renewed in time: red")
                self._show(LampColour.RED)
                self._watch_over(LampColour.RED)

    def close(self) -> None:
        with self._lock:
            already, self._closed = self._closed, True
        if already:
            return
        if self._guard is not None:
            self._guard.stop()
        try:
            self._show(LampColour.RED)
        except LampFault as fault:
            log.error("the lamp is left as it is: %s", fault)
        finally:
            self._release()

    @abstractmethod
    def _drive(self, colour: LampColour) -> None:
        """Make the lights show it, never both at once. Raises LampFault."""

    @abstractmethod
    def _release(self) -> None:
        """Let go of the lights, at red where they can hold it."""

    def _lapsed(self) -> bool:
        return self._colour is LampColour.GREEN and self._clock.monotonic_s() >= self._expires_s

    def _watch_over(self, colour: LampColour) -> None:
        if self._guard is not None:
            self._guard.watch(colour is LampColour.GREEN)

    def _show(self, colour: LampColour) -> None:
        try:
            self._drive(colour)
        except LampFault:
            if colour is not LampColour.RED:
                with suppress(LampFault):
                    self._show(LampColour.RED)
            raise
        if colour is not self._colour:
            self._colour = colour
            if self._listener is not None:
                self._listener(LampChange(self._clock.monotonic_s(), colour))


@dataclass(frozen=True, slots=True)
class LampWires:
    """How a lamp's two lights hang on GPIO pins (BCM numbers).

    active_high: a high pin energises its light or relay.
    red_rests_lit: the red light hangs on the closed contact of its relay, so that it is lit without power and
    energising the pin puts it out (deploy/wiring.md). Only then is the lamp red after the process was killed.
    """

    red_pin: int
    green_pin: int
    active_high: bool = True
    red_rests_lit: bool = False


class GpioLamp(LeasedLamp):
    """Two lights on pins of a gpiozero pin factory, which stays the caller's.

    Each change is read back from the pins. Raises LampFault when the pins cannot be had.
    """

    def __init__(
        self, wires: LampWires, pins: Pins, clock: Clock, *, guarded: bool = True, listener: Listener | None = None
    ) -> None:
        red_pin, green_pin, active_high = wires.red_pin, wires.green_pin, wires.active_high
        self._lights: list[LED] = []
        try:
            self._green = self._light(green_pin, pins, active_high, lit=False)
            self._red = self._light(red_pin, pins, active_high is not wires.red_rests_lit, lit=True)
            super().__init__(clock, guarded, listener)
        except pin_errors() as error:
            self._release()
            raise LampFault(f"the lamp's pins {red_pin} and {green_pin} are not available: {error}") from error
        except LampFault:
            self._release()
            raise

    def _light(self, pin: int, pins: Pins, active_high: bool, *, lit: bool) -> LED:
        light = LED(pin, active_high=active_high, initial_value=lit, pin_factory=pins)
        self._lights.append(light)
        return light

    def _drive(self, colour: LampColour) -> None:
        """The light that goes out first, so that both are never lit; both are tried whatever fails."""
        wanted = {self._green: colour is LampColour.GREEN, self._red: colour is LampColour.RED}
        faults = [_switch(light, lit) for light, lit in sorted(wanted.items(), key=lambda item: item[1])]
        trouble = "; ".join(fault for fault in faults if fault)
        if trouble:
            raise LampFault(f"cannot show {colour}: {trouble}")

    def _release(self) -> None:
        for light in self._lights:
            try:
                light.close()
            except pin_errors() as error:
                log.error("a pin of the lamp does not close: %s", error)


def _switch(light: LED, lit: bool) -> str:
    """Switch and read back; what went wrong, or nothing."""
    try:
        if lit:
            light.on()
        else:
            light.off()
        return "" if bool(light.value) is lit else f"{light.pin} stays {'off' if lit else 'on'}"
    except pin_errors() as error:
        return f"{type(error).__name__}: {error}"


class FakeLamp(LeasedLamp):
    """A lamp without pins. timeline holds every change since it was made, its first red included."""

    def __init__(self, clock: Clock, *, guarded: bool = False, listener: Listener | None = None) -> None:
        self.timeline: list[LampChange] = []
        self._broken: frozenset[LampColour] = frozenset()
        self._shown_to = listener
        super().__init__(clock, guarded, self._note)

    def break_down(self, *colours: LampColour) -> None:
        """From now on these colours fail with LampFault; every colour when none is named."""
        self._broken = frozenset(colours or LampColour)

    def mend(self) -> None:
        self._broken = frozenset()

    def _note(self, change: LampChange) -> None:
        self.timeline.append(change)
        if self._shown_to is not None:
            self._shown_to(change)

    def _drive(self, colour: LampColour) -> None:
        if colour in self._broken:
            raise LampFault(f"cannot show {colour}: the fake lamp is broken")

    def _release(self) -> None:
        pass
