"""What several commands share: options that name a lane's settings and an engine, numbers, times by the clock of its
station, and text from elsewhere."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from greenlane.language import tr
from wire.spelling.numbers import parse_above_zero, parse_number, parse_whole

LANE_SETTINGS = Path("/etc/greenlane/lane.toml")
"""Where `greenlane install` puts a lane unit's settings."""


def add_config(parser: argparse.ArgumentParser, default: Path | None = LANE_SETTINGS) -> None:
    """--config FILE, the lane's settings; those of the installed unit without it.

    default: None for a command that has to know whether somebody named the file.
    """
    parser.add_argument(
        "--config", type=Path, default=default, metavar="FILE", help=f"settings of the lane (default {LANE_SETTINGS})"
    )


def add_engine(parser: argparse.ArgumentParser, *, help: str = "%(default)s", **options: Any) -> None:
    """--engine NAME, one of those that a reader can be built on.

    help: what runs without the option, in words; options: the others of argparse.
    """
    from models.engines import DEFAULT_ENGINE, READER_ENGINES

    parser.add_argument(
        "--engine",
        metavar="NAME",
        choices=READER_ENGINES,
        help=f"what runs the networks: {', '.join(READER_ENGINES)} (default: {help})",
        **{"default": DEFAULT_ENGINE, **options},
    )


def lane_zone(config: Path | None) -> ZoneInfo | None:
    """The station's time zone by the lane's settings; None, which is this machine's, where they name none."""
    from controller import settings
    from controller.errors import SettingsError

    try:
        name = settings.load(config or LANE_SETTINGS).lane.zone
    except SettingsError:
        return None
    return ZoneInfo(name) if name else None


def stamp(moment: datetime, zone: tzinfo | None) -> str:
    """Date, time and offset: 2026-05-04 16:30:00+08:00."""
    return moment.astimezone(zone).isoformat(sep=" ", timespec="seconds")


def moment(text: str) -> datetime:
    """A time as typed; what none without an offset means, or whether it may be, the command says."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time: write 2026-05-04T08:00:00+08:00, or 2026-05-04 if a day is enough"
        ) from None


def escaped(text: str) -> str:
    """Text from elsewhere for one line of a terminal: what is not printable as \\n, \\x1b, \\u202e."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def one_line(text: str) -> str:
    """A text of ours in the language of who reads it, for one line of a terminal."""
    return escaped(tr(text))


def whole(low: int, high: int) -> Callable[[str], int]:
    """A type of argparse: a whole number within these bounds."""
    return _typed(lambda text: parse_whole(text, low, high))


def within(low: float, high: float) -> Callable[[str], float]:
    """A type of argparse: a number within these bounds."""
    return _typed(lambda text: parse_number(text, low, high))


def _typed(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


above_zero = _typed(parse_above_zero)
"""A type of argparse: a number above 0."""

any_seed = whole(0, 2**63 - 1)
"""A type of argparse: where a random draw begins."""
