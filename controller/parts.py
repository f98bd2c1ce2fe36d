"""What a lane unit's runner is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from controller.early_questions import EarlyQuestions
from controller.fuelling.terminal import Terminal
from controller.lane.questions import QuestionOutcome
from controller.ports import BalanceService, ChangeMeter, Clock, Lamp, PlateReader, ReadsTogether, VisitObserver
from controller.records import Frame, Reading
from controller.telling.panel import Panel
from controller.watching.moved_view import MovedView
from controller.worker import Worker


@dataclass(frozen=True, slots=True)
class Read:
    """A frame and what the reader found in it."""

    frame: Frame
    reading: Reading


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a lane is made of; the runner closes none of it.

    reading, network: where reads and questions are done, one thread each or inline.
    release: hands an unused authorisation back, for certain and later on.
    together: reads several frames of a standing plate as one; None where nobody can.
    new_id: a new visit's id, never used before, at most 60 characters.
    view_moved: hears that somebody moved the camera.
    early: asks for plates that an entry camera has read before the vote is over; None where nobody does.
    clock_error: by how many seconds the wall clock may be wrong; None where nobody knows.
    """

    clock: Clock
    reader: PlateReader
    meter: ChangeMeter
    lamp: Lamp
    service: BalanceService
    observer: VisitObserver
    reading: Worker[Read]
    network: Worker[QuestionOutcome]
    release: Callable[[str], None]
    new_id: Callable[[], str]
    together: ReadsTogether | None = None
    terminal: Terminal | None = None
    panel: Panel | None = None
    early: EarlyQuestions | None = None
    view_moved: Callable[[MovedView], None] = lambda moved: None
    clock_error: Callable[[], float | None] = lambda: None
