"""`greenlane admin`: cards, plates, money and stations of the balance service."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable
from typing import Any

from greenlane.language import tr

_EPILOG = """examples:
  greenlane admin station set S1 --preset 100
  greenlane admin card create C1001 --name "Wang Logistics"
  greenlane admin plate bind 粤B12345 C1001
  greenlane admin top-up C1001 500
  greenlane admin card show C1001
  greenlane admin statement C1001 --csv
  greenlane admin reconcile S1 2026-05-04
  greenlane admin audit
  greenlane admin backup --to /var/backups/greenlane
  greenlane admin enrol --kind lane --station S1 --lane L1
  greenlane admin offline station S1 200
  greenlane admin person add wang --role operator
  greenlane admin phone add Chen --wallet 500
  greenlane admin payer set 粤B12345 Chen --hours 8-16
  greenlane admin odometer import 粤B12345 odometer.csv
  greenlane admin places 粤B12345 --json
`greenlane admin COMMAND --help` tells more. Amounts are typed in yuan: 100 or 100.50.
"""

PARTS = (
    "cards",
    "money",
    "stations",
    "dispensers",
    "reports",
    "devices",
    "people",
    "offline",
    "phones",
    "payers",
    "charges",
    "payments",
    "mileage.vehicles",
    "fleets",
    "mileage.odometer",
    "mileage.tracks",
    "mileage.places",
    "mileage.exceptions",
    "backup",
    "typed",
    "shifts",
)
"""Modules of this package that each add their commands with add_commands(subparsers, options)."""


LONGEST_TEXT = 1000
"""Of one argument; names and notes that are kept have limits of their own."""


def add_action(
    actions: Any, options: argparse.ArgumentParser, name: str, words: str, do: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """A command's parser; `words` are its line in the list, and its description. do: what it does."""
    parser: argparse.ArgumentParser = actions.add_parser(
        name, parents=[options], help=words, description=words[0].upper() + words[1:] + "."
    )
    parser.set_defaults(do=do)
    return parser


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    _add_options(parser, default=None)
    options = argparse.ArgumentParser(add_help=False)
    _add_options(options, default=argparse.SUPPRESS)
    subparsers = parser.add_subparsers(dest="admin", required=True, metavar="COMMAND")
    for name in PARTS:
        importlib.import_module(f"greenlane.cli.admin.{name}").add_commands(subparsers, options)


def run(args: argparse.Namespace) -> int:
    from service.errors import ServiceError

    try:
        _require_plain(args)
        return int(args.do(args))
    except (ServiceError, ValueError) as error:
        print(f"greenlane admin: {tr(str(error))}", file=sys.stderr)
        return 1


def _require_plain(args: argparse.Namespace) -> None:
    """A line break or a hidden character in a note would forge lines of trail and statement. Raises AdminError."""
    from service.errors import AdminError

    for name, value in vars(args).items():
        if isinstance(value, str) and (not value.isprintable() or len(value) > LONGEST_TEXT):
            raise AdminError(f"{name}: at most {LONGEST_TEXT} characters, without line breaks and hidden ones")


def _add_options(parser: argparse.ArgumentParser, default: str | None) -> None:
    parser.add_argument(
        "--database",
        metavar="URL",
        default=default,
        help="the service's database (default: $GREENLANE_DATABASE, otherwise SQLite in the state directory)",
    )
    parser.add_argument(
        "--json", action="store_true", default=default if default else False, help="print JSON; amounts are then in fen"
    )
