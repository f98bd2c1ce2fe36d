"""The mark that a lane leaves when its camera was moved, for doctor to find until somebody calibrates again."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from wire.files import read_regular, replace_regular

FILE = "moved_view.json"
LONGEST = 1000
"""Bytes of a mark."""


@dataclass(frozen=True, slots=True)
class MovedView:
    """at: ISO 8601 in UTC. right, down: how far the scene moved, in shares of the region's width and height."""

    at: str
    right: float
    down: float

    def __str__(self) -> str:
        across = f"{abs(self.right):.0%} to the {'right' if self.right > 0 else 'left'}"
        return f"{across} and {abs(self.down):.0%} {'down' if self.down > 0 else 'up'}"


def leave_mark(folder: Path, moved: MovedView) -> None:
    """Keep it in the lane's state folder; raises OSError."""
    replace_regular(folder / FILE, json.dumps(asdict(moved)).encode())


def find_mark(folder: Path) -> MovedView | None:
    """What the lane left there; None where nothing (or nothing readable) lies."""
    try:
        return MovedView(**json.loads(read_regular(folder / FILE, LONGEST)))
    except (OSError, ValueError, TypeError):
        return None


def clear_mark(folder: Path) -> None:
    """The lane was calibrated; a mark that cannot be taken away stays for doctor to show."""
    with contextlib.suppress(OSError):
        (folder / FILE).unlink()
