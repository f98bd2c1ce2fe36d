"""`greenlane install`: makes the lane unit, a station's central control or the balance service a boot service."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from greenlane.cli.options import LANE_SETTINGS, add_config
from greenlane.language import tr

if TYPE_CHECKING:
    from greenlane.installation.engine import EngineChoice
    from greenlane.installation.plan import Step

EXAMPLES = """
For a lane unit it makes the user `greenlane`, /etc/greenlane/lane.toml (a file that is there already is kept), the
rule for the pins and a systemd unit that starts at boot, restarts after every end and leaves the lamp at red. It asks
nothing and may be run again at any time. Where ONNX Runtime is installed and passes its self-test, a new lane.toml
names it as engine.

For the balance service it makes the user `greenlane-service`, /etc/greenlane/service.env, the folder
/var/lib/greenlane-service for the books, the boot service, and a timer that every night copies the books to
/var/backups/greenlane, restores the copy and audits it. For a station's central control it makes the user
`greenlane-station`, /etc/greenlane/station.env, its state folder and the boot service.

examples:
  greenlane install --dry-run                 show every file and every program, change nothing
  sudo greenlane install service              the balance service and its backups
  sudo greenlane install service --backup /mnt/backups   the copies go to another disk
  sudo greenlane install station --no-start   the central control; set station.env and enrol it, then start it
  sudo greenlane install                      install, enable and start
  sudo greenlane install --hardware-watchdog  the board restarts when the kernel hangs, too
  greenlane install --root build/image        put everything into another root folder, for packaging
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.add_argument(
        "what", nargs="?", choices=("lane", "service", "station"), default="lane", help="default: %(default)s"
    )
    parser.add_argument("--dry-run", action="store_true", help="print every file and program, change nothing")
    parser.add_argument("--root", type=Path, default=Path("/"), metavar="DIR", help="install below this folder")
    add_config(parser)
    parser.add_argument("--program", type=Path, metavar="FILE", help="the greenlane program that the service starts")
    parser.add_argument("--hardware-watchdog", action="store_true", help="let systemd feed the board's watchdog, 15 s")
    parser.add_argument(
        "--backup", type=Path, metavar="DIR", help="of the service: the folder of its nightly copies, on another disk"
    )
    parser.add_argument("--no-start", action="store_true", help="enable it for the next boot, do not start it now")


def run(args: argparse.Namespace) -> int:
    from greenlane.installation import plan

    choice = _engine(args) if args.what == "lane" else None
    todo = _lane_steps(args, choice.engine) if choice else _server_steps(args)
    if args.dry_run:
        print("\n".join(map(spoken, plan.describe(todo))))
    if choice:
        print(tr(f"engine     {choice.engine}: {choice.why}"), flush=True)
    if args.dry_run:
        return 0
    for line in plan.carry_out(todo, args.root.resolve()):
        print(tr(line), flush=True)
    print(f"\n{tr(f'Next: {_next(args)}')}")
    return 0


def spoken(line: str) -> str:
    """A line of the plan: what is done is for people, a file's text and a program's words stay as they are."""
    return f"# {tr(line.removeprefix('# '))}" if line.startswith("# ") else line


def _server_steps(args: argparse.Namespace) -> tuple[Step, ...]:
    from greenlane.installation import servers
    from wire.errors import GreenlaneError

    if args.hardware_watchdog or args.config != LANE_SETTINGS:
        raise GreenlaneError(f"--hardware-watchdog and --config belong to the lane unit, not to {args.what}")
    _require_service(args)
    return servers.steps(servers.SERVERS[args.what], _program(args.program), not args.no_start, args.backup)


def _require_service(args: argparse.Namespace) -> None:
    from wire.errors import GreenlaneError

    if args.backup is not None and args.what != "service":
        raise GreenlaneError(
            f"--backup belongs to the balance service: greenlane install service --backup {args.backup}"
        )


def _next(args: argparse.Namespace) -> str:
    if args.what == "service":
        return "sudo -u greenlane-service greenlane admin station set S1; options in /etc/greenlane/service.env"
    if args.what == "station":
        return (
            "set /etc/greenlane/station.env; sudo greenlane enrol CODE --service URL "
            "--state /var/lib/greenlane-station; sudo systemctl restart greenlane-station"
        )
    return (
        f"sudo greenlane enrol CODE --service URL --config {args.config}, "
        f"then sudo greenlane calibrate --config {args.config} and greenlane doctor --config {args.config}"
    )


def _engine(args: argparse.Namespace) -> EngineChoice:
    """What is to run the networks: the settings file that is there already decides, else this machine's self-test."""
    from controller import settings
    from controller.errors import SettingsError
    from greenlane.installation import engine

    root = args.root.resolve()
    kept = root / args.config.absolute().relative_to("/")
    if kept.exists():
        try:
            named = settings.load(kept).reader.engine
        except SettingsError as error:
            return engine.EngineChoice(engine.DEFAULT, f"until the settings file that is there is mended: {error}")
        return engine.EngineChoice(named, "the settings file that is there names it; greenlane calibrate tests it")
    if root != Path("/"):
        why = "the self-test of ONNX Runtime applies to this machine only; greenlane calibrate runs it on the lane unit"
        return engine.EngineChoice(engine.DEFAULT, why)
    return engine.choose()


def _lane_steps(args: argparse.Namespace, engine: str) -> tuple[Step, ...]:
    from controller import settings
    from greenlane.installation import plan

    _require_service(args)
    options = plan.Options(
        program=_program(args.program),
        config=args.config,
        example=settings.changed(settings.example(), {("reader", "engine"): engine}),
        hardware_watchdog=args.hardware_watchdog,
        start=not args.no_start,
    )
    return plan.steps(options)


def _program(wish: Path | None) -> Path:
    """The program named, else the one beside this Python, else the one on the path."""
    if wish is not None:
        return wish
    beside = Path(sys.executable).parent / "greenlane"
    found = None if beside.exists() else shutil.which("greenlane")
    return Path(found).resolve() if found else beside.absolute()
