"""`greenlane admin fleet`: fleets and whose vehicles are theirs."""

from __future__ import annotations

import argparse
from typing import Any


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add the command; `options` are those that every command takes."""
    fleet = subparsers.add_parser("fleet", help="fleets and their vehicles")
    actions = fleet.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", parents=[options], help="a new fleet")
    add.add_argument("name", metavar="NAME")
    add.set_defaults(do=_add)
    plate = actions.add_parser("plate", parents=[options], help="say that a vehicle is the fleet's")
    plate.add_argument("name", metavar="NAME")
    plate.add_argument("plate", metavar="PLATE", help="as on the vehicle: 粤B12345")
    plate.set_defaults(do=_plate)
    release = actions.add_parser(
        "release", parents=[options], help="take a vehicle from its fleet, as one that is sold"
    )
    release.add_argument("name", metavar="NAME")
    release.add_argument("plate", metavar="PLATE", help="as on the vehicle: 粤B12345")
    release.set_defaults(do=_release)
    actions.add_parser("list", parents=[options], help="all fleets with their vehicles").set_defaults(do=_list)


def _add(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.mileage.places import vehicle_store
    from greenlane.cli.admin.office import office
    from service.errors import as_typed

    with office(args) as o:
        vehicle_store(o).add_fleet(args.name)
        words = f"fleet {args.name} is set up; `person add NAME --role fleet --fleet {as_typed(args.name)}`"
        o.show({"fleet": args.name}, words)
    return 0


def _plate(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.mileage.places import vehicle_store
    from greenlane.cli.admin.office import office

    with office(args) as o:
        plate = vehicle_store(o).give_to_fleet(args.name, args.plate)
        o.show({"fleet": args.name, "plate": plate}, f"{plate} is {args.name}'s")
    return 0


def _release(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.mileage.places import vehicle_store
    from greenlane.cli.admin.office import office

    with office(args) as o:
        plate = vehicle_store(o).take_from_fleet(args.name, args.plate)
        o.show({"fleet": None, "plate": plate}, f"{plate} is {args.name}'s no longer")
    return 0


def _list(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, table
    from service.mileage.vehicles import fleet_names, vehicles_of

    with office(args) as o:
        with o.database.reading() as connection:
            plates = {name: [v.plate for v in vehicles_of(connection, name)] for name in fleet_names(connection)}
        rows = [(name, len(own), " ".join(own)) for name, own in plates.items()]
        document = [{"fleet": name, "plates": own} for name, own in plates.items()]
        o.show(document, table(("fleet", "vehicles", "plates"), rows, (1,)))
    return 0
