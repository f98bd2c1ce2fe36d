"""`greenlane admin shift`: shifts of the counter, cash counted against what was taken in and paid out."""

from __future__ import annotations

import argparse
from typing import Any

from greenlane.cli.options import whole
from greenlane.language import tr


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add the command; `options` are those that every command takes."""
    shift = subparsers.add_parser("shift", help="shifts of the counter, and their cash")
    actions = shift.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", parents=[options], help="the newest first")
    listing.add_argument("--station", metavar="STATION")
    listing.add_argument("--cashier", metavar="NAME")
    listing.add_argument(
        "--last", type=whole(1, 1_000_000), default=50, metavar="N", help="at most so many (default: %(default)s)"
    )
    listing.set_defaults(do=_list)


def _list(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from greenlane.cli.admin.office import office, table
    from service.counter.shifts import reports
    from service.reports.zones import stamp, zones
    from wire.money import format_yuan

    def yuan(fen: int | None) -> str:
        return "-" if fen is None else format_yuan(fen)

    with office(args) as o:
        shown = zones(o.database, args.station)
        found = [
            replace(
                one,
                opened_at=shown.at(one.opened_at, one.station),
                closed_at=None if one.closed_at is None else shown.at(one.closed_at, one.station),
            )
            for one in reports(o.database, args.station, cashier=args.cashier, last=args.last)
        ]
        rows = [
            (
                one.station,
                one.cashier,
                stamp(one.opened_at),
                tr("open") if one.closed_at is None else stamp(one.closed_at),
                *[yuan(fen) for fen in (one.float_fen, one.expected_fen, one.counted_fen, one.difference_fen)],
            )
            for one in found
        ]
        head = ("station", "cashier", "opened", "closed", "float", "expected", "counted", "difference")
        o.show(found, table(head, rows, (4, 5, 6, 7)))
    return 0
