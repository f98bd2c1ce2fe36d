"""Options that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path

LANE_SETTINGS = Path("/etc/greenlane/lane.toml")
"""Where `greenlane install` puts a lane unit's settings."""


def add_config(parser: argparse.ArgumentParser) -> None:
    """--config FILE, the lane's settings; those of the installed unit without it."""
    parser.add_argument(
        "--config", type=Path, default=LANE_SETTINGS, metavar="FILE", help="settings of the lane (default %(default)s)"
    )
