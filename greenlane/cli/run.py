"""`greenlane run`: the lane unit, as the boot service runs it."""

from __future__ import annotations

import argparse
import os
import signal
import threading
from typing import TYPE_CHECKING

from greenlane.cli.options import add_config
from greenlane.language import tr

if TYPE_CHECKING:
    from controller.settings_records import Settings
    from greenlane.entry_wiring import EntryUnit
    from greenlane.wiring import LaneUnit

EPILOG = """examples:
  greenlane run                                       the lane of /etc/greenlane/lane.toml, as the boot service does
  greenlane run --config lane.toml --check            check the settings and stop

It ends with status 0 when it is told to stop (SIGTERM, Ctrl-C) or a recorded video is over, and with 1 when something
it cannot work without has failed; systemd then starts it afresh. Either way the lamp is left at red.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    add_config(parser)
    parser.add_argument("--check", action="store_true", help="check the settings only")


def run(args: argparse.Namespace) -> int:
    from controller import settings as settings_file

    settings = settings_file.load(args.config)
    if args.check:
        print(tr(f"{args.config}: settings are good"))
        return 0
    from greenlane import wiring

    wiring.set_up_logging(settings, journal="JOURNAL_STREAM" in os.environ)
    stopped_early = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped_early.set())
    with _unit(settings) as unit:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: unit.stop())
        if stopped_early.is_set():
            unit.stop()
        return unit.run()


def _unit(settings: Settings) -> LaneUnit | EntryUnit:
    """What the role of [lane] makes of this machine."""
    from greenlane import entry_wiring, wiring

    return entry_wiring.EntryUnit(settings) if settings.lane.role == "entry" else wiring.LaneUnit(settings)
