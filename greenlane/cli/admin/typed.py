"""`greenlane admin typed`, `card set` and `plate set`: what a typed plate needs, PINs, and typed plates that differ."""

from __future__ import annotations

import argparse
import dataclasses
import getpass
import sys
from typing import TYPE_CHECKING, Any

from greenlane.cli.options import whole
from greenlane.language import tr

if TYPE_CHECKING:
    from greenlane.cli.admin.office import Office
    from service.admin.typed_plates import TypedPlates
    from wire.typed import TypedRule

RULES = ("attendant", "pin", "refuse", "free")
ABOVE = "default"
"""Takes a rule back: what stands above counts again, the card for a plate, the station for a card."""
HELP = "what a typed plate needs where nothing was read (default: attendant)"
HELP_OF = {
    "card": "what a typed plate needs where nothing was read; default: what the station says",
    "plate": "what it needs where nothing was read; default: what its card says, else the station",
}


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add the command; `options` are those that every command takes."""
    listing = subparsers.add_parser(
        "typed", parents=[options], help="typed plates that the camera's reads do not say, newest first"
    )
    listing.add_argument(
        "--last", type=whole(1, 1_000_000), default=100, metavar="N", help="at most so many (default: %(default)s)"
    )
    listing.set_defaults(do=_list)


def add_set(actions: Any, options: argparse.ArgumentParser, what: str) -> None:
    """Add `card set` or `plate set`."""
    words = f"say what a typed plate of this {what} needs"
    parser = actions.add_parser("set", parents=[options], help=words, description=words[0].upper() + words[1:] + ".")
    parser.add_argument(what, metavar=what.upper())
    parser.add_argument("--typed", choices=(*RULES, ABOVE), help=HELP_OF[what])
    if what == "card":
        parser.add_argument("--pin", action="store_true", help="ask for a new PIN of six digits on the terminal")
        parser.add_argument("--forget-pin", action="store_true", help="take the PIN away")
    parser.set_defaults(do=_set_card if what == "card" else _set_plate)


def rule_of(text: str) -> TypedRule | None:
    """The rule that was typed; None to take one back."""
    from wire.typed import TypedRule

    return None if text == ABOVE else TypedRule(text)


def typed_plates(o: Office) -> TypedPlates:
    from greenlane.cli.admin.office import actor
    from service.admin.typed_plates import TypedPlates

    return TypedPlates(o.books, actor())


def _set_plate(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office

    if args.typed is None:
        raise ValueError(f"plate set: name what to change: --typed {'|'.join((*RULES, ABOVE))}")
    with office(args) as o:
        plate = typed_plates(o).set_rule("plate", args.plate, rule_of(args.typed))
        o.show({"plate": plate, "typed": args.typed}, f"{plate}: typed plates need: {tr(args.typed)}")
    return 0


def _set_card(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from service.errors import as_typed

    if args.typed is None and not args.pin and not args.forget_pin:
        raise ValueError("card set: name what to change: --typed RULE, --pin or --forget-pin")
    pin = asked_pin() if args.pin else None
    with office(args) as o:
        admin = typed_plates(o)
        if args.typed is not None:
            admin.set_rule("card", args.card, rule_of(args.typed))
        if args.pin or args.forget_pin:
            admin.set_pin(args.card, pin)
        words = f"card {args.card} is changed"
        if args.typed == "pin" and not admin.has_pin(args.card):
            words += (
                f"\nit has no PIN yet, so no plate can be typed: `card set {as_typed(args.card)} --pin` asks for one"
            )
        o.show({"card": args.card, "typed": args.typed}, words)
    return 0


def asked_pin() -> str:
    """The PIN from the terminal, typed twice and not shown; one line where the input is not a terminal."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    first = getpass.getpass(tr("PIN (six digits): "))
    if getpass.getpass(tr("once more: ")) != first:
        raise ValueError("the two are not the same; nothing was changed")
    return first


def _list(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, table
    from service.reports.zones import stamp, zones

    with office(args) as o:
        found, shown = typed_plates(o).differing(args.last), zones(o.database)
        facts = [{**dataclasses.asdict(v), "at": v.at.isoformat()} for v in found]
        rows = [
            (
                stamp(shown.at(v.at, v.station)),
                v.station,
                v.lane,
                v.typed,
                v.read or "-",
                v.reason,
                v.confirmed_by or "-",
            )
            for v in found
        ]
        o.show(facts, table(("time", "station", "lane", "typed", "read", "reason", "confirmed by"), rows))
    return 0
