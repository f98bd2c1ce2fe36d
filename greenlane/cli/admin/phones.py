"""`greenlane admin phone`: persons who pay by phone, their pairing codes and their wallets."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from greenlane.cli.admin import add_action
from greenlane.language import tr

if TYPE_CHECKING:
    from greenlane.cli.admin.office import Office
    from service.payers.phones import Code, Phones


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add the command; `options` are those that every command takes."""
    phone = subparsers.add_parser("phone", help="persons who pay by phone: pairing codes, wallets")
    actions = phone.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = add_action(actions, options, "add", "make a person and the code that pairs their phone", _add)
    add.add_argument("name", metavar="NAME", help="how operators call the person; the books know an opaque number")
    add.add_argument("--wallet", metavar="YUAN", help="pay so much into the wallet at once")
    code = add_action(actions, options, "code", "make a new one-time code, for a new phone or a lost key", _code)
    code.add_argument("name", metavar="NAME")
    code.add_argument("--another", action="store_true", help="for one more phone; the others go on")
    for parser in (add, code):
        parser.add_argument("--url", metavar="URL", help="the service's own address for the QR code: https://HOST")
    listing = add_action(actions, options, "list", "all persons with plates and money", _list)
    listing.add_argument("name", metavar="NAME", nargs="?", help="this one only")
    revoke = add_action(
        actions, options, "revoke", "listen to none of the person's phones any more; ends mandates", _revoke
    )
    revoke.add_argument("name", metavar="NAME")
    pin = add_action(actions, options, "pin", "ask for the PIN that the person types with a plate", _pin)
    pin.add_argument("name", metavar="NAME")
    pin.add_argument("--forget", action="store_true", help="take the PIN away")
    _add_personal(actions, options)
    way = add_action(
        actions, options, "pay-by", "which way of paying is asked first: the wallet, or wechatpay", _pay_by
    )
    way.add_argument("name", metavar="NAME")
    way.add_argument("way", metavar="WAY", help="wallet or wechatpay")
    for name, words, sign in (
        ("top-up", "pay money into a wallet", "500 or 500.50"),
        ("refund", "pay money out, at most what is free", "20"),
        ("correct", "post a correction: above zero in the person's favour, below against it", "+12.50 or -3"),
    ):
        pay = add_action(actions, options, name, words, _pay)
        pay.add_argument("name", metavar="NAME")
        pay.add_argument("amount", metavar="YUAN", help=sign)
        pay.add_argument("--note", default="", required=name == "correct", help="why; kept with the posting")
        pay.add_argument("--key", help="the payment's own number: the same key posts once, however often it is sent")


def _add_personal(actions: Any, options: argparse.ArgumentParser) -> None:
    export = add_action(actions, options, "export", "everything that is kept about the person, as JSON", _export)
    export.add_argument("name", metavar="NAME")
    erase = add_action(
        actions,
        options,
        "erase",
        "erase name, PIN, hours, pictures, positions and notes; the books keep a number",
        _erase,
    )
    erase.add_argument("name", metavar="NAME")
    erase.add_argument("--yes", action="store_true", help="do not ask")
    add_action(actions, options, "scrub", "overwrite what was erased in the free space of the database's file", _scrub)


def _phones(o: Office) -> Phones:
    from greenlane.cli.admin.office import actor
    from service.payers.phones import Phones

    return Phones(o.books, actor())


def _add(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from wire.money import parse_yuan

    wallet_fen = 0 if args.wallet is None else parse_yuan(args.wallet)
    if wallet_fen < 0:
        raise ValueError("--wallet: an amount is not below 0")
    with office(args) as o:
        phones = _phones(o)
        code = phones.add(args.name)
        if wallet_fen:
            phones.top_up(args.name, wallet_fen, note="at pairing")
        _show_code(o, code, args.url, wallet_fen=wallet_fen)
    return 0


def _code(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office

    with office(args) as o:
        _show_code(o, _phones(o).new_code(args.name, adds=args.another), args.url)
    return 0


def _show_code(o: Office, code: Code, url: str | None, **more: object) -> None:
    """The code with its QR; with the service's address the QR opens the page that takes the code."""
    import segno

    from service.reports.zones import stamp, zones

    target = code.code if url is None else f"{url.rstrip('/')}/phone#{code.code}"
    document = {"phone": code.name, "person": code.person, "code": code.code, "expires_at": code.expires_at, **more}
    until = stamp(zones(o.database).at(code.expires_at))
    lines = [f"{code.name}: {code.code}", f"valid once, until {until}"]
    o.show(document, "\n".join([*lines, _qr(segno.make_qr(target, error="m"))]))


def _qr(code: Any) -> str:
    """Two rows of modules a line, so that a terminal shows squares; with the white rim that readers need."""
    rows = [list(row) for row in code.matrix_iter(border=2)]
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))
    shapes = {(0, 0): "█", (1, 0): "▄", (0, 1): "▀", (1, 1): " "}
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return "\n".join("".join(shapes[(int(u), int(d))] for u, d in zip(up, down, strict=True)) for up, down in pairs)


def _list(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, table
    from wire.money import format_yuan

    with office(args) as o:
        found = _phones(o).list(args.name)
        rows = [
            (
                p.name,
                p.person,
                p.keys,
                *[format_yuan(a) for a in (p.balance_fen, p.held_fen, p.owed_fen)],
                " ".join(p.plates),
            )
            for p in found
        ]
        heads = ("name", "person", "phones", "balance", "held", "owed", "plates")
        o.show(found, table(heads, rows, (2, 3, 4, 5)))
    return 0


def _revoke(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from service.errors import as_typed

    with office(args) as o:
        keys = _phones(o).revoke(args.name)
        again = as_typed(args.name)
        words = f"{args.name}: phones revoked: {keys}, their mandates ended; `phone code {again}` pairs a new one"
        o.show({"phone": args.name, "revoked": keys}, words)
    return 0


def _pay_by(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, warn
    from service.payments.listing import has_spoken

    with office(args) as o:
        _phones(o).pays_by(args.name, args.way)
        o.show({"phone": args.name, "pays_by": args.way}, f"{args.name} pays by {args.way} from now on")
        if not has_spoken(o.database, args.way):
            warn(
                f"{args.way} has not said a word of any plate: is it set up (greenlane service --payments)?"
                " until it has, the wallet pays"
            )
    return 0


def _pin(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from greenlane.cli.admin.typed import asked_pin, typed_plates

    pin = None if args.forget else asked_pin()
    with office(args) as o:
        typed_plates(o).set_person_pin(args.name, pin)
        words = f"{args.name} has no PIN" if pin is None else f"{args.name} has a new PIN"
        o.show({"phone": args.name, "pin": pin is not None}, words)
    return 0


def _export(args: argparse.Namespace) -> int:
    import json

    from greenlane.cli.admin.office import office, plain
    from service.personal.export import everything

    with office(args) as o:
        found = everything(o.books, _phones(o).list(args.name)[0].person)
        print(json.dumps(plain(found), ensure_ascii=False, indent=2))
    return 0


def _erase(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import actor, office, warn
    from service.personal.erasing import Erasing

    with office(args) as o:
        person = _phones(o).list(args.name)[0]
        question = f"Erase {args.name}? It cannot be undone; the books keep {person.person}. [y/N] "
        if not args.yes and not _agreed(tr(question)):
            warn("nothing was erased")
            return 1
        done = Erasing(o.books, actor()).by_name(args.name)
        o.database.scrub()
        words = (
            f"erased: the books keep {done.person}; {done.phones} phones revoked, {done.hours} hours, "
            f"{done.pictures} pictures, {done.positions} positions and {done.texts} texts are gone"
        )
        if done.left:
            words += f"\nthe same name still stands in {', '.join(done.left)}: rename or end what is called so"
        o.show(done, words)
    return 0


def _agreed(question: str) -> bool:
    try:
        return input(question).strip().lower() in ("y", "yes", "是")
    except EOFError:
        return False


def _scrub(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office

    with office(args) as o:
        o.database.scrub()
        o.show({"scrubbed": True}, "free space contains nothing of what was erased")
    return 0


def _pay(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.money import pay_person
    from greenlane.cli.admin.office import office
    from wire.money import parse_yuan

    amount_fen = parse_yuan(args.amount)
    with office(args) as o:
        pay_person(o, _phones(o), args.action, args.name, amount_fen, args)
    return 0
