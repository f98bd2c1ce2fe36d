"""`greenlane station`: run a station's central control."""

from __future__ import annotations

import argparse
import base64
import sys
from pathlib import Path

from greenlane.cli.options import within
from greenlane.cli.service import add_listening, address, listening_of
from greenlane.language import tr
from wire.spelling.address import is_address

_EPILOG = """Lane units and panels of a station point their `[service] url` here. What they ask goes on to the server;
while the line is cut, plates of the offline list may refuel up to a small cap each, and fuellings wait on disk.

set up:
  greenlane admin enrol --kind station --station S1            at the server: prints a code
  greenlane admin offline station S1 200                       at the server: 200 yuan a card while the line is cut
  greenlane enrol CODE --service https://books.example --state /var/lib/greenlane-station
  greenlane station --upstream https://books.example           and then, for its pages:
  greenlane admin --database sqlite:////var/lib/greenlane-station/pages.sqlite3 \\
                  person add wang --role operator --station S1

examples:
  greenlane station --upstream https://books.example --listen 10.1.0.1:8080 --host-name station.local:8080
  greenlane station --upstream https://10.0.0.5:8443 --ca company-ca.pem --listen 0.0.0.0:8443 \\
                    --tls-cert station.pem --tls-key station.key --host-name station.local:8443
  greenlane station --upstream http://127.0.0.1:8080 --listen 127.0.0.1:8081 --state build/station --cap 2000
"""


STATE, OLD_STATE = Path("/var/lib/greenlane-station"), Path("/var/lib/greenlane")
"""Its folder as `greenlane install station` makes it, and the one that it was given by default before."""


def _default_state() -> Path:
    kept_where_it_was = (OLD_STATE / "station.sqlite3").exists() and not (STATE / "station.sqlite3").exists()
    return OLD_STATE if kept_where_it_was else STATE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.add_argument("--upstream", metavar="URL", required=True, help="address of the balance service")
    parser.add_argument("--listen", metavar="HOST:PORT", default="127.0.0.1:8081", help="default: %(default)s")
    parser.add_argument(
        "--state",
        metavar="DIR",
        type=Path,
        default=_default_state(),
        help="folder of its key, answers, queue and pages (default: %(default)s)",
    )
    parser.add_argument(
        "--cap",
        metavar="YUAN",
        default="5000",
        help="all that is allowed offline and not settled never exceeds this (default: %(default)s)",
    )
    parser.add_argument(
        "--deadline",
        metavar="S",
        type=within(0.1, 30),
        default=1.5,
        help="the server's time for a question; less than the lane units' own deadline (default: %(default)s s)",
    )
    parser.add_argument("--ca", metavar="FILE", help="certificates to trust for the server, instead of the public ones")
    parser.add_argument(
        "--list-key",
        metavar="KEY",
        help="what signs offline lists: see `greenlane admin offline key` (default: the first one seen)",
    )
    parser.add_argument("--verbose", action="store_true", help="log every request")
    add_listening(parser)


def run(args: argparse.Namespace) -> int:
    from service.errors import ServiceError
    from station.server import StationServerOptions, serve
    from station.settings import StationSettings
    from station.wiring import StationSite
    from wire.money import parse_yuan

    try:
        host, port = address(args.listen)
        settings = StationSettings(cap_fen=parse_yuan(args.cap), deadline_s=args.deadline)
        place = StationSite(args.state, _checked(args.upstream), args.ca, _checked_key(args.list_key))
        serve(StationServerOptions(place, host, port, settings, listening_of(args), args.verbose))
    except (ServiceError, ValueError) as error:
        print(f"greenlane station: {tr(str(error))}", file=sys.stderr)
        return 1
    return 0


def _checked_key(text: str | None) -> str | None:
    try:
        if text is not None and len(base64.b64decode(text, validate=True)) != 32:
            raise ValueError
    except ValueError:
        raise ValueError(f"--list-key {text}: copy what `greenlane admin offline key` shows") from None
    return text


def _checked(url: str) -> str:
    if not is_address(url):
        raise ValueError(f"--upstream {url}: write http(s)://HOST[:PORT]")
    return url
