"""`greenlane admin place` and `greenlane admin places`: known stations, and where a vehicle refuelled."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from greenlane.cli.options import moment
from greenlane.language import tr

if TYPE_CHECKING:
    from greenlane.cli.admin.office import Office
    from service.mileage.history import Located
    from service.mileage.vehicles import VehicleStore, Where

DATUMS = ("wgs84", "gcj02")


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add the command; `options` are those that every command takes."""
    place = subparsers.add_parser("place", help="stations of other companies, where vehicles refuel too")
    actions = place.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", parents=[options], help="add a station of another company")
    add.add_argument("name", metavar="NAME")
    add_place(add, required=True)
    add.set_defaults(do=_add)
    remove = actions.add_parser("remove", parents=[options], help="forget one")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(do=_remove)
    actions.add_parser("list", parents=[options], help="all known stations, ours too").set_defaults(do=_list)
    places = subparsers.add_parser("places", parents=[options], help="where a vehicle refuelled, with the evidence")
    places.add_argument("plate", metavar="PLATE", help="as on the vehicle: 粤B12345")
    places.add_argument("--from", dest="since", type=moment, metavar="ISO", help="from this time on")
    places.add_argument("--to", dest="until", type=moment, metavar="ISO", help="up to this time, which is left out")
    places.set_defaults(do=_places)


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


def vehicle_store(o: Office) -> VehicleStore:
    """What is known of vehicles, fleets and places."""
    from greenlane.cli.admin.office import actor
    from service.mileage.vehicles import VehicleStore

    return VehicleStore(o.books, actor())


def _add(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office

    where = place_of(args.at, args.datum)
    with office(args) as o:
        vehicle_store(o).add_place(args.name, where)
        o.show({"place": args.name, "at": args.at, "datum": args.datum}, f"{args.name} stands at {args.at}")
    return 0


def _remove(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office

    with office(args) as o:
        vehicle_store(o).remove_place(args.name)
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
                "lat": None if p.spot is None else round(p.spot.lat, 7),
                "lon": None if p.spot is None else round(p.spot.lon, 7),
            }
            for p in found
        ]
        rows = [(d["place"], tr("ours") if d["own"] else "", d["lat"] or "-", d["lon"] or "-") for d in document]
        o.show(document, table(("place", "", "latitude", "longitude"), rows, (2, 3)))
    return 0


def _places(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office
    from service.mileage.history import History
    from service.reports.zones import zones
    from service.store.clock import to_us
    from service.store.database import telling_faults
    from service.store.naming import require_plate

    plate = require_plate(args.plate)
    with office(args) as o:
        shown = zones(o.database)
        since, until = shown.read(args.since), shown.read(args.until)
        with telling_faults(), o.database.reading() as connection:
            found = History(connection, plate).located(
                None if since is None else to_us(since), None if until is None else to_us(until)
            )
        o.show([located_document(each) for each in found], _located_words(found))
    return 0


def located_document(located: Located) -> dict[str, Any]:
    """One refuelling as other programs read it."""
    from service.store.clock import from_us

    zone, finding = located.at.tzinfo, located.finding
    return {
        "fuelling": located.fuelling,
        "at": located.at.isoformat(),
        "period": None if located.period is None else {"from": located.period[0], "to": located.period[1]},
        "user": located.user,
        "volume_ml": located.volume_ml,
        "status": finding.status.value,
        "station": finding.station,
        "evidence": [
            {"kind": e.kind.value, "at": from_us(e.at_us).astimezone(zone).isoformat(), "detail": e.detail}
            for e in finding.evidence
        ],
        "reason": finding.reason,
    }


def _located_words(found: Sequence[Located]) -> str:
    from greenlane.cli.admin.office import table
    from service.reports.zones import stamp

    rows = [
        (
            stamp(each.at),
            each.user or "-",
            "-" if each.volume_ml is None else f"{each.volume_ml / 1000:.2f}",
            tr(each.finding.status.value),
            each.finding.station or "-",
            tr(each.finding.reason or "") or "; ".join(tr(e.detail) for e in each.finding.evidence),
        )
        for each in found
    ]
    return table(("at", "user", "litres", "status", "station", "why"), rows, (2,))
