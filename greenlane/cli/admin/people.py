"""`greenlane admin person` and `greenlane admin trail`: who may log in, and who did what."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from greenlane.cli.options import whole
from greenlane.language import tr, word

if TYPE_CHECKING:
    from greenlane.cli.admin.office import Office
    from service.identity.people import PeopleStore, Person

_OF_ONE_ROLE = ("fleet", "lane")
SPELT = {None: "default", True: "yes", False: "no"}
"""What stands in the trail for what was left out, yes and no, in words."""
ROLES = ("panel", "attendant", "cashier", "operator", "administrator", "fleet")


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add both commands; `options` are those that every command takes."""
    person = subparsers.add_parser("person", help="people who may log in")
    actions = person.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", parents=[options], help="new person; the password is asked for, or comes on stdin")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--role", choices=ROLES, required=True)
    add.add_argument("--station", metavar="S", help="sees this station only (default: all)")
    add.add_argument("--lane", metavar="L", help="with the role panel: the lane of the panel, and no other")
    add.add_argument("--fleet", metavar="NAME", help="with the role fleet: sees this fleet's vehicles, nothing else")
    add.set_defaults(do=_add)
    role = actions.add_parser("role", parents=[options], help="another role, from the next request on")
    role.add_argument("name", metavar="NAME")
    role.add_argument("role", choices=ROLES, metavar="ROLE", help=", ".join(ROLES))
    role.add_argument("--station", metavar="S", help="with the role panel: the panel's station")
    role.add_argument("--lane", metavar="L", help="with the role panel: the lane of the panel, and no other")
    role.add_argument("--fleet", metavar="NAME", help="with the role fleet: whose vehicles")
    role.set_defaults(do=_role)
    for name, words in (
        ("password", "a new password; ends all sessions"),
        ("disable", "may not log in any more; ends all sessions"),
        ("enable", "may log in again"),
    ):
        action = actions.add_parser(name, parents=[options], help=words)
        action.add_argument("name", metavar="NAME")
        action.set_defaults(do=_CHANGES[name])
    actions.add_parser("list", parents=[options], help="everybody").set_defaults(do=_list)
    trail = subparsers.add_parser("trail", parents=[options], help="who did what and moved which money, newest first")
    trail.add_argument("--subject", metavar="WHAT", help="of this card, plate, device or person only")
    trail.add_argument("--limit", type=whole(1, 1_000_000), default=50, metavar="N", help="lines (default: 50)")
    trail.set_defaults(do=_trail)


def _add(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import actor, office
    from service.identity.people import Role

    with office(args) as o:
        bound = {"fleet": args.fleet, "lane": args.lane}
        _admin(o).add(args.name, _password(), Role(args.role), args.station, actor(), **bound)
        o.show({"name": args.name, "role": args.role}, f"{args.name} may log in as {args.role}{_where(args.lane)}")
    return 0


def _role(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import actor, office
    from service.identity.people import Role

    with office(args) as o:
        bound = {"fleet": args.fleet, "station": args.station, "lane": args.lane}
        _admin(o).change_role(args.name, Role(args.role), actor(), **bound)
        o.show({"name": args.name, "role": args.role}, f"{args.name} is {args.role}{_where(args.lane)} now")
    return 0


def _where(lane: str | None) -> str:
    return "" if lane is None else tr(f" of lane {lane}")


def _change_password(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import actor, office

    with office(args) as o:
        _admin(o).change_password(args.name, _password(), actor())
        o.show({"name": args.name}, f"{args.name} has a new password and is logged out everywhere")
    return 0


def _disable(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import actor, office

    with office(args) as o:
        _admin(o).disable(args.name, actor())
        o.show({"name": args.name}, f"{args.name} may not log in any more")
    return 0


def _enable(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import actor, office

    with office(args) as o:
        _admin(o).enable(args.name, actor())
        o.show({"name": args.name}, f"{args.name} may log in again")
    return 0


_CHANGES = {"password": _change_password, "disable": _disable, "enable": _enable}


def _list(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import coded, office, plain, table
    from service.identity.people import ROLE_WORDS

    with office(args) as o:
        found = _admin(o).list()
        rows = [
            (p.name, coded(p.role.value, ROLE_WORDS[p.role]), _sees(p), tr("disabled") if p.disabled else "")
            for p in found
        ]
        document = [{k: v for k, v in plain(p).items() if k not in _OF_ONE_ROLE or v is not None} for p in found]
        o.show(document, table(("name", "role", "sees", ""), rows))
    return 0


def _sees(person: Person) -> str:
    """Where this person may look; a panel's account of before lanes were named says how it gets one."""
    place = person.station or person.fleet or tr("all")
    if person.lane is not None:
        return tr(f"{place}, lane {person.lane}")
    if person.role.value != "panel":
        return place
    return tr(f"{place}, bound to no lane: person role {person.name} panel --station {person.station or 'S'} --lane L")


def _trail(args: argparse.Namespace) -> int:
    import heapq
    from itertools import islice

    from greenlane.cli.admin.office import office, table
    from service.identity import trail
    from service.payers.phones import subject_of
    from service.reports.movements import movements
    from service.reports.zones import stamp, zones

    with office(args) as o:
        shown = zones(o.database)
        with o.database.reading() as connection:
            subject = None if args.subject is None else subject_of(connection, args.subject)
            both = trail.last(connection, args.limit, subject), movements(connection, args.limit, subject)
            newest = islice(heapq.merge(*map(list, both), key=lambda deed: deed.at, reverse=True), args.limit)
        deeds = [dataclasses.replace(deed, at=shown.at(deed.at)) for deed in newest]
        rows = [(stamp(d.at), d.actor, _did(d.action), d.subject, _spelt(d.action, d.detail)) for d in deeds]
        o.show(deeds, table(("at", "who", "did", "subject", "with"), rows))
    return 0


def _did(action: str) -> str:
    """A movement of money is named as the books name it."""
    said = word(action, "deeds")
    return word(action, "books") if said == action else said


def _spelt(action: str, detail: Mapping[str, str | bool | None]) -> str:
    """What was given, for people: amounts in yuan, yes and no; where nothing was given, nothing or "default"."""
    from wire.money import format_yuan

    words = []
    for name, value in detail.items():
        if value is None and action == "set_station":
            continue
        name = "price_fen" if name == "fen_per_l" else name
        if isinstance(value, str) and name.endswith("_fen") and value.lstrip("-").isdecimal():
            name, value = name.removesuffix("_fen"), tr(f"{format_yuan(int(value))} yuan")
        spelt = value if isinstance(value, str) else tr(SPELT[value])
        words.append(f"{name.removesuffix('_fen')}={spelt}")
    return " ".join(words)


def _password() -> str:
    """Asked for twice on a terminal, else the first line of stdin; never an argument, which others could see."""
    from getpass import getpass

    from service.errors import AdminError

    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass(tr("password: "))
    if first != getpass(tr("again: ")):
        raise AdminError("the two passwords differ")
    return first


def _admin(o: Office) -> PeopleStore:
    from service.identity.people import PeopleStore
    from service.store.clock import SystemWallClock

    return PeopleStore(o.database, SystemWallClock().now)
