"""The loop of an entry camera: reads the vehicles that come in and asks ahead, without lamp, hold or pump."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from controller.errors import ClientError
from controller.lane.records import Event, Gone, Identified, Opened, Subject
from controller.outbound.expected import AheadLink
from controller.parts import Read
from controller.ports import ChangeMeter, Clock, PlateReader
from controller.records import Frame
from controller.settings_records import Settings
from controller.watching.freshness import Freshness
from controller.watching.open_visit import Needs
from controller.watching.watcher import Watcher
from controller.worker import Worker
from wire.ahead import AskedAhead
from wire.live import ENTRANCE, LampState, LaneStatus
from wire.plates import masked
from wire.reasons import Reason

log = logging.getLogger(__name__)

AGAIN_AFTER_S = 60.0
"""A plate asked ahead is not asked again within this: a vehicle that waits in the entrance is one vehicle."""
REMEMBERED = 50


@dataclass(frozen=True, slots=True)
class EntranceParts:
    """Everything an entry camera is made of; its runner closes none of it. sending: results are "" or what failed."""

    clock: Clock
    reader: PlateReader
    meter: ChangeMeter
    link: AheadLink
    reading: Worker[Read]
    sending: Worker[str]
    new_id: Callable[[], str]


class EntranceRunner:
    """The entrance's only owner. Call tick often, from one thread."""

    def __init__(self, parts: EntranceParts, settings: Settings) -> None:
        self._parts = parts
        self._settings = settings
        self._watcher = Watcher(settings.trigger, settings.vote, settings.camera.area, parts.new_id)
        self._freshness = Freshness(settings.camera)
        self._trouble: Reason | None = Reason.CAMERA_LOST
        self._asked: OrderedDict[str, float] = OrderedDict()
        self._failing = ""
        self.asked_ahead = 0
        self.reads = 0

    @property
    def status(self) -> LaneStatus:
        """For the station's page. May be asked from any thread."""
        place = self._settings.lane
        return LaneStatus(
            station=place.station,
            lane=place.name,
            at=self._parts.clock.now(),
            phase=ENTRANCE,
            lamp=LampState.OFF,
            reason=Reason.OK,
            camera=self._trouble,
            asked_ahead=self.asked_ahead,
        )

    @property
    def failing(self) -> str:
        """Why the last plate could not be asked ahead; empty where it was."""
        return self._failing

    @property
    def words(self) -> str:
        """For the boot service's status line and doctor; without plates."""
        if self._trouble is not None:
            return f"entrance: no picture to be trusted: {self._trouble}"
        return f"entrance: {self.asked_ahead} plates asked ahead" + (f"; {self._failing}" if self._failing else "")

    @property
    def trouble(self) -> Reason | None:
        """Why there are no pictures to be trusted; None while there are."""
        return self._trouble

    def tick(self, frame: Frame | None = None, trouble: Reason | None = None) -> None:
        """One turn. Raises what a dead worker raised."""
        self._drain()
        if frame is not None:
            self._take_frame(frame)
        self._judge_camera(trouble)
        self._drain()

    def abandon(self, detail: str) -> None:
        """Nothing to make safe: an entry camera permits nothing."""
        log.info("the entrance is not watched any more: %s", detail)

    def _take_frame(self, frame: Frame) -> None:
        parts = self._parts
        change = parts.meter.measure(frame.image, self._settings.camera.area)
        if not self._freshness.saw(frame, change, parts.clock.monotonic_s()):
            return
        look, events = self._watcher.on_change(change, frame, Needs(False, False, parts.reading.free))
        if look.learn > 0.0:
            parts.meter.learn(look.learn)
        self._hear(events)
        if look.read:
            parts.reading.submit(lambda: Read(frame, parts.reader.read(frame.image, self._settings.camera.area)))

    def _drain(self) -> None:
        for read in self._parts.reading.results():
            self.reads += 1
            self._hear(self._watcher.on_reading(read.frame, read.reading))
        for failure in self._parts.sending.results():
            if failure and not self._failing:
                log.warning("asking ahead fails: %s", failure)
            elif self._failing and not failure:
                log.info("asking ahead works again")
            self._failing = failure

    def _judge_camera(self, trouble: Reason | None) -> None:
        found = self._freshness.trouble(self._parts.clock.monotonic_s(), trouble)
        if found is self._trouble:
            return
        self._trouble = found
        if found is None:
            log.info("pictures of the entrance can be trusted")
            return
        log.error("no picture of the entrance can be trusted: %s", found)
        self._hear(self._watcher.on_blind())

    def _hear(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Opened):
                log.info("visit %s: a vehicle came in", event.visit)
            elif isinstance(event, Identified):
                self._ask_ahead(event.visit, event.subject)
            elif isinstance(event, Gone):
                log.info("visit %s: over", event.visit)

    def _ask_ahead(self, visit: str, subject: Subject) -> None:
        now_s = self._parts.clock.monotonic_s()
        before_s = self._asked.get(subject.plate)
        if before_s is not None and now_s - before_s < AGAIN_AFTER_S:
            return
        place = self._settings.lane
        asked = AskedAhead(
            station=place.station,
            lane=place.name,
            plate=subject.plate,
            captured_at=subject.captured_at,
            confidence=min(1.0, subject.confidence),
            weakest=min(1.0, subject.weakest),
        )
        link, deadline_s = self._parts.link, self._settings.service.deadline_s
        if not self._parts.sending.submit(lambda: _sent(link, asked, deadline_s)):
            log.warning("visit %s: not asked ahead: too many are under way", visit)
            return
        self._asked[subject.plate] = now_s
        self._asked.move_to_end(subject.plate)
        if len(self._asked) > REMEMBERED:
            self._asked.popitem(last=False)
        self.asked_ahead += 1
        log.info("visit %s: asks ahead for %s", visit, masked(subject.plate))


def _sent(link: AheadLink, asked: AskedAhead, deadline_s: float) -> str:
    """Tried once: what comes too late is of no use."""
    try:
        link.ask_ahead(asked, deadline_s)
    except ClientError as error:
        return str(error)
    return ""
