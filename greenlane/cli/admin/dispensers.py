"""`greenlane admin dispenser`: which lane a dispenser belongs to."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from greenlane.cli.admin import add_action
from greenlane.language import tr

if TYPE_CHECKING:
    from greenlane.cli.admin.office import Office
    from service.admin.dispensers import BoundDispenser, Dispensers

_LISTED = ("station", "dispenser", "lanes", "bound", "by", "sequence", "last lane")


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add the command; `options` are those that every command takes."""
    dispenser = subparsers.add_parser("dispenser", help="which lane a dispenser belongs to")
    actions = dispenser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = add_action(actions, options, "list", "dispensers with their lanes", _list)
    listing.add_argument("station", metavar="STATION", nargs="?", help="of this station only")
    bind = _of_lane(actions, options, "bind", "give a dispenser to a lane, or move it there", _bind)
    bind.add_argument("--also", action="store_true", help="besides the lanes that it belongs to, not in their place")
    bind.add_argument("--yes", action="store_true", help="move it from another lane without asking")
    _of_lane(actions, options, "release", "take a dispenser from a lane; of none, the next report decides", _release)


def _of_lane(actions: Any, options: argparse.ArgumentParser, name: str, words: str, do: Any) -> argparse.ArgumentParser:
    parser = add_action(actions, options, name, words, do)
    parser.add_argument("station", metavar="STATION")
    parser.add_argument("dispenser", metavar="DISPENSER", help="its name as lane.toml has it")
    parser.add_argument("lane", metavar="LANE")
    return parser


def _list(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, table
    from service.reports.zones import zones

    with office(args) as o:
        found, shown = _dispensers(o).list(args.station), zones(o.database, args.station)
        o.show(found, table(_LISTED, [_row(one, shown) for one in found], (5,)))
    return 0


def _row(one: BoundDispenser, shown: Any) -> tuple[object, ...]:
    from service.reports.zones import stamp

    bound = "-" if one.bound_at is None else stamp(shown.at(one.bound_at, one.station))
    by = "-" if not one.lanes else tr("an operator" if one.by_operator else "its first report")
    lanes = ", ".join(one.lanes) or tr("none")
    return one.station, one.dispenser, lanes, bound, by, one.last_sequence or "-", one.last_lane or "-"


def _bind(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office

    with office(args) as o:
        found = _dispensers(o)
        known = [one.lanes for one in found.list(args.station) if one.dispenser == args.dispenser]
        before = known[0] if known else ()
        if before and args.lane not in before and not args.also and not args.yes:
            _confirm(args.dispenser, before, args.lane)
        found.bind(args.station, args.dispenser, args.lane, also=args.also)
        after = sorted({*before, args.lane}) if args.also else [args.lane]
        words = f"dispenser {args.dispenser} belongs to lane {', '.join(after)} of station {args.station}"
        o.show({"station": args.station, "dispenser": args.dispenser, "lanes": after, "before": list(before)}, words)
    return 0


def _release(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office

    with office(args) as o:
        left = _dispensers(o).release(args.station, args.dispenser, args.lane)
        words = f"dispenser {args.dispenser} belongs to no lane: the next one that reports under it gets it"
        if left:
            words = f"dispenser {args.dispenser} belongs to lane {', '.join(left)} of station {args.station}"
        o.show({"station": args.station, "dispenser": args.dispenser, "lanes": list(left)}, words)
    return 0


def _confirm(dispenser: str, before: Sequence[str], lane: str) -> None:
    """Raises AdminError where nobody says yes."""
    from service.errors import AdminError

    lanes = ", ".join(before)
    question = tr(f"dispenser {dispenser} belongs to lane {lanes}; move it to {lane}? [y/N] ")
    if not sys.stdin.isatty():
        raise AdminError(f"dispenser {dispenser} belongs to lane {lanes}; say --yes to move it to {lane}")
    if input(question).strip().lower() not in ("y", "yes", "是"):
        raise AdminError(f"dispenser {dispenser} stays with lane {lanes}")


def _dispensers(o: Office) -> Dispensers:
    from greenlane.cli.admin.office import actor
    from service.admin.dispensers import Dispensers

    return Dispensers(o.books, actor())
