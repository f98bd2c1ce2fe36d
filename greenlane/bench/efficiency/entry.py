"""What an entry camera gains: the same vehicles on the same lane loop, with and without having been asked ahead."""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tqdm import tqdm

from controller.ports import PlateReader
from controller.records import LampColour, Reading, Region
from controller.settings_records import Settings
from greenlane.bench.efficiency.lane import BEFORE_S, UNWATCHED, payers_of, scene_camera
from greenlane.bench.efficiency.model import spread
from greenlane.simulation.cast import Bundled, bundled
from greenlane.simulation.entrance import play_entrance
from greenlane.simulation.play import ClipPlayer, LineDelay
from greenlane.simulation.world import World
from models.build import build_reader

LINES_S = (0.0, 0.1, 0.4, 1.0)
"""Stated round trips on top of what a question really takes on loopback: none, a good and a bad mobile line, worse."""


@dataclass(frozen=True, slots=True)
class EntryPassage:
    """One vehicle at one line, seconds from standing to green on the video's time; None: no green."""

    plate: str
    line_s: float
    without_s: float | None
    with_s: float | None


class RememberedReads:
    """A reader that reads each picture once: both lanes see the same pictures, and only their questions differ."""

    def __init__(self, reader: PlateReader) -> None:
        self.name = reader.name
        self._reader = reader
        self._known: dict[bytes, Reading] = {}

    def read(self, image: Any, region: Region | None = None) -> Reading:
        key = hashlib.blake2b(image.tobytes(), digest_size=16).digest()
        if key not in self._known:
            self._known[key] = self._reader.read(image, region)
        return self._known[key]

    def forget(self) -> None:
        self._known.clear()


def measure_entry(vehicles: int, engine: str, seed: int) -> list[EntryPassage]:
    """So many vehicles at each line, those of the bundled clip that get green; the entrance sees the same clip."""
    own = bundled()
    scenes = [visit for visit in own.visits if visit["decision"] == "allow"]
    reader = RememberedReads(build_reader(engine))
    found = []
    for number in tqdm(range(vehicles), unit="vehicle", disable=not sys.stderr.isatty(), leave=False):
        scene = scenes[number % len(scenes)]
        reader.forget()
        for line_s in LINES_S:
            both = [_to_green_s(own, scene, reader, f"{seed}/{number}", line_s, asked) for asked in (False, True)]
            found.append(EntryPassage(scene["plate"], line_s, *both))
    return found


def _to_green_s(
    own: Bundled, scene: Mapping[str, Any], reader: RememberedReads, seed: str, line_s: float, is_asked_ahead: bool
) -> float | None:
    cards, phones = payers_of(own, [scene])
    with World(Settings(), cards, own.preset_fen, phones) as world:
        opened = partial(scene_camera, scene=scene)
        if is_asked_ahead:
            play_entrance(world, reader, own.clip, partial(opened, chance=random.Random(seed)))
        stage = ClipPlayer(world, reader, {}, 0.0, line=LineDelay(line_s))
        result = stage.play(own.clip, UNWATCHED, partial(opened, chance=random.Random(seed)))
        visit_result = next((v for v in result.visits if v.summary.plate == scene["plate"]), None)
        if visit_result is None:
            return None
        green_s = next((visit_result.at(c.at_s) for c in visit_result.lamp if c.colour is LampColour.GREEN), None)
        stands_s = scene["stands_s"] - scene["enters_s"] + BEFORE_S
        return None if green_s is None else round(green_s - stands_s, 3)


def entry_facts(passages: list[EntryPassage]) -> list[dict[str, Any]]:
    """Per line: percentiles without and with, and of what each vehicle gained."""
    facts = []
    for line_s in sorted({p.line_s for p in passages}):
        both = [(p.without_s, p.with_s) for p in passages if p.line_s == line_s]
        whole = [(without, asked) for without, asked in both if without is not None and asked is not None]
        facts.append(
            {
                "line_s": line_s,
                "without_s": spread([without for without, _ in whole]),
                "with_s": spread([asked for _, asked in whole]),
                "gained_s": spread([round(without - asked, 3) for without, asked in whole]),
            }
        )
    return facts


def entry_lines(facts: list[dict[str, Any]]) -> list[str]:
    """As a table for people."""
    shown = [f"{'stands to green, p50':<22}{'without':>9}{'with entry camera':>19}{'gained':>8}  line's round trip"]
    for one in facts:
        without, asked, gained = (one[name].get("p50", float("nan")) for name in ("without_s", "with_s", "gained_s"))
        shown.append(f"{'':<22}{without:>7.2f} s{asked:>17.2f} s{gained:>6.2f} s  {1000 * one['line_s']:g} ms")
    return shown
