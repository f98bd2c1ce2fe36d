"""`greenlane admin track`: positions of a vehicle from a file."""

from __future__ import annotations

import argparse
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


def _import(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.odometer import BadRows, as_text, opened, show_import
    from greenlane.cli.admin.office import actor, office
    from service.mileage.store import MileageDesk
    from service.mileage.tracks import read_csv, read_gpx

    bad = BadRows(args.file)
    with office(args) as o, opened(args.file) as file:
        is_gpx = file.peek(200).lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<")  # type: ignore[attr-defined]
        rows = read_gpx(file) if is_gpx else read_csv(as_text(file))
        done = MileageDesk(o.books, actor()).take_positions(args.plate, rows, bad)
        return show_import(o, done, bad)
