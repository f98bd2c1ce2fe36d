"""Three hosts in network namespaces, lines that fail, and the table of what each lamp did. As root."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.faults.three_hosts import report
from tests.faults.three_hosts.machine import NeverCame
from tests.faults.three_hosts.network import NoNetwork, missing
from tests.faults.three_hosts.play import play, town
from tests.faults.three_hosts.scenarios import SCENARIOS


def main() -> int:
    args = _arguments()
    if (why := missing()) is not None:
        print(f"outages: {why}", file=sys.stderr)
        return 1
    began_s = time.monotonic()
    chosen = [scenario for scenario in SCENARIOS if not args.only or scenario.name in args.only]
    try:
        with town() as made:
            records = play(made, chosen, lambda record: print(report.text(record), flush=True))
    except (NeverCame, NoNetwork) as error:
        print(f"outages: {error}", file=sys.stderr)
        return 1
    print(report.summary(records))
    page = report.write(args.report, records)
    wrong = sum(len(record.breaches) for record in records)
    print(f"\n{len(records)} scenarios in {time.monotonic() - began_s:.0f} s, {wrong} things wrong; {page}")
    return 1 if wrong else 0


def _arguments() -> argparse.Namespace:
    names = [scenario.name for scenario in SCENARIOS]
    parser = argparse.ArgumentParser(prog="go outages", description=__doc__)
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=f"one of {', '.join(names)}")
    parser.add_argument(
        "--report", type=Path, default=Path("report/outages"), metavar="DIR", help="default: %(default)s"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
