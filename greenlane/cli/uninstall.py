"""`greenlane uninstall`: takes away what `greenlane install` wrote, and says what stays because it is the owner's."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from greenlane.cli.install import spoken
from greenlane.language import tr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from greenlane.installation.plan import Step

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
    for path in _kept(args.what):
        if (root / path.relative_to("/")).exists():
            print(tr(f"kept       {path}"), flush=True)
    print(f"\n{tr(_next(args.what))}")
    return 0


def _installed(what: str) -> tuple[Step, ...]:
    """Every step that an installation may have had, those of its options among them."""
    from greenlane.cli.options import LANE_SETTINGS
    from greenlane.installation import plan, servers

    program = Path("/usr/local/bin/greenlane")
    if what == "lane":
        return plan.steps(plan.Options(program, LANE_SETTINGS, "", hardware_watchdog=True, start=False))
    return servers.steps(servers.SERVERS[what], program, False, servers.BACKUPS)


def _kept(what: str) -> Iterator[Path]:
    from greenlane.installation import servers

    yield Path("/etc/greenlane") / ("lane.toml" if what == "lane" else f"{what}.env")
    yield Path("/var/lib") / STATE[what]
    if what == "service":
        yield servers.BACKUPS


def _next(what: str) -> str:
    user = STATE[what]
    if what == "service":
        return (
            "What is kept holds the books. Where they are copied and not needed here: "
            f"sudo rm -r /var/lib/{user}; sudo userdel {user}"
        )
    return (
        "What is kept may hold fuellings that the service does not have yet. Where nothing waits any more, revoke the "
        f"device (greenlane admin device revoke DEVICE), then: sudo rm -r /var/lib/{user}; sudo userdel {user}"
    )
