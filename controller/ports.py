"""What the lane needs from the world: small protocols with records in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from controller.records import DispenserReading, Frame, LampColour, Reading, Region
from service.wire import Decision, Fuelling, FuellingReceipt, Question


class Clock(Protocol):
    """The only source of time; tests and recorded video move it by hand."""

    def monotonic_s(self) -> float:
        """Seconds that never go back and know no time zone."""

    def now(self) -> datetime:
        """The wall clock as an aware UTC datetime; it may jump."""

    def sleep(self, seconds: float) -> None: ...


class Camera(Protocol):
    """A source of frames. read() blocks; a context manager closes it; close() is idempotent."""

    @property
    def name(self) -> str:
        """For logs and doctor, without credentials."""

    def read(self) -> Frame:
        """The next frame. Raises CameraLost when none can be had now (call again to reconnect), EndOfVideo at the end of a file."""

    def close(self) -> None: ...


class PlateReader(Protocol):
    """Finds and reads plates on the device."""

    @property
    def name(self) -> str:
        """Engine and weights in words, for doctor and traces."""

    def read(self, image: object, region: Region | None = None) -> Reading:
        """Plates of one BGR uint8 image (height, width, 3), most prominent first; only those whose centre lies in region."""


class Lamp(Protocol):
    """Red and green lights at the pump. Green is leased: not renewed within lease_s it turns red by itself."""

    @property
    def colour(self) -> LampColour:
        """What shows now, an expired lease counted as red."""

    def show(self, colour: LampColour, lease_s: float = 0.0) -> None:
        """Show a colour; lease_s (> 0) is needed for GREEN and renewed by calling again. Raises LampFault."""

    def close(self) -> None:
        """Ends at red where the hardware can hold it. Idempotent."""


class Dispenser(Protocol):
    """Nozzle switch, pulser and optional permit relay of one fuel dispenser."""

    @property
    def name(self) -> str: ...

    def poll(self) -> DispenserReading: ...

    def permit(self, allowed: bool) -> None:
        """Energise the permit relay, where one is wired. Raises DispenserFault."""

    def close(self) -> None:
        """Ends without permit. Idempotent."""


class BalanceService(Protocol):
    """The questions a lane asks. Every call ends within deadline_s or raises a ClientError."""

    def ask(self, question: Question, deadline_s: float) -> Decision:
        """May this plate refuel? A refusal is a value."""

    def renew(self, authorisation: str, deadline_s: float) -> Decision:
        """Prolong an authorisation whose vehicle still stands."""

    def release(self, authorisation: str, deadline_s: float) -> None:
        """Give back the hold of a vehicle that left without fuelling. Repeating it is harmless."""

    def report(self, fuelling: Fuelling, deadline_s: float) -> FuellingReceipt:
        """Post a fuelling once; a repeat returns the first receipt. Raises Rejected when the service will never take it."""
