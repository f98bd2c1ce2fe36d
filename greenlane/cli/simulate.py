"""`greenlane simulate`: the whole system on recorded video, with simulated pins, dispenser and service."""

from __future__ import annotations

import argparse
import json
import logging
import platform
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from greenlane.cli.options import add_engine, escaped, moment
from greenlane.language import tr
from wire.errors import GreenlaneError
from wire.spelling.numbers import typed_number
from wire.typed import TypedRule

if TYPE_CHECKING:
    from greenlane.simulation.cast import Phone, SimulatedCard, Typing
    from greenlane.simulation.entrance import EntranceResult
    from greenlane.simulation.results import ClipResult, VisitResult

LITRES = 1.0
EXAMPLES = """
Without a clip it plays the bundled one, with its own cards and phones: five vehicles drive in, one after another.
With clips of your own every plate is unknown to the service until you give it a card.

examples:
  greenlane simulate                                        the bundled clip
  greenlane simulate --report report                        and a page with pictures: report/index.html
  greenlane simulate lane.mp4 --card 粤B12345=500 --preset 100
  greenlane simulate lane.mp4 --phone 粤B12345@8-16=Chen:300 --at 2026-05-04T07:59:50+08:00
  greenlane simulate lane.mp4 --entry entrance.mp4 --card 粤B12345=500
  greenlane simulate lane.mp4 --card 粤B12345=500 --typed 4.5=粤B12345#ok    typed at the panel, an attendant confirms
  greenlane simulate morning.mp4 night.mp4 --json           one JSON document at the end of the output
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.add_argument("clips", nargs="*", type=Path, metavar="CLIP", help="video, or folder of pictures")
    _add_payers(parser)
    parser.add_argument(
        "--at", type=_time, metavar="ISO-TIME", help="wall clock at the first frame of the first clip, with its offset"
    )
    parser.add_argument(
        "--preset",
        type=_parsed_by("parse_amount"),
        metavar="YUAN",
        help="refuse below this available balance (default 100)",
    )
    parser.add_argument(
        "--litres",
        type=_litres,
        metavar="L",
        help="what a vehicle takes after green in clips of your own (default 1.0, 0: nothing)",
    )
    _add_typing(parser)
    parser.add_argument(
        "--entry",
        type=Path,
        metavar="CLIP",
        help="video of the station's entrance, played first: its camera asks ahead",
    )
    parser.add_argument("--report", type=Path, metavar="DIR", help="write a page with every visit: DIR/index.html")
    parser.add_argument(
        "--json", action="store_true", help="end with one JSON document; everything else goes to stderr"
    )
    add_engine(parser)
    parser.add_argument("--verbose", action="store_true", help="show the lane's own log")


def _add_payers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--card",
        action="append",
        default=[],
        type=_parsed_by("parse_card"),
        metavar="PLATE=YUAN",
        help="a card for this plate with so many yuan on it; may be repeated",
    )
    parser.add_argument(
        "--phone",
        action="append",
        default=[],
        type=_parsed_by("parse_phone"),
        metavar="PLATE@HOURS=NAME[:YUAN]",
        help="a paired phone that pays for this plate in these hours, with so many yuan in its wallet (default 500); "
        "with --card for the same plate the card pays first; may be repeated",
    )


def _add_typing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--typed",
        action="append",
        default=[],
        type=_parsed_by("parse_typing"),
        metavar="SECONDS=PLATE[#PIN|#ok]",
        help="type a plate at the panel during the first clip, with a PIN, or #ok: an attendant confirms it",
    )
    parser.add_argument(
        "--typed-rule",
        choices=[rule.value for rule in TypedRule],
        default=TypedRule.ATTENDANT.value,
        help="what a typed plate needs where nothing was read (default: %(default)s)",
    )
    parser.add_argument(
        "--pin",
        action="append",
        default=[],
        type=_parsed_by("parse_pin"),
        metavar="PLATE=PIN",
        help="the PIN of a plate's card",
    )


def run(args: argparse.Namespace) -> int:
    _set_up_logging(args.verbose)
    _check(args)
    results, errors = _play(args)
    if args.report is not None:
        from greenlane.report import page

        written = page.write(args.report, results, _conditions(args.engine))
        print(tr(f"report: {written}"), file=sys.stderr if args.json else sys.stdout)
    if args.json:
        from greenlane.simulation.results import document

        print(json.dumps(document(results), ensure_ascii=False, indent=1))
    return 1 if errors else 0


def _check(args: argparse.Namespace) -> None:
    """What can be known before minutes of video are played. Raises GreenlaneError."""
    from greenlane.cli.outputs import is_page
    from hardware.cameras.recorded import check_clip
    from wire.outputs import check_file, check_folder

    _cards(args.card)
    if args.litres is not None and not args.clips:
        raise GreenlaneError("--litres: only with a CLIP of your own; in the bundled one each vehicle takes its own")
    for clip in args.clips:
        check_clip(clip, plays=False)
    if args.entry is not None:
        check_clip(args.entry)
    if args.report is not None:
        check_folder("--report", args.report)
        check_file("--report", args.report / "index.html", args.clips, is_page)


def _play(args: argparse.Namespace) -> tuple[tuple[ClipResult, ...], int]:
    """What each clip showed, and how many clips could not be played to their end."""
    from controller.settings_records import Settings
    from greenlane.simulation import cast
    from greenlane.simulation.entrance import play_entrance
    from greenlane.simulation.play import BETWEEN_CLIPS_S, ClipPlayer
    from greenlane.simulation.world import World
    from models.build import build_reader

    own = None if args.clips else cast.bundled()
    clips: list[Path] = args.clips or [own.clip] if own else args.clips
    cards = _cards([*(own.cards if own and not args.card else ()), *args.card])
    preset_fen = args.preset if args.preset is not None else own.preset_fen if own else cast.parse_amount("100")
    reader = build_reader(args.engine)
    show = LiveLines(sys.stderr if args.json else sys.stdout, len(clips))
    phones = _phones([*(own.phones if own and not args.phone else ()), *args.phone])
    start = None if args.at is None else args.at - timedelta(seconds=BETWEEN_CLIPS_S)
    with World(Settings(), cards, preset_fen, phones, start, TypedRule(args.typed_rule), dict(args.pin)) as world:
        if args.entry is not None:
            show.ahead(args.entry.name, play_entrance(world, reader, args.entry))
        stage = ClipPlayer(
            world, reader, own.litres if own else {}, LITRES if args.litres is None else args.litres, args.typed
        )
        results = tuple(show.clip(stage, clip) for clip in clips)
    show.end(results, hint=bool(args.clips) and not (args.card or args.phone))
    return results, show.errors


def _cards(cards: list[SimulatedCard]) -> list[SimulatedCard]:
    from greenlane.simulation.cast import CastError

    seen: set[str] = set()
    for card in cards:
        if card.plate in seen:
            raise CastError(f"--card {card.plate}: given twice")
        seen.add(card.plate)
    return cards


def _phones(phones: list[Phone]) -> list[Phone]:
    """Each with its person's yuan, wherever they were said."""
    from greenlane.simulation.cast import CastError

    wallets: dict[str, int] = {}
    for phone in phones:
        if phone.says_yuan and wallets.setdefault(phone.name, phone.wallet_fen) != phone.wallet_fen:
            raise CastError(
                f"--phone {phone.name}: one person has one wallet; say its yuan once, or the same everywhere"
            )
    return [replace(phone, wallet_fen=wallets.get(phone.name, phone.wallet_fen)) for phone in phones]


class LiveLines:
    """The live lines and the progress bar."""

    def __init__(self, out: TextIO, clips: int) -> None:
        from tqdm import tqdm

        self._out = out
        self._several = clips > 1
        self._bar = tqdm(total=0, unit="frame", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False)
        self._paint = out.isatty()
        self.errors = 0

    def clip(self, stage: object, clip: Path) -> ClipResult:
        """Play one clip and show it."""
        from greenlane.simulation.play import ClipPlayer, Watching

        assert isinstance(stage, ClipPlayer)
        result = stage.play(clip, Watching(self._opened, self._frame, self._visit, self._untaken))
        self._error(result.error)
        return result

    def ahead(self, clip: str, result: EntranceResult) -> None:
        """What the entry camera asked ahead."""
        asked = tr(f"{len(result.plates)} asked ahead")
        self._say(f"{clip}: {asked}{': ' if result.plates else ''}{', '.join(result.plates)}")
        self._error(result.error)

    def end(self, results: tuple[ClipResult, ...], hint: bool) -> None:
        self._bar.close()
        if not any(r.frames for r in results):
            return
        visits = [v for r in results for v in r.visits]
        green = sum(v.summary.decision == "allow" for v in visits)
        wall_s = sum(r.wall_s for r in results)
        video_s = sum(r.duration_s for r in results)
        colours = tr(f"{green} green, {len(visits) - green} red")
        self._say(tr(f"{len(visits)} visits: {colours}; {video_s:.1f} s of video in {wall_s:.1f} s"))
        if not visits:
            self._say(tr("no visit: nobody drove up and stood there; `greenlane read` reads single pictures"))
        elif hint:
            plate = next((v.summary.plate for v in visits if v.summary.plate), "粤B12345")
            self._say(tr(f"no cards were given, so every plate is unknown; try --card {plate}=500"))

    def _opened(self, name: str, frames: int) -> None:
        self._bar.reset(total=frames or None)
        self._bar.set_description(name)
        if self._several:
            self._say(f"{name}")

    def _frame(self) -> None:
        self._bar.update()

    def _visit(self, visit_result: VisitResult) -> None:
        from tqdm import tqdm

        tqdm.write(line(visit_result, self._paint), file=self._out)
        self._out.flush()

    def _untaken(self, typing: Typing) -> None:
        self._say(tr(f"{typing.plate} typed at {typing.at_s:.1f} s: no vehicle waits for a typed plate then"))

    def _error(self, error: str | None) -> None:
        if error is not None:
            self.errors += 1
            for each in error.splitlines():
                self._say(tr(f"error: {each}"))

    def _say(self, text: str) -> None:
        print(escaped(text), file=self._out, flush=True)


def line(visit_result: VisitResult, paint: bool = False) -> str:
    """One visit in one line: when, plate, lamp, reason, money."""
    from controller.checks import padded
    from greenlane.cli.words import reason_words

    summary = visit_result.summary
    green = summary.decision == "allow"
    lamp = tr("green" if green else "red")
    if paint:
        lamp = f"\033[1;{32 if green else 31}m● {lamp}\033[0m" + padded(lamp, 5)[len(lamp) :]
    first, gone = visit_result.at(summary.first_seen_s) or 0.0, visit_result.at(summary.gone_s) or 0.0
    plate = summary.plate or "-"
    decided = visit_result.at(summary.decided_s)
    parts = [
        padded(tr(f"visit {visit_result.number}"), 8),
        tr(f"{first:6.1f} to {gone:5.1f} s"),
        padded(plate, 9),
        padded(lamp, 5) if not paint else lamp,
        padded(reason_words(summary.reason), 14),
        "" if decided is None else tr(f"after {decided - first:3.1f} s"),
        _money(visit_result),
    ]
    return "  ".join(parts).rstrip()


def _money(visit_result: VisitResult) -> str:
    from wire.money import format_yuan

    fuelled = visit_result.fuelled
    if fuelled is None or fuelled.report is None:
        return ""
    text = tr(f"{fuelled.report.volume_ml / 1000:.2f} L, {format_yuan(fuelled.report.amount_fen)} yuan")
    receipt = fuelled.receipt
    if receipt is not None and receipt.by_phone:
        return text + tr(", by phone")
    if receipt is None or receipt.balance_fen is None:
        return text
    return text + tr(f", balance {format_yuan(receipt.balance_fen)} yuan")


def _conditions(engine: str) -> str:
    import cv2

    import greenlane

    return (
        tr(f"greenlane {greenlane.__version__}, reader on {engine}")
        + f", OpenCV {cv2.__version__}, Python {platform.python_version()}, {platform.machine()}"
    )


def _set_up_logging(verbose: bool) -> None:
    from controller import log

    log.set_up("INFO" if verbose else "CRITICAL")
    logging.captureWarnings(True)


def _parsed_by(name: str) -> Callable[[str], Any]:
    """A type of argparse: this function of greenlane.simulation.cast, which is imported when it is needed."""

    def parse(text: str) -> Any:
        from greenlane.simulation import cast

        try:
            return getattr(cast, name)(text)
        except cast.CastError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse


def _time(text: str) -> datetime:
    parsed = moment(text)
    if parsed.tzinfo is None or not 2000 <= parsed.year <= 2200:
        raise argparse.ArgumentTypeError(f"{text!r} needs a year from 2000 on and an offset: 2026-05-04T08:00:00+08:00")
    return parsed


def _litres(text: str) -> float:
    try:
        litres = typed_number(text)
    except ValueError:
        litres = -1.0
    if not 0 <= litres <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount of litres from 0 to 1000")
    return litres
