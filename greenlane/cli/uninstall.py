"""`greenlane uninstall`: takes away what `greenlane install` wrote, and says what stays because it is the owner's."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from greenlane.cli.install import spoken
from greenlane.cli.options import LANE_SETTINGS
from greenlane.language import tr

if TYPE_CHECKING:
    from greenlane.installation.plan import Step

PROGRAM = Path("/usr/local/bin/greenlane")
STATE = {"lane": "greenlane", "service": "greenlane-service", "station": "greenlane-station"}
"""The user, and its folder below /var/lib."""

EXAMPLES = """
The boot service is stopped, which leaves the lamp of a lane unit at red, and its files are removed. Settings, books,
keys and traces stay, and so do the user and the program. An update, or the way back to an older release, does not
need it.

examples:
  greenlane uninstall --dry-run       show what would be removed, change nothing
  sudo greenlane uninstall            the lane unit
  sudo greenlane uninstall service    the balance service and the timer of its backups
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.add_argument("what", nargs="?", choices=tuple(STATE), default="lane", help="default: %(default)s")
    parser.add_argument("--dry-run", action="store_true", help="print every file and program, change nothing")
    parser.add_argument(
        "--root", type=Path, default=Path("/"), metavar="DIR", help="of an installation below this folder"
    )


def run(args: argparse.Namespace) -> int:
    from greenlane.installation import plan

    root = args.root.resolve()
    todo = plan.removal(_installed(args.what), root)
    if args.dry_run:
        print("\n".join(map(spoken, plan.describe(todo))))
        return 0
    for line in plan.carry_out(todo, root):
        print(tr(line), flush=True)
    _tell_what_stays(args.what, root)
    return 0


def _tell_what_stays(what: str, root: Path) -> None:
    for path in filter(lambda path: (root / path.relative_to("/")).exists(), _kept(what)):
        print(tr(f"kept       {path}"))
    print(f"\n{tr(_next_of_books() if what == 'service' else _next_of_device(STATE[what]))}")


def _installed(what: str) -> tuple[Step, ...]:
    """Every step that an installation may have had, those of its options among them."""
    return _lane_steps() if what == "lane" else _server_steps(what)


def _lane_steps() -> tuple[Step, ...]:
    from greenlane.installation import plan

    return plan.steps(plan.Options(PROGRAM, LANE_SETTINGS, "", hardware_watchdog=True, start=False))


def _server_steps(what: str) -> tuple[Step, ...]:
    from greenlane.installation import servers

    return servers.steps(servers.SERVERS[what], PROGRAM, False, servers.BACKUPS)


def _kept(what: str) -> tuple[Path, ...]:
    settings = LANE_SETTINGS if what == "lane" else LANE_SETTINGS.with_name(f"{what}.env")
    return settings, Path("/var/lib") / STATE[what]


def _next_of_books() -> str:
    return (
        "What is kept holds the books. Where they are copied and not needed here: "
        f"sudo rm -r /var/lib/{STATE['service']}; sudo userdel {STATE['service']}"
    )


def _next_of_device(user: str) -> str:
    return (
        "What is kept may hold fuellings that the service does not have yet. Where nothing waits any more, revoke the "
        f"device (greenlane admin device revoke DEVICE), then: sudo rm -r /var/lib/{user}; sudo userdel {user}"
    )
