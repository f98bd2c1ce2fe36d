"""`greenlane doctor`: checks this machine and its lane, and says what to do."""

from __future__ import annotations

import argparse
import json
import sys

from greenlane.cli.options import add_config, one_line

EXAMPLES = """
examples:
  greenlane doctor                                   the lane of /etc/greenlane/lane.toml
  greenlane doctor --config lane.toml --json
  greenlane doctor --config lane.toml --lamp-red     drive the lamp to red, as the boot service does at its end

exit status: 0 when nothing failed (warnings included), 1 when something did
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    add_config(parser, default=None)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    parser.add_argument("--lamp-red", action="store_true", help="only drive the lamp to red")


def run(args: argparse.Namespace) -> int:
    from controller import checks, log
    from greenlane.cli.doctor import checks as doctor_checks

    log.set_up("CRITICAL")
    if args.lamp_red:
        doctor_checks.lamp_red(args.config)
        return 0
    found = doctor_checks.all_checks(args.config)
    if args.json:
        shown = [check.facts() for check in found]
        print(json.dumps({"worst": str(checks.worst(found)), "checks": shown}, ensure_ascii=False, indent=1))
    else:
        print("\n".join(checks.lines(found, paint=sys.stdout.isatty(), words=one_line)))
    return 1 if checks.worst(found) is checks.Severity.FAIL else 0
