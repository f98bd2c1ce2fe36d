"""`greenlane bench`: measures speed and memory on this machine."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

from greenlane.cli.options import add_engine, whole
from wire.errors import GreenlaneError

EXAMPLES = """
examples:
  greenlane bench                        the lane: milliseconds per stage and visit, idle CPU share, resident memory
  greenlane bench lane --engine opencv --engine onnxruntime
  greenlane bench lane --quick --json    stages only, a few seconds
  greenlane bench peers                  other readers on the same pictures, see its own --help; also: bench --peers
  greenlane bench service                authorisations and fuellings per second, see its own --help
  greenlane bench station                200 lanes and 1,000 open pages on one service, see its own --help
  greenlane bench streams --phones 500   phones with an open stream at one worker, see its own --help
  greenlane bench sales                  mixed-up sales injected among clean fills, which are found
  greenlane bench audit                  the proof of books with a million postings
  greenlane bench payments               fuellings paid by a provider that lies: is a fen wrong afterwards
  greenlane bench paid --rates 5,20      nozzle back to paid by a phone's mandate, by a schedule that waits for nobody
  greenlane bench efficiency             a lane's time per vehicle beside paying by hand, see its own --help
  greenlane bench growth                 a load model from one station to ten thousand, see its own --help

Measure on a quiet machine: figures come with the processor, the load and the versions they were taken with.
"""

SERVICE_BENCHES = {
    "service": ("greenlane.bench.service", "the balance service under load"),
    "station": ("greenlane.bench.station", "a station's lanes and open pages on one service"),
    "streams": ("greenlane.bench.streams", "phones with an open stream on one worker: memory, time to tell all"),
    "sales": ("greenlane.bench.sales", "mixed-up sales among clean fills: which are found"),
    "audit": ("greenlane.bench.audit", "the proof of books with a long history"),
    "payments": ("greenlane.bench.payments", "fuellings against a payment provider that lies"),
    "paid": ("greenlane.bench.paid", "nozzle back to paid by a phone's mandate, at given rates"),
    "efficiency": ("greenlane.bench.efficiency", "arrival to green, nozzle back to paid, vehicles an hour"),
    "growth": ("greenlane.bench.growth", "what so many stations need: a load model, computed"),
}
"""What the service measures itself: name, module, help."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    what = parser.add_subparsers(dest="what", metavar="WHAT")
    lane = what.add_parser("lane", help="the lane unit: reader, trigger, idle share, memory (default)")
    _add_lane_arguments(lane)
    peers = what.add_parser("peers", help="other readers beside greenlane on the same held-out real pictures")
    _add_peers_arguments(peers)
    peers.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="one JSON document at the end")
    for name, (module, words) in SERVICE_BENCHES.items():
        _add_service_arguments(what.add_parser(name, help=words), module)
    _add_lane_arguments(parser)
    parser.add_argument("--peers", action="store_true", help="the same as `bench peers`")
    _add_peers_arguments(parser)


def _add_peers_arguments(parser: argparse.ArgumentParser) -> None:
    absent = argparse.SUPPRESS
    parser.add_argument(
        "--peers-python",
        type=Path,
        metavar="PATH",
        default=absent,
        help="the Python of the environment with the other readers (default .venv-peers/bin/python)",
    )
    parser.add_argument(
        "--easyocr-models", type=Path, metavar="DIR", default=absent, help="where EasyOCR's own models lie"
    )
    parser.add_argument(
        "--pictures",
        type=whole(1, 10_000),
        metavar="N",
        default=absent,
        help="at most so many of each kind (default all)",
    )
    parser.add_argument(
        "--reads",
        type=whole(1, 10_000),
        metavar="N",
        default=absent,
        help="reads of each picture, the quickest counts (default 1)",
    )
    parser.add_argument(
        "--width",
        type=whole(1, 10_000),
        metavar="PX",
        default=absent,
        help="width that scenes are shown in (default as they are)",
    )


def _add_lane_arguments(parser: argparse.ArgumentParser) -> None:
    add_engine(parser, help="all that are installed; may be repeated", action="append", default=argparse.SUPPRESS)
    parser.add_argument(
        "--frames", type=whole(1, 10_000), metavar="N", default=argparse.SUPPRESS, help="frames per engine (default 60)"
    )
    parser.add_argument(
        "--threads",
        type=whole(1, 10_000),
        metavar="N",
        default=argparse.SUPPRESS,
        help="processor threads of the reader (default 1)",
    )
    parser.add_argument(
        "--clip", type=Path, metavar="FILE", default=argparse.SUPPRESS, help="a recording instead of the bundled clip"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        default=argparse.SUPPRESS,
        help="leave out visits and the running lane: no idle share, no memory",
    )
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="one JSON document at the end")


def _add_service_arguments(parser: argparse.ArgumentParser, module: str) -> None:
    """The service brings its own arguments; without its libraries the command says what to install."""
    try:
        bench = importlib.import_module(module)
    except ImportError as error:
        parser.epilog = f"not available here: {error}; {sys.prefix}/bin/pip install 'greenlane[service]'"
        parser.set_defaults(missing=str(error))
        return
    bench.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    if args.what in SERVICE_BENCHES:
        if getattr(args, "missing", None):
            print(
                f"greenlane bench {args.what}: {args.missing}; {sys.prefix}/bin/pip install 'greenlane[service]'",
                file=sys.stderr,
            )
            return 1
        return int(importlib.import_module(SERVICE_BENCHES[args.what][0]).run(args))
    from controller import log

    log.set_up("CRITICAL")
    found = _compared(args) if args.what == "peers" or args.peers else _measured(args)
    if getattr(args, "json", False):
        print(json.dumps(found.facts(), ensure_ascii=False, indent=1))
    else:
        print("\n".join(found.lines()))
    return 0


def _compared(args: argparse.Namespace) -> Any:
    try:
        from greenlane.bench import peers as bench_peers
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("models.training"):
            raise
        raise GreenlaneError(
            "bench peers needs the recipes in models/training, which this installation left out: run it in a checkout"
        ) from error

    return bench_peers.measure(
        getattr(args, "peers_python", None),
        getattr(args, "easyocr_models", None),
        getattr(args, "pictures", None),
        getattr(args, "reads", 1),
        getattr(args, "width", 0),
    )


def _measured(args: argparse.Namespace) -> Any:
    from greenlane.bench import lane as bench_lane

    wanted = bench_lane.Wanted(
        engines=tuple(getattr(args, "engine", ())),
        frames=getattr(args, "frames", 60),
        threads=getattr(args, "threads", 1),
        quick=getattr(args, "quick", False),
        clip=getattr(args, "clip", None),
    )
    return bench_lane.measure(wanted)
