"""`greenlane install`: makes the lane unit a boot service."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from greenlane.cli.options import add_config

EXAMPLES = """
It makes the user `greenlane`, /etc/greenlane/lane.toml (a file that is there already is kept), the rule for the pins
and a systemd unit that starts at boot, restarts after every end and leaves the lamp at red. It asks nothing and may be
run again at any time.

examples:
  greenlane install --dry-run               show every file and every program, change nothing
  sudo greenlane install                    install, enable and start
  sudo greenlane install --hardware-watchdog  the board restarts when the kernel hangs, too
  greenlane install --root build/image      put everything into another root folder, for packaging
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.add_argument("--dry-run", action="store_true", help="print every file and program, change nothing")
    parser.add_argument("--root", type=Path, default=Path("/"), metavar="DIR", help="install below this folder")
    add_config(parser)
    parser.add_argument("--program", type=Path, metavar="FILE", help="the greenlane program that the service starts")
    parser.add_argument("--hardware-watchdog", action="store_true", help="let systemd feed the board's watchdog, 15 s")
    parser.add_argument("--no-start", action="store_true", help="enable it for the next boot, do not start it now")


def run(args: argparse.Namespace) -> int:
    from controller import settings
    from greenlane.installation import plan

    options = plan.Options(
        program=_program(args.program),
        config=args.config,
        example=settings.example(),
        hardware_watchdog=args.hardware_watchdog,
        start=not args.no_start,
    )
    todo = plan.steps(options)
    if args.dry_run:
        print("\n".join(plan.describe(todo)))
        return 0
    for line in plan.carry_out(todo, args.root.resolve()):
        print(line, flush=True)
    print(f"\nNext: greenlane calibrate --config {args.config}, then greenlane doctor --config {args.config}")
    return 0


def _program(wish: Path | None) -> Path:
    """The program named, else the one beside this Python, else the one on the path."""
    if wish is not None:
        return wish
    beside = Path(sys.executable).parent / "greenlane"
    found = None if beside.exists() else shutil.which("greenlane")
    return Path(found).resolve() if found else beside.absolute()
