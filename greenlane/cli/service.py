"""`greenlane service`: run the balance service."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from greenlane.cli.options import whole
from greenlane.language import tr
from wire.spelling.address import listening_at

if TYPE_CHECKING:
    from service.books.settings import BookSettings
    from service.listening import Listening

_EPILOG = """examples:
  greenlane service
      on SQLite in the state directory ($STATE_DIRECTORY, else ~/.local/state/greenlane), at http://127.0.0.1:8080
  greenlane service --database sqlite:////var/lib/greenlane/service.sqlite3 --listen 0.0.0.0:8080
  greenlane service --database postgresql://greenlane@db/greenlane --migrate
      bring a PostgreSQL database to this version's schema, once, then stop
  greenlane service --database postgresql://greenlane@db/greenlane --workers 4
  greenlane service --listen 0.0.0.0:8443 --tls-cert fullchain.pem --tls-key key.pem --host-name books.example:8443
  greenlane service --allow-unsigned
      devices never need a key: for development and demonstrations
Devices need a key: `greenlane admin enrol --kind lane --station S1 --lane L1` makes the code for one.
"""

AFTER = (
    (
        "--next-payer-after",
        1_800,
        "when a bill that its payer does not answer asks the next who holds the same hours (default: %(default)s s)",
    ),
    ("--owner-after", 86_400, "when the plate's owner is asked (default: %(default)s s)"),
    (
        "--overdue-after",
        259_200,
        "when the bill is overdue; all three count from its beginning (default: %(default)s s)",
    ),
)
"""When a bill that nobody answers goes on; service.books.settings keeps the same numbers."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.add_argument(
        "--database", metavar="URL", help="default: $GREENLANE_DATABASE, otherwise SQLite in the state directory"
    )
    parser.add_argument("--listen", metavar="HOST:PORT", default="127.0.0.1:8080", help="default: %(default)s")
    parser.add_argument(
        "--workers", metavar="N", type=whole(1, 64), default=1, help="processes, on PostgreSQL (default: 1)"
    )
    parser.add_argument("--migrate", action="store_true", help="bring the database to this version's schema, stop")
    parser.add_argument(
        "--hold-life",
        metavar="S",
        type=whole(1, 86_400),
        default=300,
        help="how long money stays held and green may last without a renewal by the lane (default: 300 s)",
    )
    for option, default, words in AFTER:
        parser.add_argument(option, metavar="S", type=whole(1, 31 * 86_400), default=default, help=words)
    parser.add_argument("--payments", metavar="FILE", help="payment providers: a TOML file with a table [wechatpay]")
    parser.add_argument("--verbose", action="store_true", help="log every request")
    add_listening(parser)


def add_listening(parser: argparse.ArgumentParser) -> None:
    """Who may speak to it: the same for the service and for a station's central control."""
    group = parser.add_argument_group("who may speak to it")
    group.add_argument("--allow-unsigned", action="store_true", help="programs need no key: for development")
    group.add_argument(
        "--host-name",
        metavar="NAME[:PORT]",
        action="append",
        default=[],
        help="a name this service answers to, as lane units write it; may be repeated (default: any)",
    )
    group.add_argument("--tls-cert", metavar="FILE", help="certificate with its chain, PEM")
    group.add_argument("--tls-key", metavar="FILE", help="the certificate's key, PEM")
    group.add_argument(
        "--proxy-headers",
        metavar="ADDRESS",
        action="append",
        default=[],
        dest="trusted_proxies",
        help="believe X-Forwarded-For and X-Forwarded-Proto of this proxy, an address or network; may be repeated",
    )
    group.add_argument(
        "--metrics-from",
        metavar="NETWORK",
        action="append",
        default=[],
        help="network that may read /metrics, such as 127.0.0.1; may be repeated (default: nobody)",
    )


def run(args: argparse.Namespace) -> int:
    from service.errors import ServiceError
    from service.server import ServerOptions, serve
    from service.store.database import Database
    from service.store.state_folder import chosen_url

    try:
        url = chosen_url(args.database)
        if args.migrate:
            database = Database(url)
            print(tr(database.migrate().words(database.name) or f"{database.name}: schema is up to date"))
            return 0
        host, port = address(args.listen)
        serve(
            ServerOptions(url, host, port, args.workers, _rules(args), args.verbose, listening_of(args), args.payments)
        )
    except (ServiceError, ValueError) as error:
        print(f"greenlane service: {tr(str(error))}", file=sys.stderr)
        return 1
    return 0


def _rules(args: argparse.Namespace) -> BookSettings:
    """Raises ValueError for times out of range."""
    from service.books.settings import BookSettings

    if not args.next_payer_after < args.owner_after < args.overdue_after:
        times = ", ".join(f"{option} {getattr(args, option[2:].replace('-', '_'))}" for option, *_ in AFTER)
        raise ValueError(f"{times}: each has to be longer than the one before")
    return BookSettings(
        hold_life_s=args.hold_life,
        next_payer_after_s=args.next_payer_after,
        owner_after_s=args.owner_after,
        overdue_after_s=args.overdue_after,
    )


def listening_of(args: argparse.Namespace) -> Listening:
    """What add_listening's options say. Raises ValueError."""
    from service.listening import Listening

    return Listening(
        args.allow_unsigned,
        tuple(args.host_name),
        args.tls_cert,
        args.tls_key,
        tuple(args.trusted_proxies),
        tuple(args.metrics_from),
    )


def address(text: str) -> tuple[str, int]:
    """Host and port of --listen. Raises ValueError."""
    try:
        return listening_at(text)
    except ValueError as error:
        raise ValueError(f"--listen {text}: {error}") from None
