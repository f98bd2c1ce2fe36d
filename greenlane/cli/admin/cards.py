"""`greenlane admin card` and `greenlane admin plate`."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from greenlane.cli.admin.office import Office

from greenlane.cli.admin import add_action
from greenlane.cli.admin.typed import add_set
from greenlane.language import tr


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add both commands; `options` are those that every command takes."""
    card = subparsers.add_parser("card", help="create, show, block cards; their preset amount")
    actions = card.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = add_action(actions, options, "create", "make a card without money", _create)
    create.add_argument("card", metavar="CARD", help="the card's number or name")
    create.add_argument("--name", default="", help="whose card it is")
    create.add_argument("--preset", metavar="YUAN", help="refuse below this balance (default: the station's)")
    create.add_argument("--whole-balance", action="store_true", help="hold all that is free, not the preset amount")
    show = add_action(actions, options, "show", "balance, holds, plates", _show)
    show.add_argument("card", metavar="CARD", help="the card, or a plate that is bound to it")
    add_action(actions, options, "list", "all cards", _list)
    for name, words in (("block", "refuse it from now on"), ("unblock", "allow it again")):
        block = add_action(actions, options, name, words, _block)
        block.add_argument("card", metavar="CARD")
    preset = add_action(actions, options, "preset", "change the preset amount", _preset)
    preset.add_argument("card", metavar="CARD")
    preset.add_argument("amount", metavar="YUAN", help='an amount in yuan, or "station" for the station\'s')
    preset.add_argument("--whole-balance", action="store_true", help="hold all that is free, not the preset amount")
    add_set(actions, options, "card")
    _add_plate(subparsers, options)


def _add_plate(subparsers: Any, options: argparse.ArgumentParser) -> None:
    plate = subparsers.add_parser("plate", help="bind plates to cards, block them")
    actions = plate.add_subparsers(dest="action", required=True, metavar="ACTION")
    bind = add_action(actions, options, "bind", "bind a plate to a card, or move it there", _bind)
    bind.add_argument("plate", metavar="PLATE", help="as on the vehicle: 粤B12345")
    bind.add_argument("card", metavar="CARD")
    bind.add_argument("--yes", action="store_true", help="move it from another card without asking")
    show = add_action(actions, options, "show", "its card, state and binding", _show_plate)
    show.add_argument("plate", metavar="PLATE")
    listing = add_action(actions, options, "list", "all plates", _list_plates)
    listing.add_argument("--card", metavar="CARD", help="of this card only")
    for name, words, do in (
        ("unbind", "forget a plate", _unbind),
        ("block", "refuse it from now on", _block_plate),
        ("unblock", "allow it again", _block_plate),
    ):
        action = add_action(actions, options, name, words, do)
        action.add_argument("plate", metavar="PLATE")
    release = add_action(
        actions, options, "release", "give its open authorisation back, as for a lane unit that died", _release
    )
    release.add_argument("plate", metavar="PLATE")
    release.add_argument("--why", required=True, metavar="TEXT", help="goes into the trail")
    add_set(actions, options, "plate")


def _create(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from service.errors import as_typed
    from wire.money import parse_yuan

    preset_fen = parse_yuan(args.preset) if args.preset is not None else None
    with office(args) as o:
        o.admin.cards.create(args.card, name=args.name, preset_fen=preset_fen, whole_balance=args.whole_balance)
        typed = as_typed(args.card)
        words = f"card {args.card} is there; next: plate bind PLATE {typed}, top-up {typed} YUAN"
        o.show({"card": args.card}, words)
    return 0


def _show(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, own_amount
    from service.reports.statement import card_of, cards
    from wire.money import format_yuan

    with office(args) as o:
        card = cards(o.database, card_of(o.database, args.card))[0]
        preset = tr(own_amount(card.preset_fen)) + (tr(", holds the whole balance") if card.whole_balance else "")
        typed = tr(card.typed or "the station's") + (tr(", has a PIN") if card.has_pin else "")
        plates = [f"{p} ({tr('blocked')})" if p in card.blocked_plates else p for p in card.plates]
        lines = [
            f"card       {card.card}{f' ({card.name})' if card.name else ''}: {tr(card.state)}",
            f"balance    {format_yuan(card.balance_fen)} yuan",
            f"held       {format_yuan(card.held_fen)} yuan",
            f"available  {format_yuan(card.available_fen)} yuan",
            f"preset     {preset}",
            f"offline    {tr(own_amount(card.offline_fen))}",
            f"typed      {typed}",
            f"plates     {', '.join(plates) or tr('none')}",
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
                tr(c.state),
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
        o.admin.cards.block(args.card, args.action == "block")
        words = f"card {args.card}: blocked" if args.action == "block" else f"card {args.card}: unblocked"
        o.show({"card": args.card, "action": args.action}, words)
    return 0


def _preset(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, own_amount
    from wire.money import parse_yuan

    preset_fen = None if args.amount == "station" else parse_yuan(args.amount)
    with office(args) as o:
        o.admin.cards.set_preset(args.card, preset_fen, args.whole_balance)
        o.show(
            {"card": args.card, "preset_fen": preset_fen}, f"card {args.card}: preset amount {own_amount(preset_fen)}"
        )
    return 0


def _bind(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, warn
    from service.errors import AdminError
    from service.reports.statement import cards

    with office(args) as o:
        cards(o.database, args.card)
        before = _bound_to(o, args.plate)
        moves = before not in (None, args.card)
        if moves and not args.yes:
            _confirm_move(args.plate, str(before), args.card)
        plate = o.admin.plates.bind(args.plate, args.card, moved_from=before)
        words = f"plate {plate} is bound to card {args.card}"
        if moves:
            words = f"plate {plate} is bound to card {args.card}, no longer to {before}"
        o.show({"plate": plate, "card": args.card, **({"moved_from": before} if moves else {})}, words)
        with suppress(AdminError):
            if plate != args.card and cards(o.database, plate):
                warn(f"there is a card {plate} too, which is not this plate's: take care at the counter")
    return 0


def _bound_to(o: Office, plate: str) -> str | None:
    from service.reports.statement import plates
    from service.store.naming import require_plate

    return next((found.card for found in plates(o.database, plate=require_plate(plate))), None)


def _confirm_move(plate: str, before: str, card: str) -> None:
    """Raises AdminError where nobody says yes."""
    from service.errors import AdminError

    question = tr(f"plate {plate} is bound to card {before}; move it to {card}? [y/N] ")
    if not sys.stdin.isatty():
        raise AdminError(f"plate {plate} is bound to card {before}; say --yes to move it to {card}")
    if input(question).strip().lower() not in ("y", "yes", "是"):
        raise AdminError(f"plate {plate} stays with card {before}")


def _show_plate(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from service.errors import AdminError
    from service.reports.statement import plates
    from service.reports.zones import stamp, zones
    from service.store.naming import require_plate

    with office(args) as o:
        kept = require_plate(args.plate)
        found = plates(o.database, plate=kept)
        if not found:
            raise AdminError(f"plate {kept} is not bound; `plate bind {kept} CARD` binds it")
        plate = replace(found[0], bound_at=zones(o.database).at(found[0].bound_at))
        typed = tr(plate.typed or ("the card's" if plate.card else "the station's"))
        lines = [
            f"plate  {plate.plate}: {tr(plate.state)}",
            f"card   {plate.card or tr('none')}{f' ({plate.card_name})' if plate.card_name else ''}"
            f"{f': {tr(plate.card_state)}' if plate.card_state else ''}",
            f"payer  {tr(plate.payer)}",
            f"typed  {typed}",
            f"bound  {stamp(plate.bound_at)}",
        ]
        o.show(plate, "\n".join(lines))
    return 0


def _list_plates(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, table
    from service.reports.statement import plates
    from service.reports.zones import stamp, zones

    with office(args) as o:
        shown = zones(o.database)
        found = [replace(plate, bound_at=shown.at(plate.bound_at)) for plate in plates(o.database, card=args.card)]
        rows = [(p.plate, p.card or "-", tr(p.state), tr(p.payer), stamp(p.bound_at)) for p in found]
        o.show(found, table(("plate", "card", "state", "payer", "bound"), rows))
    return 0


def _unbind(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office

    with office(args) as o:
        plate = o.admin.plates.unbind(args.plate)
        o.show({"plate": plate}, f"plate {plate} is bound to nothing")
    return 0


def _block_plate(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office

    with office(args) as o:
        plate = o.admin.plates.block(args.plate, args.action == "block")
        words = f"plate {plate}: blocked" if args.action == "block" else f"plate {plate}: unblocked"
        o.show({"plate": plate, "action": args.action}, words)
    return 0


def _release(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office

    with office(args) as o:
        lanes = o.admin.fuellings.release(args.plate, why=args.why)
        o.show({"plate": args.plate, "lanes": lanes}, f"plate {args.plate}: given back, it was open at {lanes}")
    return 0
