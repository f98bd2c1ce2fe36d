"""`greenlane admin payment`: orders at payment providers, and why one of them cannot pay for a plate."""

from __future__ import annotations

import argparse
from typing import Any

from greenlane import language
from greenlane.cli.admin import add_action
from greenlane.language import tr

STATES = ("waiting", "accepted", "unknown", "paid", "failed")


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add the command; `options` are those that every command takes."""
    payment = subparsers.add_parser("payment", help="orders at payment providers, and what providers can do")
    actions = payment.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = add_action(actions, options, "list", "orders, oldest first", _list)
    listing.add_argument("--state", choices=STATES, metavar="STATE", help=", ".join(STATES))
    check = add_action(actions, options, "check", "whether each way of paying accepts a plate, and why not", _check)
    check.add_argument("plate", metavar="PLATE")
    check.add_argument("--amount", metavar="YUAN", default="1", help="of one fuelling (default: 1)")


def _list(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, table
    from service.payments.listing import orders
    from service.reports.zones import stamp, zones
    from wire.money import format_yuan

    with office(args) as o:
        found, shown = orders(o.database, args.state), zones(o.database)
        rows = [
            (
                p.number,
                stamp(shown.at(p.at, p.station)),
                p.provider,
                p.charge,
                format_yuan(p.amount_fen),
                tr(p.state),
                p.reason,
            )
            for p in found
        ]
        o.show(found, table(("order", "at", "provider", "charge", "yuan", "state", "reason"), rows, (4,)))
    return 0


def _check(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, table
    from service.payments.listing import ways
    from wire.money import parse_yuan
    from wire.plates import normalise

    amount_fen = parse_yuan(args.amount)
    with office(args) as o:
        found = ways(o.database, normalise(args.plate), amount_fen, o.books.clock.now())
        rows = [
            (tr(w.way), w.state or "-", tr("yes" if w.unfit is None else "no"), language.one_of((w.words_zh, w.words)))
            for w in found
        ]
        o.show(found, table(("way", "its state", "pays", "why not"), rows))
    return 0
