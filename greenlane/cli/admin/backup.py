"""`greenlane admin backup` and `greenlane admin restore`: copies of the books that are known to hold."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from greenlane.cli.options import whole
from greenlane.language import tr


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add both commands; `options` are those that every command takes."""
    backup = subparsers.add_parser(
        "backup", parents=[options], help="copy the books while they are in use; restore and audit the copy"
    )
    backup.add_argument(
        "--to", type=Path, required=True, metavar="DIR", help="folder of the copies; made if it alone is missing"
    )
    backup.add_argument(
        "--keep", type=whole(1, 100_000), default=14, metavar="N", help="how many are kept (default: %(default)s)"
    )
    backup.set_defaults(do=_backup)
    restore = subparsers.add_parser("restore", parents=[options], help="put a copy in place; stop the service first")
    restore.add_argument("copy", type=Path, metavar="FILE", help="as `backup` wrote it")
    restore.set_defaults(do=_restore)


def _backup(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import warn
    from service.errors import AdminError
    from service.reports.backup import back_up
    from service.store.clock import SystemWallClock

    books = _file(args)
    if not books.is_file():
        raise AdminError(f"{books}: there are no books")
    is_new = not args.to.exists()
    copy = back_up(books, args.to, SystemWallClock().now(), args.keep)
    if is_new:
        warn(f"{args.to}: a new folder was made")
    _show(args, {"copy": str(copy)}, f"{copy}: copied, restored, audited: the books are right")
    return 0


def _restore(args: argparse.Namespace) -> int:
    from service.reports.backup import restore
    from service.store.clock import SystemWallClock

    books = _file(args)
    kept = restore(args.copy, books, SystemWallClock().now())
    before = "" if kept is None else tr(f"; what was there before: {kept}")
    document = {"books": str(books), "before": None if kept is None else str(kept)}
    _show(args, document, f"{books}: {args.copy.name} is in place now{before}")
    return 0


def _file(args: argparse.Namespace) -> Path:
    """The SQLite file that the arguments name. Raises AdminError for another kind of database."""
    from service.reports.backup import file_of
    from service.store.state_folder import chosen_url

    return file_of(chosen_url(args.database))


def _show(args: argparse.Namespace, document: dict[str, str | None], words: str) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=2) if args.json else tr(words))
