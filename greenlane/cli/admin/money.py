"""`greenlane admin top-up`, `refund`, `correct`, `suspense`, `claim`, `write-off` and `explain-gap`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from greenlane.cli.admin import add_action
from greenlane.language import tr

if TYPE_CHECKING:
    from greenlane.cli.admin.office import Office
    from service.payers.phones import Phones

CARD_OR_PERSON = "a card, or the name of a person who pays by phone"


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add the commands; `options` are those that every command takes."""
    for name, words, sign in (
        ("top-up", "pay money in", "500 or 500.50"),
        ("refund", "pay money out, at most what is free", "20"),
        ("correct", "post a correction: above zero in the owner's favour, below against it", "+12.50 or -3"),
    ):
        parser = add_action(subparsers, options, name, words, _pay)
        parser.add_argument("card", metavar="CARD", help=CARD_OR_PERSON)
        parser.add_argument("amount", metavar="YUAN", help=sign)
        parser.add_argument("--note", default="", required=name == "correct", help="why; kept with the posting")
        parser.add_argument("--key", help="the payment's own number: the same key posts once, however often it is sent")
    waiting = add_action(subparsers, options, "suspense", "fuel that nobody was charged for yet", _suspense)
    waiting.add_argument("--station", metavar="STATION", help="of this station only")
    claim = _of_fuelling(
        subparsers, options, "claim", "charge what is in suspense of a fuelling to a card or a person", _claim
    )
    claim.add_argument("card", metavar="CARD", help=CARD_OR_PERSON)
    claim.add_argument("--note", default="")
    given_up = _of_fuelling(subparsers, options, "write-off", "give up what is in suspense of a fuelling", _write_off)
    given_up.add_argument("--note", required=True, help="why; kept with the posting")
    gap = _of_fuelling(
        subparsers, options, "explain-gap", "accept a jump of sequence or totaliser before a fuelling", _gap
    )
    gap.add_argument("--note", required=True, help="what happened, such as: meter replaced")


def _of_fuelling(
    subparsers: Any, options: argparse.ArgumentParser, name: str, words: str, do: Any
) -> argparse.ArgumentParser:
    parser = add_action(subparsers, options, name, words, do)
    parser.add_argument("dispenser", metavar="DISPENSER")
    parser.add_argument("sequence", metavar="SEQUENCE", type=_sequence)
    parser.add_argument("--station", metavar="STATION", help="needed where several stations have such a fuelling")
    return parser


def _pay(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import actor, office
    from service.payers.phones import Phones
    from service.reports.statement import cards, is_card
    from wire.money import parse_yuan

    amount_fen = parse_yuan(args.amount)
    with office(args) as o:
        if is_card(o.database, args.card):
            money = o.admin.money
            post = {"top-up": money.top_up, "refund": money.refund, "correct": money.correct}[args.admin]
            posted = post(args.card, amount_fen, key=args.key, note=args.note)
            show_paid(o, args.admin, amount_fen, posted, "balance", cards(o.database, args.card)[0].balance_fen)
        else:
            pay_person(o, Phones(o.books, actor()), args.admin, args.card, amount_fen, args)
    return 0


def pay_person(o: Office, phones: Phones, action: str, name: str, amount_fen: int, args: argparse.Namespace) -> None:
    """Top up, pay out or correct the wallet of a person."""
    post = {"top-up": phones.top_up, "refund": phones.refund, "correct": phones.correct}[action]
    posted = post(name, amount_fen, key=args.key, note=args.note)
    show_paid(o, action, amount_fen, posted, "wallet", phones.list(name)[0].balance_fen)


def show_paid(o: Office, action: str, amount_fen: int, posted: bool, noun: str, balance_fen: int) -> None:
    """Say what was posted, and what card (noun: balance) or wallet have now."""
    from wire.money import format_yuan

    done = "posted" if posted else "posted before under this key, nothing done now"
    amount, left = format_yuan(amount_fen), format_yuan(balance_fen)
    what = tr("correction" if action == "correct" else action)
    words = f"{what} of {amount} yuan: {tr(done)}; balance {left} yuan"
    if noun == "wallet":
        words = f"{what} of {amount} yuan: {tr(done)}; wallet {left} yuan"
    o.show({"posted": posted, "amount_fen": amount_fen, "balance_fen": balance_fen}, words)


def _claim(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import actor, office
    from service.payers.claims import Claims
    from service.reports.statement import cards, is_card
    from wire.money import format_yuan

    with office(args) as o:
        if not is_card(o.database, args.card):
            station = o.admin.fuellings.station_of(args.dispenser, args.sequence, args.station)
            about = (station, args.dispenser, args.sequence, args.card)
            charge = Claims(o.books).claim(*about, actor=actor(), note=args.note)
            words = f"fuelling {args.dispenser} {args.sequence} is charge {charge}: the phone of {args.card} is asked"
            o.show({"charge": charge, "phone": args.card}, words)
            return 0
        o.admin.fuellings.claim(args.dispenser, args.sequence, args.card, station=args.station, note=args.note)
        card = cards(o.database, args.card)[0]
        balance = format_yuan(card.balance_fen)
        words = f"fuelling {args.dispenser} {args.sequence} is charged to card {args.card}; balance {balance} yuan"
        o.show({"balance_fen": card.balance_fen}, words)
    return 0


def _write_off(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office

    with office(args) as o:
        o.admin.fuellings.write_off(args.dispenser, args.sequence, station=args.station, note=args.note)
        words = f"fuelling {args.dispenser} {args.sequence} is written off"
        o.show({"dispenser": args.dispenser, "sequence": args.sequence}, words)
    return 0


def _suspense(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import flags_shown, office, table
    from service.reports.suspense import suspended
    from service.reports.zones import stamp, zones
    from wire.money import format_yuan

    with office(args) as o:
        found, shown = suspended(o.database, args.station), zones(o.database, args.station)
        rows = [
            (
                s.station,
                s.dispenser,
                s.sequence,
                s.lane,
                stamp(shown.at(s.ended_at, s.station)),
                s.plate or "",
                s.card or "",
                format_yuan(s.amount_fen),
                format_yuan(s.suspended_fen),
                flags_shown(s.flags),
            )
            for s in found
        ]
        head = ("station", "dispenser", "sequence", "lane", "ended", "plate", "card", "yuan", "in suspense", "flags")
        words = table(head, rows, (2, 7, 8)) if rows else tr("nothing is in suspense")
        o.show(found, words)
    return 0


def _gap(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office

    with office(args) as o:
        o.admin.fuellings.explain_gap(args.dispenser, args.sequence, args.note, station=args.station)
        o.show({"dispenser": args.dispenser, "sequence": args.sequence}, "the audit accepts this gap from now on")
    return 0


def _sequence(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) < 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is not a fuelling's number: a whole number from 1 on")
    return int(text)
