"""`greenlane admin enrol` and `greenlane admin device`: who may speak to the service."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from greenlane.cli.options import whole

if TYPE_CHECKING:
    from greenlane.cli.admin.office import Office
    from service.identity.signed.devices import DeviceStore


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add both commands; `options` are those that every command takes."""
    enrol = subparsers.add_parser("enrol", parents=[options], help="make a one-time code for a device")
    enrol.add_argument("--kind", choices=("lane", "panel", "station"), required=True, help="what the device is")
    enrol.add_argument("--station", required=True, metavar="S")
    enrol.add_argument("--lane", metavar="L", help="of a lane unit or panel")
    enrol.add_argument("--minutes", type=whole(1, 1440), default=30, metavar="N", help="life of the code (default: 30)")
    enrol.add_argument("--replace", action="store_true", help="revoke the device that is there when the new one enrols")
    enrol.add_argument("--dispenser", metavar="NAME", help="of the lane: no other lane can be first to report under it")
    enrol.set_defaults(do=_enrol)
    device = subparsers.add_parser("device", help="enrolled devices")
    actions = device.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", parents=[options], help="all devices, revoked ones included")
    listing.add_argument("--station", metavar="S", help="of this station only")
    listing.set_defaults(do=_list)
    revoke = actions.add_parser("revoke", parents=[options], help="take a device's keys no more, from now on")
    revoke.add_argument("device", metavar="DEVICE", help="such as d-4t9x2m7kqa")
    revoke.set_defaults(do=_revoke)


_HOW = {
    "lane": "On the device, within {minutes} minutes: "
    "greenlane enrol {code} --service URL --config /etc/greenlane/lane.toml",
    "station": "On the device, within {minutes} minutes: "
    "greenlane enrol {code} --service URL --state /var/lib/greenlane-station",
    "panel": "In the panel's browser, within {minutes} minutes: "
    "open URL/panel and type the code, or open URL/panel#{code}",
}
"""How the device takes the code; URL is the balance service's address, or the station's central control's."""


def _enrol(args: argparse.Namespace) -> int:
    from datetime import timedelta

    from greenlane.cli.admin.office import actor, office
    from service.admin.dispensers import Dispensers
    from service.errors import AdminError
    from service.identity.signed.devices import Place
    from wire.devices import DeviceKind

    place = Place(DeviceKind(args.kind), args.station, args.lane)
    if args.dispenser is not None and place.kind is not DeviceKind.LANE:
        raise AdminError("a dispenser belongs to a lane: --dispenser goes with --kind lane")
    with office(args) as o:
        life = timedelta(minutes=args.minutes)
        code = _admin(o).issue_code(place, actor(), replaces=args.replace, life=life)
        if args.dispenser is not None:
            Dispensers(o.books, actor()).reserve(args.station, args.dispenser, args.lane)
        how = _HOW[place.kind].format(code=code, minutes=args.minutes)
        o.show({"code": code, "minutes": args.minutes}, f"{code}\n{how}")
    return 0


def _list(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import coded, office, table
    from service.identity.signed.devices import KIND_WORDS
    from service.reports.zones import stamp, zones

    with office(args) as o:
        found, shown = _admin(o).list(args.station), zones(o.database, args.station)
        rows = [
            (
                d.id,
                coded(d.place.kind.value, KIND_WORDS[d.place.kind]),
                d.place.station,
                d.place.lane or "-",
                stamp(shown.at(d.enrolled_at, d.place.station)),
                stamp(shown.at(d.revoked_at, d.place.station)) if d.revoked_at else "-",
                " ".join(key[:10] for key in d.keys),
            )
            for d in found
        ]
        o.show(found, table(("device", "kind", "station", "lane", "enrolled", "revoked", "keys"), rows))
    return 0


def _revoke(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import actor, office

    with office(args) as o:
        _admin(o).revoke(args.device, actor())
        o.show({"revoked": args.device}, f"{args.device} is revoked")
    return 0


def _admin(o: Office) -> DeviceStore:
    from service.identity.signed.devices import DeviceStore
    from service.store.clock import SystemWallClock

    return DeviceStore(o.database, SystemWallClock().now)
