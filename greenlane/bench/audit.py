"""`greenlane bench audit`: how long the proof of books takes that have a long history, sealed as they would be.

The history is written into a scratch database by the same records as the service's, and its chain of seals is made
first, which is not part of what is measured. Seconds of the wall clock are this machine's; seconds of the processor are
this process's, so on PostgreSQL they leave out the server's.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from typing import Any

from greenlane.bench.fill import fill
from greenlane.bench.process import machine, progress
from greenlane.cli.options import whole
from service.books.books import Books
from service.books.rows.sealing import MOST_ROWS, seal
from service.errors import ServiceError
from service.reports.audit import audit
from service.store.clock import SystemWallClock
from service.store.database import Database

MOST_POSTINGS = 10**8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `greenlane bench audit`."""
    parser.add_argument(
        "--postings",
        type=whole(2, MOST_POSTINGS),
        default=1_000_000,
        metavar="N",
        help="of history (default: %(default)s)",
    )
    parser.add_argument("--postgresql", metavar="URL", help="an empty scratch database; without it SQLite")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(args: argparse.Namespace) -> int:
    """Measure and print; exit status 1 when the audit finds anything, or nothing could be run."""
    try:
        with tempfile.TemporaryDirectory(prefix="greenlane-bench-") as folder:
            document = measure(args.postgresql or f"sqlite:///{folder}/bench.sqlite3", args.postings)
    except (ServiceError, OSError) as error:
        print(f"greenlane bench audit: {error}", file=sys.stderr)
        return 1
    print(json.dumps(document, indent=1) if args.json else _words(document))
    return 1 if document["findings"] else 0


def measure(url: str, postings: int) -> dict[str, Any]:
    """A new database with that history, and its audit."""
    database = Database(url)
    try:
        database.migrate()
        books = Books(database, SystemWallClock())
        for done in fill(books, postings):
            progress(f"{done} of {postings} postings")
        sealed = 0
        while added := seal(database, books.clock):
            sealed += added
            if sealed % (20 * MOST_ROWS) < MOST_ROWS:
                progress(f"{sealed} rows sealed")
        progress("audit")
        before = machine()
        began_s, used_s = time.monotonic(), time.process_time()
        result = audit(database)
        took_s, processor_s = time.monotonic() - began_s, time.process_time() - used_s
    finally:
        database.close()
    return {
        "conditions": before,
        "database": database.url.get_backend_name(),
        "transfers": result.transfers,
        "fuellings": result.fuellings,
        "sealed": sealed,
        "wall_s": round(took_s, 2),
        "processor_s": round(processor_s, 2),
        "findings": [f"{one.check}: {one.words}" for one in result.findings],
    }


def _words(document: dict[str, Any]) -> str:
    found = document["findings"]
    return "\n".join(
        [
            ", ".join(f"{name} {value}" for name, value in document["conditions"].items()),
            f"{document['database']}: {document['transfers']:,} postings, {document['fuellings']:,} fuellings, "
            f"{document['sealed']:,} rows sealed",
            f"audit: {document['wall_s']} s, of the processor {document['processor_s']} s; "
            + (f"{len(found)} findings: {'; '.join(found[:5])}" if found else "all is right"),
        ]
    )
