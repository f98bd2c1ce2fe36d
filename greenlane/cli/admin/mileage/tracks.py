"""`greenlane admin track`: positions of a vehicle from a file."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add the command; `options` are those that every command takes."""
    track = subparsers.add_parser("track", help="positions of a vehicle")
    actions = track.add_subparsers(dest="action", required=True, metavar="ACTION")
    columns = "at (ISO with offset), lat, lon, datum (wgs84 or gcj02), odometer_km (optional)"
    importing = actions.add_parser("import", parents=[options], help=f"from GPX, or from a CSV file: {columns}")
    importing.add_argument("plate", metavar="PLATE", help="as on the vehicle: 粤B12345")
    importing.add_argument("file", type=Path, metavar="FILE")
    importing.set_defaults(do=_import)
    forget = actions.add_parser("forget", parents=[options], help="let old positions go; what they said of fills stays")
    forget.add_argument(
        "--keep-days",
        metavar="N",
        help="how long positions are kept (default: $GREENLANE_TRACK_DAYS, else 90)",
    )
    forget.set_defaults(do=_forget)
    erase = actions.add_parser("erase", parents=[options], help="a driver's own: the positions of that person's hours")
    erase.add_argument("plate", metavar="PLATE")
    erase.add_argument("name", metavar="NAME", help="the person, as phone add named them")
    erase.set_defaults(do=_erase)
    _add_consents(actions, options)


def _add_consents(actions: Any, options: argparse.ArgumentParser) -> None:
    agree = actions.add_parser(
        "agree", parents=[options], help="a driver lets the fleet see the positions of their hours"
    )
    withdraw = actions.add_parser("withdraw", parents=[options], help="a driver no longer does")
    for parser, do in ((agree, _agree), (withdraw, _withdraw)):
        parser.add_argument("plate", metavar="PLATE")
        parser.add_argument("name", metavar="NAME", help="the person, as phone add named them")
        parser.set_defaults(do=do)
    agreed = actions.add_parser("agreed", parents=[options], help="which drivers let the fleet see, and since when")
    agreed.add_argument("plate", metavar="PLATE")
    agreed.set_defaults(do=_agreed)


def _import(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.mileage.odometer import BadRows, as_lines, opened, show_import
    from greenlane.cli.admin.office import actor, office
    from service.mileage.store import MileageStore
    from service.mileage.tracks import read_csv, read_gpx

    bad = BadRows(args.file)
    with office(args) as o, opened(args.file) as file:
        is_gpx = file.peek(200).lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t").startswith(b"<")  # type: ignore[attr-defined]
        rows = read_gpx(file) if is_gpx else read_csv(as_lines(file))
        done = MileageStore(o.books, actor()).take_positions(args.plate, rows, bad)
        return show_import(o, done, bad)


def _forget(args: argparse.Namespace) -> int:
    from datetime import timedelta

    from greenlane.cli.admin.office import actor, office
    from service.mileage.forgetting import KEPT_FOR, Forgetting

    text = args.keep_days or os.environ.get("GREENLANE_TRACK_DAYS") or str(KEPT_FOR.days)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 3650:
        raise ValueError(f"positions are kept for 1 to 3650 days, not for {text!r}")
    with office(args) as o:
        done = Forgetting(o.books, actor()).older_than(timedelta(days=int(text)))
        o.show(done, f"{done.positions} positions of {done.vehicles} vehicles forgotten, {done.placements} places kept")
    return 0


def _erase(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import actor, office
    from service.mileage.forgetting import Forgetting

    with office(args) as o:
        done = Forgetting(o.books, actor()).of_person(args.plate, args.name)
        o.show(done, f"{done.positions} positions in the hours of {args.name} erased, {done.placements} places kept")
    return 0


def _agree(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import actor, office
    from greenlane.cli.admin.payers import person_id
    from service.mileage.consents import TrackConsents

    with office(args) as o:
        fleet = TrackConsents(o.books, actor()).agree(args.plate, person_id(o, args.name))
        document = {"plate": args.plate, "phone": args.name, "fleet": fleet}
        o.show(document, f"{args.plate}: {fleet} sees the positions of the hours of {args.name} from now on")
    return 0


def _withdraw(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import actor, office
    from greenlane.cli.admin.payers import person_id
    from service.mileage.consents import TrackConsents

    with office(args) as o:
        TrackConsents(o.books, actor()).withdraw(args.plate, person_id(o, args.name))
        document = {"plate": args.plate, "phone": args.name, "fleet": None}
        o.show(document, f"{args.plate}: no fleet sees the positions of the hours of {args.name}")
    return 0


def _agreed(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import actor, office, table
    from service.mileage.consents import TrackConsents
    from service.reports.zones import stamp, zones

    with office(args) as o:
        found, shown = TrackConsents(o.books, actor()).standing(args.plate), zones(o.database)
        rows = [(one.name, one.fleet, stamp(shown.at(one.agreed_at))) for one in found]
        o.show(found, table(("driver", "fleet", "since"), rows, ()))
    return 0
