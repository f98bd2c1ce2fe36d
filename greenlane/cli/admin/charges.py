"""`greenlane admin charge`: what persons are charged, and what operators do about it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from greenlane.cli.admin import add_action
from greenlane.language import tr

if TYPE_CHECKING:
    from service.payers.refunds import PayerRefund

STATES = (
    "created",
    "sent",
    "seen",
    "accepted",
    "paid",
    "declined",
    "expired",
    "refunded",
    "disputed",
    "unknown",
)


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add the command; `options` are those that every command takes."""
    charge = subparsers.add_parser("charge", help="charges to persons who pay by phone")
    actions = charge.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = add_action(actions, options, "list", "charges, oldest first", _list)
    listing.add_argument("--phone", metavar="NAME", help="of this person only")
    listing.add_argument("--plate", metavar="PLATE")
    listing.add_argument("--state", choices=STATES, metavar="STATE", help=", ".join(STATES))
    settle = add_action(actions, options, "settle", "cash at the counter pays a charge", _settle)
    refund = add_action(actions, options, "refund", "give a paid charge back the way the money came, once", _refund)
    resolve = add_action(actions, options, "resolve", "end a dispute", _resolve)
    for parser in (settle, refund, resolve):
        parser.add_argument("id", metavar="ID", help="as in `charge list`")
    refund.add_argument(
        "amount",
        metavar="YUAN",
        nargs="?",
        help="so much of its fuelling, the last charged first (default: the charge)",
    )
    refund.add_argument(
        "--key", help="the number of this refund: the same key refunds once; needed for a second refund"
    )
    resolve.add_argument("--for", dest="whom", choices=("driver", "station"), required=True, help="who was right")
    resolve.add_argument("--why", required=True, metavar="TEXT", help="the reason; kept with the charge")


def _list(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, table
    from service.payers.charging import Charging
    from service.reports.zones import stamp, zones
    from wire.money import format_yuan
    from wire.plates import normalise

    plate = None if args.plate is None else normalise(args.plate)
    with office(args) as o:
        shown = zones(o.database)
        found = Charging(o.books).list(phone=args.phone, plate=plate, state=args.state)
        rows = [
            (
                c.id,
                stamp(shown.at(c.at)),
                c.plate or "-",
                c.phone,
                format_yuan(c.amount_fen),
                tr(c.state),
                stamp(shown.at(c.due)) if c.due else "-",
            )
            for c in found
        ]
        o.show(found, table(("charge", "at", "plate", "phone", "yuan", "state", "due"), rows, (4,)))
    return 0


def _settle(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import actor, office
    from service.payers.charging import Charging

    with office(args) as o:
        state = Charging(o.books).settle(args.id, actor())
        o.show({"id": args.id, "state": state.value}, f"charge {args.id}: {tr(state.value)}, in cash")
    return 0


def _refund(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import actor, office
    from service.payers.refunds import Refunds
    from wire.money import format_yuan, parse_yuan

    amount_fen = None if args.amount is None else parse_yuan(args.amount)
    with office(args) as o:
        backs = Refunds(o.books).refund(args.id, actor(), amount_fen, key=args.key)
        back_fen = sum(back.amount_fen for back in backs)
        document = {"id": args.id, "refunded_fen": back_fen, "back": [_back_record(back) for back in backs]}
        if not backs:
            o.show(document, f"charge {args.id}: given back before under this key, nothing done now")
            return 0
        words = [f"charge {args.id}: {format_yuan(back_fen)} yuan given back"]
        if len(backs) > 1 or backs[0].id != args.id:
            words += [_back_words(back) for back in backs]
        o.show(document, "\n".join(words))
    return 0


def _back_record(back: PayerRefund) -> dict[str, object]:
    return {"kind": back.kind, "id": back.id, "amount_fen": back.amount_fen, "was_open": back.was_open}


def _back_words(back: PayerRefund) -> str:
    from wire.money import format_yuan

    yuan = format_yuan(back.amount_fen)
    if back.kind == "card":
        return f"  {yuan} yuan to card {back.id}"
    if back.was_open:
        return f"  {yuan} yuan of charge {back.id}, which nobody had paid"
    return f"  {yuan} yuan of charge {back.id}"


def _resolve(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import actor, office
    from service.payers.refunds import Refunds

    with office(args) as o:
        state = Refunds(o.books).resolve(args.id, for_driver=args.whom == "driver", why=args.why, actor=actor())
        words = f"charge {args.id}: resolved for the {tr(args.whom)}, {tr(state.value)}"
        o.show({"id": args.id, "state": state.value, "for": args.whom}, words)
    return 0
