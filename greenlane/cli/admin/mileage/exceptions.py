"""`greenlane admin exceptions` and `consumption`: what does not fit, and what a vehicle needs."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from greenlane.cli.options import moment
from greenlane.language import tr

if TYPE_CHECKING:
    from datetime import datetime

    from service.mileage.consumption import Stretch
    from service.mileage.exceptions import Exceptional
    from service.reports.zones import Zones


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add both commands; `options` are those that every command takes."""
    exceptions = subparsers.add_parser(
        "exceptions", parents=[options], help="refuellings that do not fit, with evidence"
    )
    exceptions.add_argument("plate", metavar="PLATE", nargs="?", help="of this vehicle only")
    exceptions.add_argument("--fleet", metavar="NAME", help="of this fleet's vehicles only")
    exceptions.set_defaults(do=_exceptions)
    consumption = subparsers.add_parser("consumption", parents=[options], help="litres per 100 km between full fills")
    consumption.add_argument("plate", metavar="PLATE", help="as on the vehicle: 粤B12345")
    consumption.add_argument("--from", dest="since", type=moment, metavar="ISO", help="full fills from this time on")
    consumption.add_argument("--to", dest="until", type=moment, metavar="ISO", help="and before this time")
    consumption.set_defaults(do=_consumption)


def _exceptions(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, table
    from service.mileage.exceptions import exceptions_of
    from service.mileage.vehicles import known_plates, require_fleet
    from service.reports.zones import stamp, zones
    from service.store.clock import from_us
    from service.store.database import telling_faults
    from service.store.naming import require_plate

    if args.plate is not None and args.fleet is not None:
        raise ValueError("name a plate or a fleet, not both")
    plate = None if args.plate is None else require_plate(args.plate)
    with office(args) as o:
        shown = zones(o.database)
        with telling_faults(), o.database.reading() as connection:
            if args.fleet is not None:
                require_fleet(connection, args.fleet)
            plates = known_plates(connection, args.fleet) if plate is None else [plate]
            found = exceptions_of(connection, plates)
        rows = [(stamp(shown.at(from_us(e.at_us))), e.plate, tr(e.kind.value), tr(e.detail)) for e in found]
        o.show([_document(e, shown) for e in found], table(("at", "plate", "exception", "detail"), rows))
    return 0


def _document(found: Exceptional, shown: Zones) -> dict[str, Any]:
    from service.store.clock import from_us

    return {
        "plate": found.plate,
        "at": shown.at(from_us(found.at_us)),
        "kind": found.kind.value,
        "detail": found.detail,
        "evidence": [
            {"kind": e.kind.value, "at": shown.at(from_us(e.at_us)), "detail": e.detail} for e in found.evidence
        ],
    }


def _consumption(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import office, table
    from service.mileage.consumption import by_user, stretches
    from service.mileage.history import History
    from service.reports.zones import stamp, zones
    from service.store.clock import from_us
    from service.store.database import telling_faults
    from service.store.naming import require_plate

    plate = require_plate(args.plate)
    with office(args) as o:
        shown = zones(o.database)
        since, until = shown.read(args.since), shown.read(args.until)
        with telling_faults(), o.database.reading() as connection:
            history = History(connection, plate)
            fills = list(zip(history.refuellings, history.located(), strict=True))
        found = [s for s in stretches(fills) if _within(s, since, until)]
        spans = [(shown.at(from_us(s.since_us)), shown.at(from_us(s.until_us))) for s in found]
        rows = [(stamp(began), stamp(ended), *_figures(s)) for (began, ended), s in zip(spans, found, strict=True)]
        document = {
            "plate": plate,
            "stretches": [
                {"from": began, "to": ended, **{name: getattr(s, name) for name in STRETCH}}
                for (began, ended), s in zip(spans, found, strict=True)
            ],
            "users": [
                {"user": user, "distance_m": m, "volume_ml": ml, "per_100km_ml": round(ml * 100_000 / m)}
                for user, m, ml in by_user(found)
            ],
        }
        o.show(document, table(("from", "to", "user", "km", "litres", "L/100 km"), rows, (3, 4, 5)))
    return 0


STRETCH = ("user", "fills", "distance_m", "volume_ml", "per_100km_ml")
"""What the JSON document tells of a stretch."""


def _figures(stretch: Stretch) -> tuple[str, ...]:
    km, litres, rate = stretch.distance_m / 1000, stretch.volume_ml / 1000, stretch.per_100km_ml / 1000
    return stretch.user or "-", f"{km:.1f}", f"{litres:.2f}", f"{rate:.2f}"


def _within(stretch: Stretch, since: datetime | None, until: datetime | None) -> bool:
    from service.store.clock import to_us

    return (since is None or stretch.since_us >= to_us(since)) and (until is None or stretch.until_us < to_us(until))
