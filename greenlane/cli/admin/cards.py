"""`greenlane admin card` and `greenlane admin plate`."""

from __future__ import annotations

import argparse
from typing import Any


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add both commands; `options` are those that every command takes."""
    card = subparsers.add_parser("card", help="create, show, block cards; their preset amount")
    actions = card.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = _action(actions, options, "create", "make a card without money", _create)
    create.add_argument("card", metavar="CARD", help="the card's number or name")
    create.add_argument("--name", default="", help="whose card it is")
    create.add_argument("--preset", metavar="YUAN", help="refuse below this balance (default: the station's)")
    create.add_argument("--whole-balance", action="store_true", help="hold all that is free, not the preset amount")
    show = _action(actions, options, "show", "balance, holds, plates", _show)
    show.add_argument("card", metavar="CARD")
    _action(actions, options, "list", "all cards", _list)
    for name, words in (("block", "refuse it from now on"), ("unblock", "allow it again")):
        block = _action(actions, options, name, words, _block)
        block.add_argument("card", metavar="CARD")
    preset = _action(actions, options, "preset", "change the preset amount", _preset)
    preset.add_argument("card", metavar="CARD")
    preset.add_argument("amount", metavar="YUAN", help='an amount in yuan, or "station" for the station\'s')
    preset.add_argument("--whole-balance", action="store_true", help="hold all that is free, not the preset amount")
    _add_plate(subparsers, options)


def _add_plate(subparsers: Any, options: argparse.ArgumentParser) -> None:
    plate = subparsers.add_parser("plate", help="bind plates to cards, block them")
    actions = plate.add_subparsers(dest="action", required=True, metavar="ACTION")
    bind = _action(actions, options, "bind", "bind a plate to a card, or move it there", _bind)
    bind.add_argument("plate", metavar="PLATE", help="as on the vehicle: 粤B12345")
    bind.add_argument("card", metavar="CARD")
    for name, words, do in (
        ("unbind", "forget a plate", _unbind),
        ("block", "refuse it from now on", _block_plate),
        ("unblock", "allow it again", _block_plate),
    ):
        action = _action(actions, options, name, words, do)
        action.add_argument("plate", metavar="PLATE")


def _action(actions: Any, options: argparse.ArgumentParser, name: str, words: str, do: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, parents=[options], help=words, description=words[0].upper() + words[1:] + "."
    )
    parser.set_defaults(do=do)
    return parser


def _create(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from wire.money import parse_yuan

    preset_fen = parse_yuan(args.preset) if args.preset is not None else None
    with office(args) as o:
        o.desk.create_card(args.card, name=args.name, preset_fen=preset_fen, whole_balance=args.whole_balance)
        o.show(
            {"card": args.card},
            f"card {args.card} is there; next: plate bind PLATE {args.card}, top-up {args.card} YUAN",
        )
    return 0


def _show(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from service.reports.statement import cards
    from wire.money import format_yuan

    with office(args) as o:
        card = cards(o.database, args.card)[0]
        preset = "the station's" if card.preset_fen is None else f"{format_yuan(card.preset_fen)} yuan"
        plates = [f"{p} (blocked)" if p in card.blocked_plates else p for p in card.plates]
        lines = [
            f"card       {card.card}{f' ({card.name})' if card.name else ''}: {card.state}",
            f"balance    {format_yuan(card.balance_fen)} yuan",
            f"held       {format_yuan(card.held_fen)} yuan",
            f"available  {format_yuan(card.available_fen)} yuan",
            f"preset     {preset}{', holds the whole balance' if card.whole_balance else ''}",
            f"plates     {', '.join(plates) or 'none'}",
        ]
        o.show(card, "\n".join(lines))
    return 0


def _list(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, table
    from service.reports.statement import cards
    from wire.money import format_yuan

    with office(args) as o:
        found = cards(o.database)
        rows = [
            (
                c.card,
                c.name,
                c.state,
                *[format_yuan(a) for a in (c.balance_fen, c.held_fen, c.available_fen)],
                " ".join(c.plates),
            )
            for c in found
        ]
        o.show(found, table(("card", "name", "state", "balance", "held", "available", "plates"), rows, (3, 4, 5)))
    return 0


def _block(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office

    with office(args) as o:
        o.desk.block_card(args.card, args.action == "block")
        o.show({"card": args.card, "action": args.action}, f"card {args.card}: {args.action}ed")
    return 0


def _preset(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from wire.money import parse_yuan

    preset_fen = None if args.amount == "station" else parse_yuan(args.amount)
    with office(args) as o:
        o.desk.set_card_preset(args.card, preset_fen, args.whole_balance)
        o.show({"card": args.card, "preset_fen": preset_fen}, f"card {args.card}: preset amount {args.amount}")
    return 0


def _bind(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office

    with office(args) as o:
        plate = o.desk.bind_plate(args.plate, args.card)
        o.show({"plate": plate, "card": args.card}, f"plate {plate} is bound to card {args.card}")
    return 0


def _unbind(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office

    with office(args) as o:
        plate = o.desk.unbind_plate(args.plate)
        o.show({"plate": plate}, f"plate {plate} is bound to nothing")
    return 0


def _block_plate(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office

    with office(args) as o:
        plate = o.desk.block_plate(args.plate, args.action == "block")
        o.show({"plate": plate, "action": args.action}, f"plate {plate}: {args.action}ed")
    return 0
