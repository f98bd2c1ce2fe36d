"""`greenlane replay`: runs the kept frames of a visit through today's reader and vote and shows the difference."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from greenlane.cli.explain import add_place, open_store
from greenlane.cli.options import add_engine
from greenlane.language import tr
from wire.errors import GreenlaneError

if TYPE_CHECKING:
    from pathlib import Path

    from controller.ports import PlateReader
    from controller.records import PlateRead, Reading, Vote
    from controller.settings_records import Settings
    from controller.traces.records import TracedRead, VisitTrace

EPILOG = """examples:
  greenlane replay last
  greenlane replay lane-1-20260105T080000-3f9ac1 --config /etc/greenlane/lane.toml --engine onnxruntime

Kept frames are compared one by one: what was read then, what is read now. The vote of then is counted again from the
recorded reads under today's thresholds. Status 1 when any text differs.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("visit", metavar="VISIT", help='id of the visit, a part of it, or "last"')
    add_engine(parser, help="as in the settings", default=None)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    add_place(parser)


@dataclass(frozen=True, slots=True)
class ReplayedFrame:
    """One kept frame: the text read then (None where its read was not recorded or saw no plate) and now."""

    picture: str
    at_s: float
    then: PlateRead | None
    now: PlateRead | None
    ms: float

    @property
    def same(self) -> bool:
        return (self.then.text if self.then else None) == (self.now.text if self.now else None)


def run(args: argparse.Namespace) -> int:
    from controller import settings as settings_file
    from controller.settings_records import Settings
    from controller.traces.store import read_trace
    from greenlane.wiring import reader_of

    store = open_store(args)
    folder = store.find(args.visit)
    trace = read_trace(folder)
    settings = settings_file.load(args.config) if args.config else Settings()
    reader = _with_engine(settings, args.engine, reader_of)
    compared = compare(trace, folder, reader, settings)
    if not trace.pictures:
        raise GreenlaneError(f"{trace.visit}: no picture was kept: they are written when a visit is over")
    if not compared:
        raise GreenlaneError(f"{trace.visit}: its pictures have all been deleted; nothing can be read again")
    votes = (trace.votes[-1].vote if trace.votes else None, vote_again(trace, settings))
    print(_document(trace, reader.name, compared, votes) if args.json else _text(trace, reader.name, compared, votes))
    return 0 if all(c.same for c in compared) else 1


def _with_engine(settings: Settings, engine: str | None, build: Any) -> PlateReader:
    from dataclasses import replace

    wanted = settings.reader if engine is None else replace(settings.reader, engine=engine)
    reader: PlateReader = build(wanted)
    return reader


def compare(trace: VisitTrace, folder: Path, reader: PlateReader, settings: Settings) -> list[ReplayedFrame]:
    """Every kept picture read again. Raises GreenlaneError for a damaged one."""
    from hardware.jpeg import decode_jpeg

    found = []
    for fact in sorted(trace.pictures, key=lambda p: p.at_s):
        path = folder / fact.file
        if path.is_file():
            reading = reader.read(decode_jpeg(path.read_bytes()), settings.camera.area)
            then = next((r for r in trace.reads if r.frame == fact.frame), None)
            found.append(ReplayedFrame(fact.file, fact.at_s, _main(then), _main(reading), sum(reading.ms.values())))
    return found


def vote_again(trace: VisitTrace, settings: Settings) -> Vote:
    """The vote over the reads up to the one that decided then (all, where none did), under today's thresholds."""
    from controller.watching.vote import vote

    decided_s = next((v.at_s for v in trace.votes if v.vote.certain), None)
    reads = [r for r in trace.reads if decided_s is None or r.at_s <= decided_s]
    return vote([plate for read in reads if (plate := _main(read)) is not None], settings.vote)


def _main(read: TracedRead | Reading | None) -> PlateRead | None:
    plates = read.plates if read is not None else ()
    return max(plates, key=lambda p: p.width_px * p.detection, default=None)


def _said(plate: PlateRead | None) -> str:
    return tr("no plate") if plate is None else f"{plate.text or tr('no character')} {plate.weakest:.0%}"


def _text(trace: VisitTrace, reader: str, compared: list[ReplayedFrame], votes: tuple[Vote | None, Vote]) -> str:
    from controller.checks import padded

    lines = [tr(f"Visit {trace.visit}"), tr(f"then: {trace.reader}"), tr(f"now:  {reader}"), ""]
    for one in compared:
        mark = tr("same  ") if one.same else tr("DIFFER")
        texts = tr(f"then {padded(_said(one.then), 18)} now {padded(_said(one.now), 18)}")
        lines.append(f"  {mark}  {one.at_s:7.2f} s  {texts} {tr(f'{one.ms:.0f} ms')}")
    then, now = votes
    lines += ["", tr(f"vote then: {_voted(then)}")]
    lines += [tr(f"vote now:  {_voted(now)} (the reads of then, today's thresholds)")]
    return "\n".join(lines)


def _voted(vote: Vote | None) -> str:
    if vote is None:
        return tr("none")
    if vote.plate:
        return tr(f"certain of {vote.plate}")
    if vote.candidate:
        return tr(f"not certain of {vote.candidate}: {tr(vote.detail)}")
    return tr(f"not certain of anything: {tr(vote.detail)}")


def _document(trace: VisitTrace, reader: str, compared: list[ReplayedFrame], votes: tuple[Vote | None, Vote]) -> str:
    from controller.traces.records import to_json

    frames = [
        {
            "picture": c.picture,
            "at_s": c.at_s,
            "same": c.same,
            "then": c.then and {"text": c.then.text, "weakest": round(c.then.weakest, 4)},
            "now": c.now and {"text": c.now.text, "weakest": round(c.now.weakest, 4)},
        }
        for c in compared
    ]
    then, now = votes
    document = {
        "visit": trace.visit,
        "reader_then": trace.reader,
        "reader_now": reader,
        "frames": frames,
        "vote_then": to_json(then),
        "vote_now": to_json(now),
    }
    return json.dumps(document, ensure_ascii=False, indent=1)
