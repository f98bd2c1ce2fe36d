"""Plays one clip through the real lane, frame by frame on the video's own time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from controller.early_questions import EarlyQuestions
from controller.errors import EndOfVideo, VideoDamaged
from controller.lane import questions
from controller.lane.questions import QuestionOutcome
from controller.lane.timeline import summary_of
from controller.outbound.expected import ExpectedPlates
from controller.parts import Parts, Read
from controller.ports import Clock, PlateReader
from controller.records import Frame
from controller.runner import Runner
from controller.telling.observers import Observers
from controller.worker import InlineWorker, Worker
from greenlane.simulation.cast import Motorist, Typing
from greenlane.simulation.late_worker import LateWorker
from greenlane.simulation.payers import charges_of, payer_of
from greenlane.simulation.recorder import Recorder
from greenlane.simulation.results import ClipResult, VisitResult
from greenlane.simulation.typist import Typist
from greenlane.simulation.world import World
from hardware.cameras.recorded import RecordedCamera, recorded_camera
from models.change import ThumbnailChangeMeter
from models.reader import OnDeviceReader
from wire.codec import decode
from wire.fuellings import FuellingReceipt

BETWEEN_CLIPS_S = 60.0
STILL_THERE = "the clip ended while the vehicle was still in view"


Opener = Callable[[Path, Clock], RecordedCamera]


def unpaced(clip: Path, clock: Clock) -> RecordedCamera:
    """A recording as fast as it can be played."""
    return recorded_camera(clip, clock, paced=False)


@dataclass(frozen=True, slots=True)
class Watching:
    """Who hears of the progress: opened gets a clip's frames in all (0: unknown), then one call per frame and visit.

    untaken: told of each plate that was typed while no vehicle waited for one.
    """

    opened: Callable[[str, int], None]
    frame: Callable[[], None]
    visit: Callable[[VisitResult], None]
    untaken: Callable[[Typing], None] = lambda typing: None


@dataclass(frozen=True, slots=True)
class LineDelay:
    """Between lane and service: what a question and its answer take on it, on top of what timer says of the rest."""

    delay_s: float
    timer: Callable[[], float] = time.perf_counter


class ClipPlayer:
    """One lane in its world; plays clips one after another, each with a fresh lane."""

    def __init__(
        self,
        world: World,
        reader: PlateReader,
        litres: Mapping[str, float],
        usual_l: float,
        typings: Sequence[Typing] = (),
        line: LineDelay | None = None,
        asks_early: bool = True,
    ) -> None:
        """line: how late answers come by the video's time; None: at once.

        asks_early: about plates that an entry camera has read, as the lane unit does.
        """
        self._line = line
        self._expected = ExpectedPlates(world.clock)
        self._asks_early = asks_early
        self._typings = typings
        self._world = world
        self._reader = reader
        self._litres = litres
        self._usual_l = usual_l
        self._numbers = count(1)

    def play(self, clip: Path, watching: Watching, opened: Opener = unpaced) -> ClipResult:
        """The visits of a clip. A clip that is damaged or no video gives what there was before, and its error.

        opened: makes the camera that plays it.
        """
        world, began = self._world, time.perf_counter()
        world.clock.advance(BETWEEN_CLIPS_S)
        self._expected.keep(world.ahead.expected(0, 0.0, world.settings.service.deadline_s), world.clock.monotonic_s())
        start_s, first_frame_at = world.clock.monotonic_s(), world.clock.now()
        recorder = Recorder(clip.name, start_s, watching.visit)
        world.on_receipt = lambda receipt: recorder.receipt(decode(FuellingReceipt, receipt))
        with closing(opened(clip, world.clock)) as camera:
            watching.opened(clip.name, getattr(camera, "frames_promised", 0))
            frames, error = self._run(camera, recorder, watching)
        visits = tuple(self._with_payer(visit_result) for visit_result in recorder.visit_results())
        return ClipResult(
            clip=clip.name,
            visits=visits,
            charges=charges_of(world.books, {visit_result.summary.visit for visit_result in visits}, first_frame_at),
            frames=frames,
            reads=recorder.frames_read,
            duration_s=round(world.clock.monotonic_s() - start_s, 3),
            wall_s=time.perf_counter() - began,
            lamp=tuple(recorder.lamp),
            start_s=start_s,
            error=error,
        )

    def _with_payer(self, visit_result: VisitResult) -> VisitResult:
        """The story with whose hour its question was."""
        if not visit_result.answers:
            return visit_result
        question = visit_result.answers[-1].question
        payer = payer_of(self._world.books, question.plate, question.captured_at, question.station)
        return replace(visit_result, payer=payer)

    def _run(self, camera: RecordedCamera, recorder: Recorder, watching: Watching) -> tuple[int, str | None]:
        runner = self._runner(recorder)
        typist, self._typings = Typist(self._world, self._typings, watching.untaken), ()
        start_s = self._world.clock.monotonic_s()
        frames, error = 0, None
        try:
            for frame in _frames(camera):
                frames += 1
                self._turn(runner, frame)
                typist.act(runner, self._world.clock.monotonic_s() - start_s)
                watching.frame()
        except VideoDamaged as damage:
            error = str(damage)
        typist.end()
        self._leave(runner, recorder)
        return frames, error

    def _turn(self, runner: Runner, frame: Frame) -> None:
        world = self._world
        world.clock.advance_to(frame.captured_s)
        world.lamp.check()
        runner.tick(frame)
        world.courier.step()

    def _leave(self, runner: Runner, recorder: Recorder) -> None:
        """The clip is over: close the visit whose vehicle is still in view and let everything arrive."""
        world, visit = self._world, runner.state.visit
        runner.abandon("the clip is over" if visit is None else STILL_THERE)
        if visit is not None:
            now_s = world.clock.monotonic_s()
            recorder.cut(visit.id, lambda lamp: summary_of(visit, lamp, now_s))
            if visit.held is not None:
                world.release(visit.held.authorisation)
        world.courier.step()

    def _runner(self, recorder: Recorder) -> Runner:
        world = self._world
        motorist = Motorist(world.dispenser, self._litres, self._usual_l)
        reading: InlineWorker[Read] = InlineWorker()
        deadline_s = world.settings.service.deadline_s
        early = EarlyQuestions(
            self._expected,
            self._network(),
            lambda asked: questions.ask(world.service, asked, deadline_s, world.clock),
            world.release,
            world.clock,
        )
        parts = Parts(
            clock=world.clock,
            reader=self._reader,
            together=self._reader if isinstance(self._reader, OnDeviceReader) else None,
            meter=ThumbnailChangeMeter(),
            lamp=world.lamp,
            service=world.service,
            observer=Observers([recorder, motorist]),
            reading=reading,
            network=self._network(),
            release=world.release,
            new_id=lambda: f"{world.settings.lane.name}-{next(self._numbers):04d}",
            terminal=world.terminal,
            early=early if self._asks_early else None,
        )
        return Runner(parts, world.settings)

    def _network(self) -> Worker[QuestionOutcome]:
        if self._line is None:
            return InlineWorker()
        return LateWorker(self._world.clock, self._line.delay_s, self._line.timer)


def _frames(camera: RecordedCamera) -> Iterator[Frame]:
    """The clip's frames to its end; raises VideoDamaged where the file ends too early."""
    while True:
        try:
            yield camera.read()
        except VideoDamaged:
            raise
        except EndOfVideo:
            return
