"""`greenlane admin station` and `greenlane admin price`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from greenlane.cli.admin.mileage.places import add_place, place_of
from greenlane.cli.admin.typed import HELP, RULES, rule_of, typed_plates
from greenlane.language import tr

_LISTED = ("station", "title", "preset", "unauthorised", "zone", "revenue", "unclaimed")


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add both commands; `options` are those that every command takes."""
    station = subparsers.add_parser("station", help="set stations up")
    actions = station.add_subparsers(dest="action", required=True, metavar="ACTION")
    setting = actions.add_parser("set", parents=[options], help="set a station up, or change it")
    setting.add_argument("station", metavar="STATION", help="the name that lane units give as theirs")
    setting.add_argument("--title", help="its name for people")
    setting.add_argument("--preset", metavar="YUAN", help="refuse below this balance (default: 100)")
    setting.add_argument("--zone", help="time zone (default: Asia/Shanghai)")
    setting.add_argument(
        "--unauthorised-cap",
        metavar="YUAN",
        help="what fuellings without an authorisation may take from one card in a day; `preset`: the preset amount",
    )
    setting.add_argument(
        "--second-person",
        metavar="YUAN",
        help="above this sum in a day, refunds and corrections of one person or one card need a second person at the "
        "counter (default: 1000); `none`: none does",
    )
    add_place(setting, required=False)
    setting.add_argument("--typed", choices=RULES, help=HELP)
    setting.set_defaults(do=_set_station)
    shown = actions.add_parser("show", parents=[options], help="everything that is set of a station")
    shown.add_argument("station", metavar="STATION")
    shown.set_defaults(do=_show_station)
    actions.add_parser("list", parents=[options], help="all stations").set_defaults(do=_list_stations)
    price = subparsers.add_parser("price", help="prices per litre")
    actions = price.add_subparsers(dest="action", required=True, metavar="ACTION")
    setting = actions.add_parser("set", parents=[options], help="the price of a product from now on")
    setting.add_argument("station", metavar="STATION")
    setting.add_argument("product", metavar="PRODUCT", help="such as 92, 95, 0")
    setting.add_argument("price", metavar="YUAN", help="per litre, such as 7.90")
    setting.set_defaults(do=_set_price)
    listing = actions.add_parser("list", parents=[options], help="the prices of a station")
    listing.add_argument("station", metavar="STATION")
    listing.set_defaults(do=_list_prices)


def _set_station(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from service.admin.stations import AS_PRESET, NO_LIMIT, require_station
    from wire.money import parse_yuan

    preset_fen = parse_yuan(args.preset) if args.preset is not None else None
    cap = args.unauthorised_cap
    where = None if args.at is None else place_of(args.at, args.datum)
    at = None if where is None else (where.lat_e7, where.lon_e7, where.datum.value)
    limit = args.second_person
    limit_fen = limit if limit in (None, NO_LIMIT) else parse_yuan(limit)
    cap_fen = cap if cap in (None, AS_PRESET) else parse_yuan(cap)
    require_station(args.station, args.zone, preset_fen, (cap_fen, limit_fen))
    with office(args, makes=True) as o:
        o.admin.stations.set(
            args.station,
            title=args.title,
            preset_fen=preset_fen,
            zone=args.zone,
            unauthorised_cap_fen=cap_fen,
            second_person_fen=limit_fen,
            at=at,
        )
        if args.typed is not None:
            typed_plates(o).set_rule("station", args.station, rule_of(args.typed))
        o.show({"station": args.station}, f"station {args.station} is set up")
    return 0


def _show_station(args: argparse.Namespace) -> int:
    from controller.checks import padded
    from greenlane.cli.admin.office import Shown, office
    from service.errors import AdminError, as_typed
    from service.reports.statement import stations

    with office(args) as o:
        found = next((s for s in stations(o.database) if s["station"] == args.station), None)
        if found is None:
            raise AdminError(f"no station {args.station}; `station set {as_typed(args.station)}` makes it")
        o.show(found, Shown("\n".join(f"{padded(tr(name), 14)}{tr(words)}" for name, words in _station_words(found))))
    return 0


def _station_words(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    from wire.money import format_yuan

    second, at = found["second_person_fen"], found["at"]
    has_title = found["title"] not in ("", found["station"])
    yield "station", f"{found['station']}, {found['title']}" if has_title else found["station"]
    yield "time zone", found["zone"]
    yield "preset", f"{format_yuan(found['preset_fen'])} yuan: below it a card is refused"
    yield (
        "unauthorised",
        f"{format_yuan(found['unauthorised_cap_fen'])} yuan of a card and day without authorisation",
    )
    yield "offline", f"{format_yuan(found['offline_fen'])} yuan a card while the line is cut"
    yield (
        "second person",
        "never needed" if second is None else f"above {format_yuan(second)} yuan in a day",
    )
    yield "typed plates", found["typed"]
    yield "place", "not set" if at is None else f"{at[0] / 1e7:.7f},{at[1] / 1e7:.7f} ({at[2]})"
    yield "revenue", f"{format_yuan(found['revenue_fen'])} yuan, {format_yuan(found['unclaimed_fen'])} of it unclaimed"


def _list_stations(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, table
    from service.reports.statement import stations
    from wire.money import format_yuan

    with office(args) as o:
        found = stations(o.database)
        rows = [
            (
                s["station"],
                s["title"],
                *[format_yuan(s[name]) for name in ("preset_fen", "unauthorised_cap_fen")],
                s["zone"],
                *[format_yuan(s[name]) for name in ("revenue_fen", "unclaimed_fen")],
            )
            for s in found
        ]
        o.show(found, table(_LISTED, rows, (2, 3, 5, 6)))
    return 0


def _set_price(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from service.books.rows.prices import price_of
    from wire.money import format_yuan, parse_yuan

    with office(args) as o:
        before = price_of(o.database, args.station, args.product, o.books.clock.now())
        fen = parse_yuan(args.price)
        o.admin.stations.set_price(args.station, args.product, fen)
        words = f"{args.product} costs {format_yuan(fen)} yuan a litre now"
        if before is not None:
            words = f"{args.product} costs {format_yuan(fen)} yuan a litre now, {format_yuan(before)} before"
        o.show({"station": args.station, "product": args.product}, words)
    return 0


def _list_prices(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, table
    from service.books.rows.prices import prices_of
    from service.errors import AdminError
    from service.store.clock import SystemWallClock
    from wire.money import format_yuan

    with office(args) as o:
        found = prices_of(o.database, args.station, SystemWallClock().now())
        if found is None:
            raise AdminError(f"no station {args.station}")
        rows = [(p.product, format_yuan(p.unit_price_fen_per_l)) for p in found]
        o.show(found, table(("product", "yuan/L"), rows, (1,)))
    return 0
