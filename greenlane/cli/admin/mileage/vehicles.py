"""`greenlane admin vehicle`: tank, consumption and product of a vehicle."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from service.mileage.vehicles import Vehicle


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add the command; `options` are those that every command takes."""
    vehicle = subparsers.add_parser("vehicle", help="tank, consumption and product of a vehicle")
    actions = vehicle.add_subparsers(dest="action", required=True, metavar="ACTION")
    setting = actions.add_parser("set", parents=[options], help="say or change what is known about a vehicle")
    setting.add_argument("plate", metavar="PLATE", help="as on the vehicle: 粤B12345")
    setting.add_argument("--tank", metavar="L", help="what its tank holds, in litres")
    setting.add_argument("--per-100km", metavar="L", help="what it needs for 100 km, in litres")
    setting.add_argument("--product", metavar="PRODUCT", help="the fuel product, such as 92, 95, 0")
    setting.set_defaults(do=_set)
    show = actions.add_parser("show", parents=[options], help="what is known about a vehicle")
    show.add_argument("plate", metavar="PLATE")
    show.set_defaults(do=_show)
    actions.add_parser("list", parents=[options], help="all vehicles").set_defaults(do=_list)
    token = actions.add_parser("token", parents=[options], help="a token by which its phone or tracker sends positions")
    token.add_argument("plate", metavar="PLATE")
    token.add_argument(
        "--datum", choices=("wgs84", "gcj02"), default="wgs84", help="of what is sent (default: %(default)s)"
    )
    token.add_argument("--revoke", action="store_true", help="end all tokens of the vehicle instead")
    token.set_defaults(do=_token)


def _set(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.mileage.places import vehicle_store
    from greenlane.cli.admin.office import office
    from service.mileage.csv_lines import scaled
    from service.mileage.readings import ML_PER_L

    tank_ml = None if args.tank is None else scaled("--tank", args.tank, ML_PER_L, 0, 5_000)
    per_100km_ml = None if args.per_100km is None else scaled("--per-100km", args.per_100km, ML_PER_L, 0, 1_000)
    with office(args) as o:
        found = vehicle_store(o).set_vehicle(
            args.plate, tank_ml=tank_ml, per_100km_ml=per_100km_ml, product=args.product
        )
        o.show(found, _words(found))
    return 0


def _show(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from service.mileage.vehicles import require_vehicle, vehicle_of

    with office(args) as o:
        with o.database.reading() as connection:
            found = vehicle_of(connection, require_vehicle(connection, args.plate))
        o.show(found, _words(found))
    return 0


def _list(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, table
    from service.mileage.vehicles import vehicles_of

    with office(args) as o:
        with o.database.reading() as connection:
            found = vehicles_of(connection)
        rows = [(v.plate, litres(v.tank_ml), litres(v.per_100km_ml), v.product or "-", v.fleet or "-") for v in found]
        o.show(found, table(("plate", "tank L", "L/100 km", "product", "fleet"), rows, (1, 2)))
    return 0


def _token(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import actor, office
    from service.mileage.datum import Datum
    from service.mileage.tokens import TokenStore

    with office(args) as o:
        admin = TokenStore(o.database, o.books.clock, actor())
        if args.revoke:
            ended = admin.revoke(args.plate)
            o.show({"plate": args.plate, "revoked": ended}, f"{args.plate}: {ended} tokens ended")
            return 0
        made = admin.issue(args.plate, Datum(args.datum))
        words = (
            f"{made.plate}: {made.token}\nshown once. OwnTracks: POST to /v1/positions/owntracks, it is the password; "
            "Traccar Client: server URL /v1/positions/osmand, it is the device identifier"
        )
        o.show(made, words)
    return 0


def litres(volume_ml: int | None) -> str:
    """Litres for people; "-" for what is not known."""
    return "-" if volume_ml is None else f"{volume_ml / 1000:g}"


def _words(vehicle: Vehicle) -> str:
    return (
        f"{vehicle.plate}: tank {litres(vehicle.tank_ml)} L, {litres(vehicle.per_100km_ml)} L/100 km, "
        f"product {vehicle.product or '-'}, fleet {vehicle.fleet or '-'}"
    )
