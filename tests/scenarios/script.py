"""Reads scenario files and plays them: one line is a moment and what happens or must be then.

# comment
set SECTION.KEY VALUE
TIME what happens
TIME what must be
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from controller import settings
from controller.lane import view as lane_view
from controller.records import Change
from controller.settings_records import Settings
from tests.scenarios.world import PLATE_PX, Pump, Scene, World

SETTING = re.compile(r"set (\w+)\.(\w+) (.+)")
STEP = re.compile(r"(\d+(?:\.\d+)?)\s+(.+)")
FLASH_S = 0.6
PLATE_CM = 44.0


@dataclass(frozen=True)
class Line:
    """One step of a scenario."""

    number: int
    at_s: float
    words: str


@dataclass(frozen=True)
class Scenario:
    """Settings and steps of one file."""

    settings: Settings
    lines: tuple[Line, ...]


class ScenarioError(AssertionError):
    """A line that does not hold or is not understood; names file and line."""


def parse(path: Path) -> Scenario:
    chosen: dict[str, list[str]] = {"camera": ['kind = "v4l2"']}
    steps = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = text.split("#")[0].strip()
        if found := SETTING.fullmatch(line):
            chosen.setdefault(found[1], []).append(f"{found[2]} = {found[3]}")
        elif found := STEP.fullmatch(line):
            steps.append(Line(number, float(found[1]), found[2]))
        elif line:
            raise ScenarioError(f"{path.name}:{number}: not understood: {line}")
    toml = "\n".join(f"[{section}]\n" + "\n".join(keys) for section, keys in chosen.items())
    return Scenario(settings.parse(toml, path.name), tuple(steps))


def play(path: Path) -> World:
    """The world after the last line. Raises ScenarioError at the first line that does not hold."""
    scenario = parse(path)
    world = World(scenario.settings)
    for line in scenario.lines:
        world.run_until(line.at_s)
        for pattern, action in VERBS:
            if found := re.fullmatch(pattern, line.words):
                problem = action(world, *found.groups())
                break
        else:
            problem = "not understood"
        if problem:
            received = f"{path.name}:{line.number}: {line.at_s:g} {line.words}: {problem}"
            raise ScenarioError(received + "\n" + "\n".join(world.notes[-8:]))
    return world


def arrives(world: World, plate: str, how: str | None) -> None:
    small = how == "far away"
    world.scene = Scene(plate, world.now_s, how != "unreadable", 0.1 if small else 0.5)


def follows(world: World, plate: str, how: str | None) -> None:
    world.scene = Scene(plate, world.now_s, how != "unreadable", follows="x")


def follows_bare(world: World) -> None:
    world.scene = Scene("", world.now_s, follows="x")


def moves_on(world: World, cm: str) -> None:
    scene = world.scene or Scene()
    world.scene = replace(scene, moves_since_s=world.now_s, moves_px=PLATE_PX * float(cm) / PLATE_CM)


def arrives_bare(world: World) -> None:
    world.scene = Scene("", world.now_s)


def leaves(world: World) -> None:
    scene = world.scene or Scene()
    world.scene = Scene(scene.plate, world.now_s, scene.readable, leaving=True)


def already_there(world: World, plate: str) -> None:
    world.scene = Scene(plate, -100.0, size=0.0)


def stirs(world: World, presence: float, motion: float, seconds: float) -> None:
    world.stir, world.stir_until_s = Change(presence, motion), world.now_s + seconds


def person_covers(world: World) -> None:
    world.covered = True
    stirs(world, 0.1, 0.05, 0.8)


def person_moves_on(world: World) -> None:
    world.covered = False
    stirs(world, 0.1, 0.05, 0.5)


def assign(name: str, value: object) -> Callable[..., None]:
    return lambda world: setattr(world, name, value)


def void(_: object) -> None:
    """An action that says nothing."""


def lamp_is(world: World, colour: str, reason: str | None) -> str:
    shown = world.lamp.colour.value
    if shown != colour:
        return f"it is {shown}"
    received = [n for n in world.notes if n.startswith("lamp ")]
    if reason and not received[-1].endswith(f" {reason}"):
        return f"but it was told as {received[-1]!r}"
    return ""


def reason_is(world: World, reason: str) -> str:
    shown = lane_view.lamp_reason(world.runner.state, world.now_s)
    return "" if shown.value == reason else f"it is {shown}"


def lamp_stayed(world: World, colour: str, seconds: str) -> str:
    since_s = world.now_s - float(seconds)
    seen = {c.colour.value for c in world.lamp.timeline if since_s <= c.at_s}
    return "" if world.lamp.colour.value == colour and seen <= {colour} else f"it was {sorted(seen)}"


def count(name: str, most: bool = False) -> Callable[..., str]:
    def check(world: World, wanted: str) -> str:
        value = getattr(world, name)
        number = value if isinstance(value, int) else len(value)
        good = number <= int(wanted) if most else number == int(wanted)
        return "" if good else f"there were {number}"

    return check


def visits_were(world: World, wanted: str) -> str:
    seen = [f"{v.plate or 'none'} {v.decision} {v.reason}" for v in world.closed]
    return "" if seen == [w.strip() for w in wanted.split(",")] else f"they were {', '.join(seen) or 'none'}"


def permit_is(world: World, state: str) -> str:
    return "" if world.permit is (state == "on") else "it is not"


def flows_under(world: World, authorisation: str) -> str:
    under = world.contexts[-1].authorisation or "nothing"
    return "" if under == authorisation else f"it flows under {under}"


def typed(world: World, plate: str) -> None:
    world.runner.typed(plate)


def nozzle(event: Callable[..., object]) -> Callable[..., None]:
    def move(world: World, *amount: str) -> None:
        world.events.append(event(*(int(a) for a in amount)))  # type: ignore[arg-type]

    return move


def last_asked(world: World, plate: str, how: str) -> str:
    last = world.questions[-1]
    good = last.plate == plate and last.typed is (how == "typed")
    return "" if good else f"it was {last.plate}, typed {last.typed}"


VERBS: list[tuple[str, Callable[..., object]]] = [
    (r"vehicle ([^ ]+) arrives(?: (unreadable|far away))?", arrives),
    (r"vehicle ([^ ]+) follows closely(?: (unreadable))?", follows),
    (r"vehicle without a plate arrives", arrives_bare),
    (r"vehicle without a plate follows closely", follows_bare),
    (r"vehicle moves on by (\d+) cm", moves_on),
    (r"vehicle leaves", leaves),
    (r"vehicle ([^ ]+) already stands there", already_there),
    (r"person covers the plate", person_covers),
    (r"person moves on", person_moves_on),
    (r"person walks through the empty lane", lambda w: stirs(w, 0.12, 0.05, 4.0)),
    (r"shadow passes", lambda w: stirs(w, 0.3, 0.1, 1.0)),
    (r"headlights sweep", lambda w: stirs(w, 0.6, 0.5, FLASH_S)),
    (r"car ([^ ]+) is parked beside", lambda w, p: setattr(w, "parked", p)),
    (r"every other read says ([^ ]+)", lambda w, p: setattr(w, "flicker", p)),
    (r"reads are steady", assign("flicker", "")),
    (r"camera is lost", assign("camera", "lost")),
    (r"camera stalls", assign("camera", "stalled")),
    (r"camera repeats an old frame", assign("camera", "late")),
    (r"camera freezes", assign("camera", "frozen")),
    (r"camera is back", assign("camera", "good")),
    (r"service (allows|is silent|is broken|rejects|refuses \w+)", lambda w, s: setattr(w, "service", s)),
    (r"authorisations live (\d+) s", lambda w, s: setattr(w, "expires_s", float(s))),
    (r"renewals are refused (\w+)", lambda w, s: setattr(w, "renewals_refused", s)),
    (r"the lane's clock is (\d+) s behind", lambda w, s: setattr(w, "service_ahead_s", float(s))),
    (r"the service is of the version before", assign("service_is_old", True)),
    (r"the unit's disk is (full|free again)", lambda w, s: setattr(w.terminal, "can_store", s != "full")),
    (r"nozzle is lifted", nozzle(Pump.lifted)),
    (r"nozzle is hung up after (\d+) ml", nozzle(Pump.hung)),
    (r"the limit is reached", nozzle(Pump.limit)),
    (r"([^ ]+) is typed at the panel", typed),
    (r"([^ ]+) is moved to another lane", lambda w, p: void(w.runner.moved(p))),
    (r"([^ ]+) is revoked by its payer", lambda w, p: void(w.runner.revoked(p, has_flowed=False))),
    (r"([^ ]+) is revoked after fuel has flowed", lambda w, p: void(w.runner.revoked(p, has_flowed=True))),
    (r"lamp is (\w+)(?: because of (\w+))?", lamp_is),
    (r"the reason shown is (\w+)", reason_is),
    (r"lamp has been (\w+) for (\d+(?:\.\d+)?) s", lamp_stayed),
    (r"visits were: (.+)", visits_were),
    (r"there (?:was|were) (\d+) visits?", count("closed")),
    (r"there (?:was|were) (\d+) questions?", count("questions")),
    (r"there (?:was|were) (\d+) renewals?", count("renewals")),
    (r"there (?:was|were) at most (\d+) questions?", count("questions", True)),
    (r"there (?:was|were) at most (\d+) reads?", count("reads", True)),
    (r"(\d+) authorisations? (?:was|were) given back", count("released")),
    (r"permit is (on|off)", permit_is),
    (r"fuel flows under ([\w-]+)", flows_under),
    (r"last question was about ([^ ]+), (typed|read)", last_asked),
]
"""What a line may say, and what it does."""
