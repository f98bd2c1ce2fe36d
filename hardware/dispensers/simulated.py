"""A dispenser without wires: nozzle and flow follow a script by the clock, a customer, or are moved by hand."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace

from controller.errors import DispenserFault
from controller.ports import Clock
from controller.records import DispenserReading
from hardware.dispensers.gpio import PERMIT_LEASE_S, PermitLease
from hardware.resource import Resource


@dataclass(frozen=True, slots=True)
class Filling:
    """One fuelling of a script; moments in the clock's monotonic seconds, lift <= flow from <= flow to <= hang."""

    lift_s: float
    flow_from_s: float
    flow_to_s: float
    hang_s: float
    litres_per_min: float = 40.0

    @classmethod
    def of(cls, litres: float, lift_s: float, litres_per_min: float = 40.0, rest_s: float = 1.0) -> Filling:
        """litres, begun and ended with rest_s of a lifted nozzle without flow."""
        begin_s = lift_s + rest_s
        end_s = begin_s + 60 * litres / litres_per_min
        return cls(lift_s, begin_s, end_s, end_s + rest_s, litres_per_min)

    def ended(self, at_s: float, rest_s: float) -> Filling:
        """The same filling, whose flow ends at_s at the latest and whose nozzle is hung up rest_s later."""
        flow_to_s = max(self.flow_from_s, min(self.flow_to_s, at_s))
        return replace(self, flow_to_s=flow_to_s, hang_s=min(self.hang_s, at_s + rest_s))


@dataclass(frozen=True, slots=True)
class Customer:
    """Who lifts the nozzle when the permit comes, takes so many litres, and hangs it up; at once where it goes."""

    litres: float
    lift_after_s: float = 2.0
    litres_per_min: float = 40.0
    rest_s: float = 0.4

    def filling(self, permitted_s: float) -> Filling:
        return Filling.of(self.litres, permitted_s + self.lift_after_s, self.litres_per_min, self.rest_s)


class SimulatedDispenser(Resource):
    """Plays fillings; add() gives it more, lift(), squeeze() and hang() move it by hand between them.

    customer: takes fuel by themselves after each permit; None where nobody comes.
    pulses_per_litre: of the simulated pulser.
    has_permit_relay: fuel flows only while permitted; like the wired one the permit lapses when nobody polls for 2 s.
    """

    def __init__(
        self,
        clock: Clock,
        fillings: Iterable[Filling] = (),
        *,
        customer: Customer | None = None,
        pulses_per_litre: float = 100.0,
        has_permit_relay: bool = True,
        name: str = "simulated dispenser",
    ) -> None:
        self.name = name
        self._clock = clock
        self._fillings = list(fillings)
        self._customer = customer
        self._pulses_per_litre = pulses_per_litre
        self._lease = PermitLease(PERMIT_LEASE_S if has_permit_relay else math.inf)
        self._has_relay = has_permit_relay
        self._lock = threading.Lock()
        self._now_s = clock.monotonic_s()
        self._flowed_l = 0.0
        self._lifted = False
        self._flow_l_per_s = 0.0
        self._closed = False

    def add(self, filling: Filling) -> None:
        with self._lock:
            self._fillings.append(filling)

    def lift(self) -> None:
        with self._lock:
            self._advance()
            self._lifted = True

    def squeeze(self, litres_per_min: float) -> None:
        """Let it flow, 0 to stop; nothing flows while the nozzle hangs or without a permit."""
        with self._lock:
            self._advance()
            self._flow_l_per_s = litres_per_min / 60

    def hang(self) -> None:
        with self._lock:
            self._advance()
            self._lifted, self._flow_l_per_s = False, 0.0

    def poll(self) -> DispenserReading:
        with self._lock:
            self._advance()
            now_s = self._now_s
            self._lease.polled(now_s)
            lifted = self._lifted or any(f.lift_s <= now_s < f.hang_s for f in self._fillings)
            return DispenserReading(lifted, math.floor(self._flowed_l * self._pulses_per_litre + 1e-6))

    def permit(self, allowed: bool) -> None:
        with self._lock:
            if self._closed and allowed:
                raise DispenserFault(f"{self.name} is closed")
            self._advance()
            was_permitted = self._lease.allowed and not self._lease.lapsed(self._now_s)
            self._lease.permit(allowed, self._now_s)
            if self._customer is not None and allowed is not was_permitted:
                self._serve(self._customer, allowed)

    @property
    def permitted(self) -> bool:
        """What the relay does now."""
        with self._lock:
            return self._lease.allowed and not self._lease.lapsed(self._clock.monotonic_s())

    def close(self) -> None:
        self._closed = True
        self.permit(False)

    def _serve(self, customer: Customer, is_permitted: bool) -> None:
        """The customer begins where nothing runs, or ends what runs; what is over is forgotten."""
        running = [f for f in self._fillings if f.hang_s > self._now_s]
        if is_permitted:
            self._fillings = running or [customer.filling(self._now_s)]
        else:
            lifted = (f for f in running if f.lift_s <= self._now_s)
            self._fillings = [f.ended(self._now_s, customer.rest_s) for f in lifted]

    def _advance(self) -> None:
        """Add what flowed since the last call, as far as the permit allowed it."""
        before_s, self._now_s = self._now_s, self._clock.monotonic_s()
        open_until_s = self._lease.open_until_s(self._now_s) if self._has_relay else self._now_s
        end_s = min(self._now_s, open_until_s)
        if end_s <= before_s:
            return
        if self._lifted:
            self._flowed_l += self._flow_l_per_s * (end_s - before_s)
        for filling in self._fillings:
            flowing_s = min(end_s, filling.flow_to_s) - max(before_s, filling.flow_from_s)
            self._flowed_l += max(0.0, flowing_s) * filling.litres_per_min / 60
