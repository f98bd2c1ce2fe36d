"""`greenlane admin offline`: who may refuel while a station's line is down, and what came of it."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from typing import Any

from greenlane.cli.options import whole


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add the command; `options` are those that every command takes."""
    offline = subparsers.add_parser("offline", help="what may be fuelled while a station's line is down")
    actions = offline.add_subparsers(dest="action", required=True, metavar="ACTION")
    station = actions.add_parser("station", parents=[options], help="the cap of each card at a station; 0 for nothing")
    station.add_argument("station", metavar="STATION")
    station.add_argument("amount", metavar="YUAN")
    station.set_defaults(do=_station)
    card = actions.add_parser("card", parents=[options], help="a card's own cap at every station")
    card.add_argument("card", metavar="CARD")
    card.add_argument("amount", metavar="YUAN", help='an amount, 0 for nothing, or "station" for the station\'s')
    card.set_defaults(do=_card)
    listing = actions.add_parser("list", parents=[options], help="who would be on a station's list now")
    listing.add_argument("station", metavar="STATION")
    listing.set_defaults(do=_list)
    phones = actions.add_parser("phones", parents=[options], help="which hours phones would pay for at a station")
    phones.add_argument("station", metavar="STATION")
    phones.set_defaults(do=_phones)
    key = actions.add_parser("key", parents=[options], help="the public key of the lists, for `station --list-key`")
    key.set_defaults(do=_key)
    for name, words in (("visits", "what was allowed offline"), ("conflicts", "where something had changed meanwhile")):
        visits_parser = actions.add_parser(name, parents=[options], help=words)
        visits_parser.add_argument("--station", metavar="STATION")
        visits_parser.add_argument(
            "--days", type=whole(1, 36_500), default=30, metavar="N", help="told in the last days (default: 30)"
        )
        visits_parser.set_defaults(do=_visits)


def _station(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from wire.money import format_yuan, parse_yuan

    cap_fen = parse_yuan(args.amount)
    with office(args) as o:
        _require_station(o, args.station)
        o.admin.stations.set(args.station, offline_fen=cap_fen)
        o.show(
            {"station": args.station, "offline_fen": cap_fen},
            f"station {args.station}: {format_yuan(cap_fen)} yuan a card",
        )
    return 0


def _card(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, own_amount
    from wire.money import parse_yuan

    cap_fen = None if args.amount == "station" else parse_yuan(args.amount)
    with office(args) as o:
        o.admin.cards.set_offline(args.card, cap_fen)
        o.show({"card": args.card, "offline_fen": cap_fen}, f"card {args.card}: offline cap {own_amount(cap_fen)}")
    return 0


def _list(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, table
    from service.offline.listing import entries_of
    from wire.money import format_yuan

    with office(args) as o:
        _require_station(o, args.station)
        found = entries_of(o.database, args.station)
        rows = [(entry.plate, entry.card, format_yuan(entry.cap_fen)) for entry in found]
        o.show(found, table(("plate", "card", "yuan"), rows, (2,)))
    return 0


def _phones(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, table
    from service.offline.listing import phones_of
    from service.payer_rules.periods import Hours
    from wire.money import format_yuan

    with office(args) as o:
        _require_station(o, args.station)
        found = phones_of(o.database, args.station, o.books.clock.now())
        rows = [(p.plate, str(Hours(p.start_min, p.end_min)), p.payer, format_yuan(p.cap_fen)) for p in found]
        o.show(found, table(("plate", "hours", "payer", "yuan"), rows, (3,)))
    return 0


def _key(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from service.offline.list_key import ListKey

    with office(args) as o:
        key = ListKey.of(o.database)
        o.show({"public_key": key.public_text, "file": str(key.path)}, key.public_text)
    return 0


def _visits(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, table
    from service.offline.visits import offline_visits
    from service.reports.zones import stamp, zones
    from wire.money import format_yuan

    since = datetime.now(UTC) - timedelta(days=args.days)
    with office(args) as o:
        shown = zones(o.database, args.station)
        found = offline_visits(o.database, args.station, since, args.action == "conflicts")
        rows = [
            (
                stamp(shown.at(v.granted_at, v.station)),
                v.station,
                v.lane,
                v.plate,
                v.card or "-",
                format_yuan(v.limit_fen),
                "-" if v.amount_fen is None else format_yuan(v.amount_fen),
                " ".join(v.conflicts),
            )
            for v in found
        ]
        head = ("granted", "station", "lane", "plate", "card", "limit", "fuelled", "conflicts")
        o.show(found, table(head, rows, (5, 6)))
    return 0


def _require_station(o: Any, station: str) -> None:
    from service.errors import AdminError
    from service.reports.statement import stations

    if station not in {known["station"] for known in stations(o.database)}:
        raise AdminError(f"no station {station}; `station set` makes one")
