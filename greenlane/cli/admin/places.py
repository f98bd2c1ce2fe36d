"""`greenlane admin place`: known stations of others."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from greenlane.cli.admin.office import Office
    from service.mileage.vehicles import Garage, Where

DATUMS = ("wgs84", "gcj02")


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add the command; `options` are those that every command takes."""
    place = subparsers.add_parser("place", help="stations of others, where vehicles refuel too")
    actions = place.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", parents=[options], help="make a station of others known")
    add.add_argument("name", metavar="NAME")
    add_place(add, required=True)
    add.set_defaults(do=_add)
    remove = actions.add_parser("remove", parents=[options], help="forget one")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(do=_remove)
    actions.add_parser("list", parents=[options], help="all known stations, ours too").set_defaults(do=_list)


def add_place(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """--at LAT,LON and --datum, for whatever stands somewhere."""
    parser.add_argument(
        "--at", metavar="LAT,LON", required=required, help="where it stands, in degrees: --at=22.5431,114.0579"
    )
    parser.add_argument(
        "--datum", choices=DATUMS, default="wgs84", help="of --at; maps in China show gcj02 (default: wgs84)"
    )


def place_of(at: str, datum: str) -> Where:
    """What --at and --datum say. Raises ValueError."""
    from service.mileage.tracks import coordinates_e7, datum_of
    from service.mileage.vehicles import Where

    lat, comma, lon = at.partition(",")
    if not comma:
        raise ValueError(f"--at {at!r}: write LAT,LON such as --at=22.5431,114.0579")
    try:
        return Where(*coordinates_e7(lat.strip(), lon.strip()), datum_of(datum))
    except ValueError as error:
        raise ValueError(f"--at {at}: {error}") from None


def garage(o: Office) -> Garage:
    """The desk for vehicles, fleets and places."""
    from greenlane.cli.admin.office import actor
    from service.mileage.vehicles import Garage

    return Garage(o.books, actor())


def _add(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office

    where = place_of(args.at, args.datum)
    with office(args) as o:
        garage(o).add_place(args.name, where)
        o.show({"place": args.name, "at": args.at, "datum": args.datum}, f"{args.name} stands at {args.at}")
    return 0


def _remove(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office

    with office(args) as o:
        garage(o).remove_place(args.name)
        o.show({"place": args.name}, f"{args.name} is forgotten")
    return 0


def _list(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, table
    from service.mileage.vehicles import places_of

    with office(args) as o:
        with o.database.reading() as connection:
            found = places_of(connection)
        document = [
            {
                "place": p.name,
                "own": p.is_own,
                "lat": None if p.point is None else round(p.point.lat, 7),
                "lon": None if p.point is None else round(p.point.lon, 7),
            }
            for p in found
        ]
        rows = [(d["place"], "ours" if d["own"] else "", d["lat"] or "-", d["lon"] or "-") for d in document]
        o.show(document, table(("place", "", "latitude", "longitude"), rows, (2, 3)))
    return 0
