"""`greenlane demo`: a live system to try on a laptop, or a report of the bundled clip."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from greenlane import language
from greenlane.language import tr
from wire.errors import GreenlaneError
from wire.spelling.numbers import typed_number

if TYPE_CHECKING:
    from greenlane.living.system import LivingSystem
    from wire.live import LaneStatus

EPILOG = """examples:
  greenlane demo --live                     everything at work, until Ctrl-C; prints where to click
  greenlane demo --live --port 8090         the service there, the station's central control at 8091
  greenlane demo --live --keep demo-state   its books and traces are kept in that folder
  greenlane demo                            plays the bundled clip once and writes report/index.html

It needs no root, no camera and no network: service, central control, lane, pump and a phone run in this one process
and listen on 127.0.0.1 alone.
"""
LOOK_EVERY_S = 0.1
KEPT_BY = "service.sqlite3"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("--live", action="store_true", help="a live system with all pages, until Ctrl-C")
    parser.add_argument("--clip", type=Path, metavar="CLIP", help="with --live: loop this video, not the bundled one")
    parser.add_argument(
        "--port", type=_port, default=0, metavar="N", help="with --live: N and N+1 (default: free ones)"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="with --live: keep books and traces in this folder")
    parser.add_argument("--seconds", type=_seconds, metavar="S", help="with --live: end by itself after so long")


def run(args: argparse.Namespace) -> int:
    if not args.live:
        return _report(args)
    began_s = time.monotonic()
    from controller import log
    from greenlane.living.system import LivingSystem, playing
    from greenlane.simulation.cast import bundled
    from hardware.cameras.recorded import check_clip
    from service.errors import ServiceError

    log.set_up("CRITICAL")
    if args.clip is not None:
        check_clip(args.clip)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with ExitStack() as stack:
            folder = _folder(stack, args.keep)
            ports = (args.port, args.port + 1) if args.port else (0, 0)
            living = stack.enter_context(LivingSystem(folder, playing(bundled(), args.clip), ports))
            living.on_end(stop.set)
            _show(living, folder if args.keep else None, began_s)
            _watch(living, stop, began_s, args.seconds)
        print(tr("ended; nothing is left running" if args.keep else "ended; nothing is left running, nothing on disk"))
    except ServiceError as error:
        print(f"greenlane demo: {tr(str(error))}", file=sys.stderr)
        return 1
    return 1 if living.failed else 0


def _report(args: argparse.Namespace) -> int:
    from greenlane import cli

    given = [f"--{name}" for name in ("clip", "port", "keep", "seconds") if getattr(args, name)]
    if given:
        raise GreenlaneError(f"{', '.join(given)}: only with --live; greenlane simulate CLIP plays another clip once")
    return cli.main(["simulate", "--report", "report"])


def _folder(stack: ExitStack, keep: Path | None) -> Path:
    """Where the demonstration writes. Raises ServiceError for a folder that holds books already."""
    from service.errors import ServiceError

    if keep is None:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="greenlane-demo-")))
    if (keep / KEPT_BY).exists():
        raise ServiceError(f"{keep} already contains books: name another folder")
    keep.mkdir(mode=0o700, parents=True, exist_ok=True)
    return keep


def _show(living: LivingSystem, kept: Path | None, began_s: float) -> None:
    """Where to click, and who is who."""
    print(tr(f"running after {time.monotonic() - began_s:.1f} s. Start here, each page is one click away:") + "\n")
    print(f"  {living.start}\n")
    for entry in living.entries:
        target = entry.target
        who = tr(f"as {target.person.name}" if target.person else f"pairing code {target.more}")
        title, sight = language.one_of(target.title), language.one_of(target.sight)
        print(language.one_of((f"{title}（{who}）：{sight}", f"{title} ({who}): {sight}")))
        print(f"  {target.url(entry.click)}{target.path}")
    print("\n" + tr(f"to log in by hand, everybody's password is {living.password}"))
    if kept is not None:
        from service.errors import as_typed

        books = as_typed(f"sqlite:///{kept.absolute() / KEPT_BY}")
        traces = as_typed(str(kept.absolute() / "lane" / "traces"))
        print(tr(f"books are kept in {kept}; look with: greenlane admin card list --database {books}"))
        print(tr(f"visits are kept there too; look with: greenlane explain last --traces {traces}"))
    print(tr("Ctrl-C ends it") + "\n", flush=True)


def _watch(living: LivingSystem, stop: threading.Event, began_s: float, seconds: float | None) -> None:
    """Tell each change of the lamp until told to stop, or the time is over."""
    until_s = None if seconds is None else began_s + seconds
    shown, was_green = None, False
    while not stop.wait(LOOK_EVERY_S):
        if until_s is not None and time.monotonic() >= until_s:
            return
        status = living.status
        if status is None:
            continue
        why = why_of(status)
        now = (status.lamp, why, status.plate, status.charged_fen)
        if now != shown and status.visit is not None:
            charged = "" if status.charged_fen is None else "  " + tr(f"charged {status.charged_fen / 100:.2f} yuan")
            plate = status.plate or "-"
            seconds_in, lamp = time.monotonic() - began_s, tr(status.lamp.value)
            print(f"{seconds_in:6.1f} s  {lamp:<5}  {plate}  {why}{charged}", flush=True)
            if status.lamp.value == "green" and not was_green:
                was_green = True
                print(tr(f"first green after {seconds_in:.1f} s"), flush=True)
        shown = now


def why_of(status: LaneStatus) -> str:
    """Why the lamp is as it is; a vehicle that is being read or asked about is not refused yet."""
    from greenlane.cli.words import reason_words
    from service.station.words import PHASES

    if status.phase in ("reading", "asking"):
        return language.one_of(PHASES[status.phase])
    return reason_words(status.reason)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1024 <= int(text) <= 65534:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1024 to 65534")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = typed_number(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds up to a day")
    return seconds
