"""What the lane needs from the world: small protocols with records in and out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from controller.records import (
    Change,
    DispenserReading,
    Frame,
    LampChange,
    LampColour,
    PlateRead,
    Reading,
    Region,
    VisitSummary,
    Vote,
)
from wire.fuellings import Fuelling, FuellingReceipt
from wire.questions import Decision, Question
from wire.reasons import Reason


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
        """The next frame. Raises CameraLost while none can be had (call again to reconnect), EndOfVideo at the end."""

    def close(self) -> None: ...


class PlateReader(Protocol):
    """Finds and reads plates on the device."""

    @property
    def name(self) -> str:
        """Engine and weights in words, for doctor and traces."""

    def read(self, image: object, region: Region | None = None) -> Reading:
        """Plates of one BGR uint8 image (height, width, 3) whose centre lies in region, most prominent first."""


class ReadsTogether(Protocol):
    """Reads one standing plate from several frames as if they were one."""

    def cut_out(self, image: object, plate: PlateRead) -> tuple[object, PlateRead]:
        """The picture around a plate, to be kept without the rest of the frame, and the plate where it lies in that."""

    def read_together(self, views: Sequence[tuple[object, PlateRead]]) -> PlateRead | None:
        """The newest of these reads (images as in PlateReader.read), made of all of them; None where that fails."""


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
        """Post a fuelling once; a repeat returns the first receipt. Raises Rejected when it will never be taken."""


class ChangeMeter(Protocol):
    """Compares the lane's picture with the empty lane and with the picture before, on a small grey thumbnail."""

    def measure(self, image: object, region: Region) -> Change:
        """Changes of one BGR uint8 image (height, width, 3) inside region. The first picture becomes the empty lane."""

    def shift(self) -> tuple[float, float] | None:
        """How far the last picture shows the empty lane moved, in shares of its width and height; None for no move."""

    def learn(self, rate: float) -> None:
        """Blend the last measured picture into the empty lane; 0 leaves it, 1 replaces it."""


class VisitObserver(Protocol):
    """Hears everything that happens in a visit, on the lane's thread: quick, and it never raises.

    `visit` is None where no visit is open. Times are the clock's monotonic seconds.
    controller.telling.observers.SilentObserver has all methods empty, for those who want only some.
    """

    def visit_opened(self, visit: str, first_seen_s: float, first_seen_at: datetime) -> None:
        """A vehicle came into view; comes before every other call about this visit."""

    def frame_read(self, visit: str | None, frame: Frame, reading: Reading) -> None:
        """A frame went through the reader. The frame's image may be kept: nobody changes it."""

    def voted(self, visit: str, vote: Vote, at_s: float) -> None:
        """The vote over the visit's reads changed."""

    def asked(self, visit: str, question: Question, at_s: float) -> None:
        """The balance service is being asked."""

    def answered(self, visit: str, answer: Decision | None, reason: Reason, detail: str, at_s: float) -> None:
        """It answered, or (answer None) gave no usable answer for that reason."""

    def lamp_changed(self, visit: str | None, change: LampChange, reason: Reason) -> None:
        """The lamp took another colour."""

    def fuelling_started(self, visit: str | None, at_s: float) -> None:
        """The nozzle was lifted."""

    def fuelling_ended(self, visit: str | None, fuelling: Fuelling | None, at_s: float) -> None:
        """It was hung up again; fuelling is None when nothing flowed."""

    def noted(self, visit: str | None, text: str, at_s: float) -> None:
        """Something out of the ordinary, in a sentence without plates."""

    def visit_closed(self, summary: VisitSummary) -> None:
        """The vehicle is gone, or another took its place; nothing more comes about this visit."""
