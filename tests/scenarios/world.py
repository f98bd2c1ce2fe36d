"""A pump lane that follows a script: what its camera shows, what its reader reads, what its service answers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from controller.clock import ManualClock
from controller.errors import ClientError, Rejected, ServiceFault, ServiceSilent
from controller.fuelling.terminal import TerminalEvent
from controller.lane.questions import QuestionOutcome
from controller.lane.records import FlowContext, LimitReached, NozzleHung, NozzleLifted
from controller.parts import Parts, Read
from controller.records import Change, Frame, LampChange, Reading, Region, VisitSummary
from controller.runner import Runner
from controller.settings_records import Settings
from controller.telling.observers import SilentObserver
from controller.worker import InlineWorker
from hardware.lamp import FakeLamp
from tests.controller.plates import plate
from wire.fuellings import Fuelling, FuellingReceipt
from wire.questions import Decision, Question
from wire.reasons import Reason, Verdict

FRAME_S = 0.1
DRIVE_S = 1.0
PLATE_PX = 150.0
"""Width of the plate of a vehicle that stands at the pump."""
STALE_S = 120.0
"""The service refuses a question whose picture is older."""
CALM = Change(0.0, 0.0)


class Blank:
    """A picture that nobody looks at."""

    shape = (720, 1280, 3)


@dataclass(frozen=True)
class Scene:
    """What stands in the lane. since_s: when it began; the pose follows from it. moves_px: how far it moves on."""

    plate: str = ""
    since_s: float = 0.0
    readable: bool = True
    size: float = 0.5
    leaving: bool = False
    follows: str = ""
    moves_since_s: float | None = None
    moves_px: float = 0.0


@dataclass
class World:
    """The lane, its surroundings and everything that was observed."""

    settings: Settings = field(default_factory=Settings)
    clock: ManualClock = field(default_factory=ManualClock)
    scene: Scene | None = None
    covered: bool = False
    clock_error_s: float | None = None
    stir: Change = CALM
    stir_until_s: float = 0.0
    flicker: str = ""
    parked: str = ""
    camera: str = "good"
    service: str = "allows"
    expires_s: float = 120.0
    service_ahead_s: float = 0.0
    service_is_old: bool = False
    renewals_refused: str = ""
    events: list[TerminalEvent] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    renewals: int = 0
    released: list[str] = field(default_factory=list)
    closed: list[VisitSummary] = field(default_factory=list)
    reads: int = 0
    permit: bool = False
    contexts: list[FlowContext] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lamp = FakeLamp(self.clock)
        self.eye, self.terminal = Eye(self), Pump(self)
        self.runner = Runner(self.parts(), self.settings)
        self._numbers = itertools.count(1)
        self._last_frame: Frame | None = None

    def parts(self) -> Parts:
        """Fresh parts of a lane in this world."""
        names = (f"visit-{n}" for n in itertools.count(1))
        reading: InlineWorker[Read] = InlineWorker()
        network: InlineWorker[QuestionOutcome] = InlineWorker()
        return Parts(
            clock=self.clock,
            reader=self.eye,
            meter=Motion(self),
            lamp=self.lamp,
            service=Till(self),
            observer=Diary(self),
            reading=reading,
            network=network,
            release=self.released.append,
            new_id=lambda: next(names),
            terminal=self.terminal,
            clock_error=lambda: self.clock_error_s,
        )

    @property
    def now_s(self) -> float:
        return self.clock.monotonic_s()

    def run_until(self, at_s: float) -> None:
        """Frame by frame to that moment."""
        while self.now_s + FRAME_S <= at_s + 1e-6:
            self.clock.advance(FRAME_S)
            frame, trouble = self._camera()
            self.lamp.check()
            self.runner.tick(frame, trouble)

    def _camera(self) -> tuple[Frame | None, Reason | None]:
        if self.camera == "lost":
            return None, Reason.CAMERA_LOST
        if self.camera == "stalled":
            return None, None
        if self.camera == "late" and self._last_frame is not None:
            return replace(self._last_frame, number=next(self._numbers)), None
        self._last_frame = Frame(next(self._numbers), Blank(), self.now_s, self.clock.now())
        return self._last_frame, None

    def pose(self) -> tuple[float, float, float]:
        """(share of the picture that the vehicle fills, share that moves, how far it has come: 1 stands)."""
        scene = self.scene
        if scene is None:
            return 0.0, 0.0, 0.0
        passed_s = self.now_s - scene.since_s
        if scene.leaving and passed_s >= DRIVE_S:
            self.scene = None
            return 0.0, 0.1, 0.0
        if passed_s >= DRIVE_S:
            return scene.size, 0.3 if 0.0 < self.moved_on() < 1.0 else 0.0, 1.0
        share = passed_s / DRIVE_S
        come = 1.0 - share if scene.leaving else share
        filled = scene.size if scene.follows else scene.size * (0.3 + 0.7 * come)
        return filled, 0.4 * scene.size, come

    def moved_on(self) -> float:
        """How much of its way a vehicle that moves on has made."""
        since_s = None if self.scene is None else self.scene.moves_since_s
        return 0.0 if since_s is None else min(1.0, (self.now_s - since_s) / DRIVE_S)


@dataclass
class Motion:
    """A change meter that looks at the world instead of a picture."""

    world: World

    def measure(self, image: object, region: Region) -> Change:
        world = self.world
        filled, moving, _ = world.pose()
        stir = world.stir if world.now_s < world.stir_until_s else CALM
        frozen = world.camera == "frozen"
        return Change(max(filled, stir.presence), max(moving, stir.motion), frozen)

    def shift(self) -> tuple[float, float] | None:
        return None

    def learn(self, rate: float) -> None:
        pass


@dataclass
class Eye:
    """A plate reader that knows what stands there."""

    world: World
    name = "scripted"

    def read(self, image: object, region: Region | None = None) -> Reading:
        world = self.world
        world.reads += 1
        parked = (plate(world.parked, 0.97, 110.0, x=1180.0),) if world.parked else ()
        _, _, come = world.pose()
        scene = world.scene
        if scene is None or come < 0.3 or world.covered or not scene.plate:
            return Reading(parked)
        text = scene.plate
        if world.flicker and world.reads % 2:
            text = world.flicker
        sure = 0.98 if scene.readable else 0.55
        y = 200.0 + 300.0 * come + scene.moves_px * world.moved_on()
        seen = plate(text, sure, 60.0 + (PLATE_PX - 60.0) * come, y=y)
        return Reading((seen, *parked))


@dataclass
class Till:
    """A balance service that answers as the script says."""

    world: World

    def ask(self, question: Question, deadline_s: float) -> Decision:
        self.world.questions.append(question)
        self._fail()
        word = self.world.service
        age_s = (self.world.clock.now() - question.captured_at).total_seconds()
        if not -60.0 <= age_s + self.world.service_ahead_s <= STALE_S:
            word = "refuses stale_question"
        if word == "allows":
            return self._allowed(question, f"auth-{len(self.world.questions)}")
        reason = Reason(word.removeprefix("refuses "))
        return Decision(visit=question.visit, plate=question.plate, decision=Verdict.REFUSE, reason=reason)

    def renew(self, authorisation: str, deadline_s: float) -> Decision:
        self.world.renewals += 1
        self._fail()
        last = self.world.questions[-1]
        if self.world.renewals_refused:
            reason = Reason(self.world.renewals_refused)
            return Decision(visit=last.visit, plate=last.plate, decision=Verdict.REFUSE, reason=reason)
        return self._allowed(last, authorisation)

    def _allowed(self, question: Question, authorisation: str) -> Decision:
        world = self.world
        there = world.clock.now() + timedelta(seconds=world.service_ahead_s)
        return Decision(
            visit=question.visit,
            plate=question.plate,
            decision=Verdict.ALLOW,
            reason=Reason.OK,
            authorisation=authorisation,
            limit_fen=10_000,
            expires_at=there + timedelta(seconds=world.expires_s),
            expires_in_s=None if world.service_is_old else world.expires_s,
        )

    def _fail(self) -> None:
        failures: dict[str, ClientError] = {
            "is silent": ServiceSilent("no answer"),
            "is broken": ServiceFault("500"),
            "rejects": Rejected("malformed", "no"),
        }
        if self.world.service in failures:
            raise failures[self.world.service]

    def release(self, authorisation: str, deadline_s: float) -> None:
        raise AssertionError("releases go through the outbox")

    def report(self, fuelling: Fuelling, deadline_s: float) -> FuellingReceipt:
        raise AssertionError("reports go through the outbox")


@dataclass
class Pump:
    """A terminal moved by the script."""

    world: World
    can_store: bool = True

    def poll(self, context: FlowContext) -> Sequence[TerminalEvent]:
        self.world.contexts.append(context)
        happened, self.world.events = self.world.events, []
        return happened

    def permit(self, allowed: bool) -> None:
        self.world.permit = allowed

    def close(self) -> None:
        pass

    @staticmethod
    def lifted() -> TerminalEvent:
        return TerminalEvent(NozzleLifted())

    @staticmethod
    def hung(volume_ml: int) -> TerminalEvent:
        return TerminalEvent(NozzleHung(volume_ml))

    @staticmethod
    def limit() -> TerminalEvent:
        return TerminalEvent(LimitReached())


class Diary(SilentObserver):
    """Keeps what the runner tells."""

    def __init__(self, world: World) -> None:
        self.world = world

    def noted(self, visit: str | None, text: str, at_s: float) -> None:
        self.world.notes.append(text)

    def lamp_changed(self, visit: str | None, change: LampChange, reason: Reason) -> None:
        self.world.notes.append(f"lamp {change.colour} {reason}")

    def visit_closed(self, summary: VisitSummary) -> None:
        self.world.closed.append(summary)
