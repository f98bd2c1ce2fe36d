"""`greenlane explain`: tells why a visit was green or red, from the frame to the lamp, and what to do."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from greenlane import language
from greenlane.cli.options import lane_zone, stamp, whole
from greenlane.cli.outputs import is_page
from greenlane.language import tr
from wire.errors import GreenlaneError
from wire.files import replace_regular
from wire.outputs import check_file

if TYPE_CHECKING:
    from controller.traces.records import VisitTrace
    from controller.traces.store import TraceStore
    from greenlane.report.explanation import Explanation

EPILOG = """examples:
  greenlane explain --list                          the latest visits
  greenlane explain last                            the latest one, step by step
  greenlane explain lane-1-20260105T080000-3f9ac1   that one; any part of the id that no other visit has
  greenlane explain last --html why.html            the same with its pictures, as one page

Messages that the balance service refused for good: greenlane outbox list.
Pictures are deleted after 72 hours, the record without them stays longer (section [trace] of lane.toml).
"""
DEFAULT_STATE_DIR = Path("/var/lib/greenlane")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("visit", nargs="?", metavar="VISIT", help='id of the visit, a part of it, or "last"')
    parser.add_argument("--list", action="store_true", help="list the latest visits")
    parser.add_argument(
        "--count", type=whole(1, 1_000_000), default=20, metavar="N", help="how many --list shows (default 20)"
    )
    parser.add_argument("--parked", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--retry", type=whole(1, 2**63 - 1), metavar="ID", help=argparse.SUPPRESS)
    parser.add_argument("--discard", type=whole(1, 2**63 - 1), metavar="ID", help=argparse.SUPPRESS)
    parser.add_argument("--why", metavar="TEXT", help=argparse.SUPPRESS)
    parser.add_argument("--who", metavar="NAME", help=argparse.SUPPRESS)
    parser.add_argument("--html", type=Path, metavar="FILE", help="write one page with the pictures")
    parser.add_argument("--json", action="store_true", help="print the trace as JSON")
    add_place(parser)


def add_place(parser: argparse.ArgumentParser) -> None:
    """Where the traces are: by the lane's settings or by their folder."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--config", type=Path, metavar="FILE", help="settings of the lane, which name the folder")
    place.add_argument("--traces", type=Path, metavar="DIR", help="their folder (default /var/lib/greenlane/traces)")


def open_store(args: argparse.Namespace) -> TraceStore:
    """The traces that --config or --traces name. Raises GreenlaneError."""
    from controller.clock import SystemClock
    from controller.traces.store import FOLDER, TraceStore

    root = args.traces or _state_dir(args) / FOLDER
    if not root.is_dir():
        raise GreenlaneError(f"{root}: there is no such folder; name it with --traces or --config")
    return TraceStore(root, SystemClock())


def _state_dir(args: argparse.Namespace) -> Path:
    from controller import settings

    if args.traces is not None:
        return Path(args.traces).parent
    return Path(settings.load(args.config).trace.state_dir) if args.config else DEFAULT_STATE_DIR


def run(args: argparse.Namespace) -> int:
    if args.parked or args.retry is not None or args.discard is not None:
        from greenlane.cli import outbox

        print(tr("these options move: greenlane outbox list, retry ID, discard ID"), file=sys.stderr)
        return outbox.run_old(args, _state_dir(args))
    if args.list == (args.visit is not None):
        raise GreenlaneError('name one VISIT ("last" for the latest) or ask for --list')
    if args.list and args.html is not None:
        raise GreenlaneError("--html writes one VISIT, not the list")
    store = open_store(args)
    return _list(store, args.count, args.json, lane_zone(args.config)) if args.list else _explain(store, args)


def _list(store: TraceStore, count: int, as_json: bool, zone: ZoneInfo | None) -> int:
    from controller.checks import padded
    from greenlane.cli.words import reason_words
    from greenlane.report.explanation import last_reason

    traces = store.recent(count)
    if as_json:
        print(json.dumps([_facts(trace) for trace in traces], ensure_ascii=False, indent=1))
        return 0
    if not traces:
        print(tr("no visits are recorded"), file=sys.stderr)
    for trace in traces:
        facts = _facts(trace)
        seen, ended = stamp(trace.first_seen_at, zone), tr(facts["decision"] or "unfinished")
        plate, reason = facts["plate"] or "-", reason_words(last_reason(trace))
        print(f"{seen}  {padded(ended, 10)} {padded(plate, 10)} {padded(reason, 16)} {trace.visit}")
    return 0


def _facts(trace: VisitTrace) -> dict[str, str | None]:
    from greenlane.report.explanation import last_reason

    decision = None if trace.summary is None else str(trace.summary.decision)
    return {
        "visit": trace.visit,
        "first_seen_at": trace.first_seen_at.isoformat(),
        "plate": trace.plate,
        "decision": decision,
        "reason": str(last_reason(trace)),
    }


def _explain(store: TraceStore, args: argparse.Namespace) -> int:
    from controller.traces.records import to_json
    from controller.traces.store import read_trace
    from greenlane.report.explanation import explain
    from service.http.flag_words import FLAGS
    from service.station.words import meaning
    from wire.reasons import Reason

    folder = store.find(args.visit)
    if args.html is not None:
        check_file("--html", args.html, [folder], is_page)
    trace = read_trace(folder)
    trace = replace(trace, first_seen_at=trace.first_seen_at.astimezone(lane_zone(args.config)))
    words = {english: chinese for chinese, english in map(meaning, Reason)}
    language.also({f"flags: {flag}": chinese for flag, (chinese, _) in FLAGS.items()})
    language.also(words | {english.removesuffix("."): chinese for english, chinese in words.items()})
    explanation = explain(trace)
    if args.html is not None:
        _write_page(args.html, folder, trace, explanation)
    if args.json:
        print(json.dumps(to_json(trace), ensure_ascii=False, indent=1))
    elif args.html is None:
        print(_text(trace, explanation))
    else:
        print(tr(f"{explanation.headline}; written to {args.html}"))
    return 0


def _write_page(target: Path, folder: Path, trace: VisitTrace, explanation: Explanation) -> None:
    from controller.traces.store import PICTURES
    from greenlane.report.visit_page import html

    beside = {path.name: path for path in folder.glob(PICTURES)}
    pictures = {p.file: beside[p.file].read_bytes() for p in trace.pictures if p.file in beside}
    try:
        page = html(trace, explanation, pictures, tr(f"greenlane explain; reader {trace.reader}"))
        replace_regular(target, page.encode())
    except OSError as error:
        raise GreenlaneError(f"{target}: {error.strerror}") from error


def _text(trace: VisitTrace, explanation: Explanation) -> str:
    from controller.checks import padded
    from greenlane.report.explanation import LinkOutcome

    good, bad = padded(language.one_of(("通过", "ok")), 4), language.one_of(("失败", "FAIL"))
    marks = {LinkOutcome.GOOD: good, LinkOutcome.BAD: bad, LinkOutcome.OPEN: "  - "}
    chain = [f"  {marks[link.outcome]}  {padded(tr(link.name), 16)} {tr(link.detail)}" for link in explanation.links]
    steps = [f"  {step.at_s:7.2f} s  {tr(step.text)}" for step in explanation.steps]
    return "\n".join(
        [
            tr(f"Visit {trace.visit}, {stamp(trace.first_seen_at, trace.first_seen_at.tzinfo)}"),
            tr(explanation.headline),
            f"{explanation.english}  {explanation.chinese}"
            if tr(explanation.english) == explanation.english
            else tr(explanation.english),
            tr(f"What to do: {explanation.remedy}"),
            "",
            tr("From camera to lamp:"),
            *chain,
            "",
            tr("Step by step:"),
            *steps,
        ]
    )
