"""`greenlane admin payer`: who pays for a plate, and when."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import TYPE_CHECKING, Any

from greenlane.cli.admin import add_action
from greenlane.cli.options import moment, whole
from greenlane.language import tr

if TYPE_CHECKING:
    from greenlane.cli.admin.office import Office
    from service.payer_rules.periods import Payer, Schedule, Turn
    from service.payers.plate_payers import PlatePayers
    from service.reports.zones import Zones
    from service.station.blocks import PlateBlocks

RULES = ("card", "phone", "card-then-phone", "phone-then-card")
GAPS = ("refuse", "owner", "card")


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add the command; `options` are those that every command takes."""
    payer = subparsers.add_parser("payer", help="who pays for a plate, and when")
    actions = payer.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_bindings(actions, options)
    rule = _of_plate(actions, options, "rule", "say how a plate is paid for", _rule)
    rule.add_argument("rule", choices=RULES)
    gap = _of_plate(actions, options, "gap", "say what happens in hours that nobody holds", _gap)
    gap.add_argument("hours", metavar="HOURS", help="such as 0-8 or 22-6")
    gap.add_argument("do_in_gap", choices=GAPS, metavar="refuse|owner|card")
    owner = _of_plate(actions, options, "owner", "say whose plate it is", _owner)
    whose = owner.add_mutually_exclusive_group(required=True)
    whose.add_argument("name", nargs="?", metavar="NAME")
    whose.add_argument("--fleet", metavar="NAME", help="a fleet's: its people decide about hours at /fleet/hours")
    _add_blocks(actions, options)
    _of_plate(actions, options, "show", "rule, owner, hours and gaps of a plate", _show)
    _of_plate(actions, options, "agreed", "what the plate's owner agreed to pay for others beforehand", _agreed)
    at = _of_plate(actions, options, "at", "whose hour it is; not whether they can pay", _at)
    at.add_argument(
        "at",
        type=_time,
        nargs="?",
        metavar="ISO-TIME",
        help="such as 2026-05-04T07:59:59+08:00; needs an offset (default: now)",
    )
    at.add_argument("--station", metavar="S", help="in this station's time zone (default: Asia/Shanghai)")


def _add_bindings(actions: Any, options: argparse.ArgumentParser) -> None:
    bind = _of_plate(actions, options, "set", "give a person hours on a plate", _set)
    bind.add_argument("name", metavar="NAME", help="as in `phone add`")
    bind.add_argument("--hours", required=True, metavar="HOURS", help="H[:MM]-H[:MM], half-open: 8-16, 0-24, 22-6")
    bind.add_argument("--from", dest="from_at", type=_time, metavar="ISO", help="hand-over: from this instant")
    bind.add_argument("--until", dest="until_at", type=_time, metavar="ISO", help="hand-over: up to this instant")
    bind.add_argument(
        "--order",
        type=whole(-1_000, 1_000_000),
        default=0,
        metavar="N",
        help="who is asked first where hours are shared (default: 0)",
    )
    unbind = _of_plate(actions, options, "unset", "take a person's hours on a plate back", _unset)
    unbind.add_argument("name", metavar="NAME")
    unbind.add_argument("--hours", metavar="HOURS", help="only those that overlap (default: all)")


def _add_blocks(actions: Any, options: argparse.ArgumentParser) -> None:
    words = "a payer says that the vehicle is not theirs: green and hold go, the plate is blocked for them"
    _of_plate(actions, options, "not-me", words, _not_me).add_argument("name", metavar="NAME")
    _of_plate(actions, options, "lift", "end what not-me blocked", _lift).add_argument("name", metavar="NAME")


def _of_plate(
    actions: Any, options: argparse.ArgumentParser, name: str, words: str, do: Any
) -> argparse.ArgumentParser:
    parser = add_action(actions, options, name, words, do)
    parser.add_argument("plate", metavar="PLATE", help="as on the vehicle: 粤B12345")
    return parser


def _time(text: str) -> datetime:
    parsed = moment(text)
    if parsed.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no offset: write {text}+08:00, or Z for UTC")
    if not 1970 < parsed.year < 2200:
        raise argparse.ArgumentTypeError(f"{text!r} is out of range: write a year from 1971 to 2199")
    return parsed


def _payers(o: Office) -> PlatePayers:
    from greenlane.cli.admin.office import actor
    from service.payers.plate_payers import PlatePayers

    return PlatePayers(o.books, actor())


def _set(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from service.payer_rules.periods import Hours, Rule
    from service.payers.plate_payers import NewBinding

    hours = Hours.parse(args.hours)
    binding = NewBinding(hours=hours, from_at=args.from_at, until_at=args.until_at, order=args.order)
    with office(args) as o:
        plate = _payers(o).set(args.plate, args.name, binding)
        schedule = _payers(o).schedule(plate)
        words = f"{plate}: {hours} is {args.name}'s; nothing is taken until their phone has signed for this plate"
        if schedule is not None and schedule.rule is Rule.CARD:
            words += f"\n{plate} is paid by its card all the same, until `payer rule {plate} phone` or phone-then-card"
        o.show({"plate": plate, "phone": args.name, "hours": str(hours)}, words)
    return 0


def _unset(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from service.payer_rules.periods import Hours

    hours = None if args.hours is None else Hours.parse(args.hours)
    with office(args) as o:
        plate = _payers(o).unset(args.plate, args.name, hours)
        words = f"{plate}: {args.name} has no hours any more"
        if hours is not None:
            words = f"{plate}: {args.name} has no hours in {hours} any more"
        o.show({"plate": plate, "phone": args.name, "hours": None if hours is None else str(hours)}, words)
    return 0


def _rule(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from service.payer_rules.periods import Rule

    with office(args) as o:
        plate = _payers(o).set_rule(args.plate, Rule(args.rule))
        o.show({"plate": plate, "rule": args.rule}, f"{plate}: paid by {tr(args.rule)}")
    return 0


def _gap(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from service.payer_rules.periods import GapAction, Hours

    hours, action = Hours.parse(args.hours), GapAction(args.do_in_gap)
    with office(args) as o:
        plate, before = _payers(o).set_gap(args.plate, hours, action)
        replaced = [str(gap) for gap in before if gap != hours]
        words = f"{plate}: in {hours}, where nobody holds them: {tr(action.value)}"
        if replaced:
            words += "\n" + tr(f"no gap is declared any more in {', '.join(replaced)}, which overlapped")
        document = {"plate": plate, "hours": str(hours), "gap": action.value, "replaced": replaced}
        o.show(document, words)
    return 0


def _owner(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office

    with office(args) as o:
        payers = _payers(o)
        plate = payers.set_owner(args.plate, args.name) if args.name else payers.set_fleet(args.plate, args.fleet)
        document = {"plate": plate, "owner": args.name, "fleet": args.fleet}
        o.show(document, f"{plate}: {args.name or tr(f'fleet {args.fleet}')}'s")
    return 0


def _blocks(o: Office) -> PlateBlocks:
    from greenlane.cli.admin.office import actor
    from service.station.blocks import PlateBlocks
    from service.station.store import StationStore

    return PlateBlocks(o.books, StationStore(o.database, o.books.clock.now), actor())


def person_id(o: Office, name: str) -> str:
    """The number by which the books know a person. Raises AdminError for nobody of that name."""
    from service.payers.phones import Phones

    return Phones(o.books, "").list(name)[0].person


def _not_me(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office

    with office(args) as o:
        found = _blocks(o).not_me(args.plate, person_id(o, args.name))
        ended = tr(f"{len(found.revoked)} green taken away" if found.revoked else "nothing was open")
        words = f"{found.plate}: blocked for {args.name}; {ended}"
        if found.flowing:
            words += tr(f"; {len(found.flowing)} stays: fuel has flowed, {args.name} can dispute the charge")
        document = {"plate": found.plate, "phone": args.name, "revoked": found.revoked, "flowing": found.flowing}
        o.show(document, words)
    return 0


def _lift(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office

    with office(args) as o:
        _blocks(o).lift(args.plate, person_id(o, args.name))
        o.show({"plate": args.plate, "phone": args.name}, f"{args.plate}: no longer blocked for {args.name}")
    return 0


def _agreed(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from service.payers.owner_agreement import agreement
    from service.reports.zones import stamp, zones
    from wire.money import format_yuan
    from wire.plates import normalise

    plate = normalise(args.plate)
    with office(args) as o:
        with o.database.reading() as connection:
            found = agreement(connection, plate)
        if found is None:
            o.show({"plate": plate, "agreed": None}, f"{plate}: no owner has agreed to anything beforehand")
            return 0
        each, day = format_yuan(found.each_fen), format_yuan(found.per_day_fen)
        since = stamp(zones(o.database).at(found.signed_at))
        words = f"{plate}: its owner pays up to {each} yuan of a charge and {day} yuan a day, signed {since}"
        o.show({"plate": plate, "agreed": found}, words)
    return 0


def _show(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from service.errors import AdminError
    from service.reports.zones import zones
    from service.station.blocks import blocked_names

    with office(args) as o:
        schedule = _payers(o).schedule(args.plate)
        if schedule is None:
            raise AdminError(f"plate {args.plate} is not known; `payer set` or `plate bind` makes it known")
        blocked = blocked_names(o.database, schedule.plate)
        words = _words(schedule, zones(o.database)) + "".join(f"\n  blocked for {name}" for name in blocked)
        o.show({**_schedule(schedule), "blocked": blocked}, words)
    return 0


def _schedule(schedule: Schedule) -> dict[str, Any]:
    from service.payers.plate_payers import living
    from service.store.clock import from_us

    bindings, gaps = living(schedule)
    return {
        "plate": schedule.plate,
        "rule": schedule.rule_in_force.value,
        "card": schedule.card,
        "owner": None if schedule.owner is None else schedule.owner.name,
        "fleet": schedule.fleet,
        "bindings": [
            {
                "phone": b.name,
                "hours": str(b.hours),
                "order": b.order,
                "from": None if b.from_us is None else from_us(b.from_us),
                "until": None if b.until_us is None else from_us(b.until_us),
            }
            for b in bindings
        ],
        "gaps": [{"hours": str(g.hours), "do": g.action.value} for g in gaps],
    }


def _words(schedule: Schedule, shown: Zones) -> str:
    from service.reports.zones import stamp

    document = _schedule(schedule)
    owner = tr(f"fleet {schedule.fleet}") if schedule.fleet else document["owner"] or "-"
    lines = [f"{schedule.plate}: rule {tr(document['rule'])}, card {schedule.card or '-'}, owner {owner}"]
    for bound in document["bindings"]:
        order = tr(f", order {bound['order']}") if bound["order"] else ""
        span = "" if bound["from"] is None else tr(f", from {stamp(shown.at(bound['from']))}")
        span += "" if bound["until"] is None else tr(f", until {stamp(shown.at(bound['until']))}")
        lines.append(f"  {bound['hours']}  {bound['phone']}{order}{span}")
    lines += [f"  {gap['hours']}  nobody: {tr(gap['do'])}" for gap in document["gaps"]]
    return "\n".join(lines)


def _at(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from wire.plates import normalise

    with office(args) as o:
        at = args.at or o.books.clock.now()
        turn, local = _payers(o).turn(args.plate, at, args.station)
        document = turn_document(normalise(args.plate), at, local, turn)
        words = f"{document['plate']} at {document['local']}: {_who(turn.payer)}"
        if turn.then is not None:
            words += tr(f", then {_who(turn.then)}")
        words += (f", {turn.hours}" if turn.hours else "") + (f" ({turn.reason})" if turn.reason else "")
        o.show(document, words)
    return 0


def turn_document(plate: str, at: datetime, local: datetime, turn: Turn) -> dict[str, Any]:
    """The JSON of `payer at`."""
    return {
        "plate": plate,
        "at": at.isoformat(),
        "local": local.isoformat(),
        "payer": _payer(turn.payer),
        "then": None if turn.then is None else _payer(turn.then),
        "period": None if turn.hours is None else {"from": turn.hours.start_text, "to": turn.hours.end_text},
        "reason": turn.reason,
    }


def _who(payer: Payer) -> str:
    return f"{tr(payer.kind.value)} {payer.name}" if payer.name else tr("nobody")


def _payer(payer: Payer) -> dict[str, Any]:
    return {"kind": payer.kind.value, "id": payer.name}
