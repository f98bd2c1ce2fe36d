"""Who types at the panel during a simulated clip, and the attendant who confirms what was typed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from controller.runner import Runner
from greenlane.simulation.cast import Typing
from greenlane.simulation.world import World
from service.payers.pins import check_pin
from wire.live import OrderResult
from wire.typed import CONFIRMABLE

ATTENDANT = "person:attendant"


class Typist:
    """Types each plate when its time of the video has come; act() after every turn of the lane.

    untaken: told of each that no vehicle waited for, at the latest at the clip's end.
    """

    def __init__(self, world: World, typings: Sequence[Typing], untaken: Callable[[Typing], None]) -> None:
        self._world = world
        self._untaken = untaken
        self._due = deque(sorted(typings, key=lambda t: t.at_s))
        self._to_confirm: str | None = None

    def act(self, runner: Runner, video_s: float) -> None:
        """Type what is due, confirm what waits for an attendant."""
        while self._due and self._due[0].at_s <= video_s:
            self._type(runner, self._due.popleft())
        visit = runner.state.visit
        if self._to_confirm is not None and visit is not None and visit.reason in CONFIRMABLE:
            runner.vouched(self._to_confirm, ATTENDANT)
            self._to_confirm = None

    def end(self) -> None:
        """The clip is over: what was still to be typed comes too late."""
        while self._due:
            self._untaken(self._due.popleft())

    def _type(self, runner: Runner, typing: Typing) -> None:
        proof = None
        if typing.pin is not None:
            lane, now = self._world.settings.lane, self._world.clock.now()
            checked = check_pin(self._world.books.database, now, lane.station, lane.name, typing.plate, typing.pin)
            proof = checked if isinstance(checked, str) else "wrong"
        if runner.typed(typing.plate, proof) is not OrderResult.TAKEN:
            self._untaken(typing)
        self._to_confirm = typing.plate if typing.attended else None
