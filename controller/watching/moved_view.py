"""The mark that a lane leaves when its camera was moved, for doctor to find until somebody calibrates again."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "moved_view.json"


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
    fresh = folder / f"{FILE}.new"
    fresh.write_text(json.dumps(asdict(moved)), encoding="ascii")
    os.replace(fresh, folder / FILE)


def find_mark(folder: Path) -> MovedView | None:
    """What the lane left there; None where nothing (or nothing readable) lies."""
    try:
        return MovedView(**json.loads((folder / FILE).read_text(encoding="ascii")))
    except (OSError, ValueError, TypeError):
        return None


def clear_mark(folder: Path) -> None:
    """The lane was calibrated; a mark that cannot be taken away stays for doctor to show."""
    with contextlib.suppress(OSError):
        (folder / FILE).unlink()
