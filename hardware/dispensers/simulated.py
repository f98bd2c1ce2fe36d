"""A dispenser without wires: nozzle and flow follow a script by the clock, or are moved by hand."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass

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


class SimulatedDispenser(Resource):
    """Plays fillings; add() gives it more, lift(), squeeze() and hang() move it by hand between them.

    pulses_per_litre: of the simulated pulser.
    has_permit_relay: fuel flows only while permitted; like the wired one the permit lapses when nobody polls for 2 s.
    """

    def __init__(
        self,
        clock: Clock,
        fillings: Iterable[Filling] = (),
        *,
        pulses_per_litre: float = 100.0,
        has_permit_relay: bool = True,
        name: str = "simulated dispenser",
    ) -> None:
        self.name = name
        self._clock = clock
        self._fillings = list(fillings)
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
            self._lease.permit(allowed, self._now_s)

    @property
    def permitted(self) -> bool:
        """What the relay does now."""
        with self._lock:
            return self._lease.allowed and not self._lease.lapsed(self._clock.monotonic_s())

    def close(self) -> None:
        self._closed = True
        self.permit(False)

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
