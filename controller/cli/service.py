"""`greenlane service`: run the balance service."""

from __future__ import annotations

import argparse
import sys

_EPILOG = """examples:
  greenlane service
      on SQLite in the state directory, at http://127.0.0.1:8080
  greenlane service --database sqlite:////var/lib/greenlane/service.sqlite3 --listen 0.0.0.0:8080
  greenlane service --database postgresql://greenlane@db/greenlane --migrate
      bring a PostgreSQL database to this version's schema, once, then stop
  greenlane service --database postgresql://greenlane@db/greenlane --workers 4
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.add_argument(
        "--database", metavar="URL", help="default: $GREENLANE_DATABASE, else SQLite in the state directory"
    )
    parser.add_argument("--listen", metavar="HOST:PORT", default="127.0.0.1:8080", help="default: %(default)s")
    parser.add_argument("--workers", metavar="N", type=int, default=1, help="processes, on PostgreSQL (default: 1)")
    parser.add_argument("--migrate", action="store_true", help="bring the database to this version's schema, stop")
    parser.add_argument(
        "--hold-life", metavar="S", type=int, default=300, help="life of an authorisation (default: 300 s)"
    )
    parser.add_argument("--verbose", action="store_true", help="log every request")


def run(args: argparse.Namespace) -> int:
    from service.database import Database, default_url
    from service.errors import ServiceError
    from service.server import Serving, serve

    try:
        url = args.database or default_url()
        if args.migrate:
            database = Database(url)
            database.migrate()
            print(f"{database.name}: schema is up to date")
            return 0
        host, port = _address(args.listen)
        serve(Serving(url, host, port, args.workers, args.hold_life, args.verbose))
    except (ServiceError, ValueError) as error:
        print(f"greenlane service: {error}", file=sys.stderr)
        return 1
    return 0


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise ValueError(f"--listen {text}: write HOST:PORT, such as 127.0.0.1:8080")
    return host.strip("[]"), int(port)
