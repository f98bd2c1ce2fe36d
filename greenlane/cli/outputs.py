"""What the commands of this package write: pages, and files under names that nothing has yet."""

from __future__ import annotations

import re
from pathlib import Path

_PAGE = re.compile(rb'<!doctype html><html lang="[\w-]+"><head><meta charset="utf-8"><meta name="viewport" ')


def is_page(beginning: bytes) -> bool:
    """Whether a file that begins so is a page of ours: of a visit, or a report."""
    return _PAGE.match(beginning) is not None


def fresh_file(folder: Path, stem: str, suffix: str, data: bytes) -> Path:
    """Write under a name that nothing has yet: stem, else stem-2, stem-3 and so on; the path. Raises OSError."""
    number = 1
    while True:
        path = folder / f"{stem}{'' if number == 1 else f'-{number}'}{suffix}"
        try:
            _write_new(path, data)
            return path
        except FileExistsError:
            number += 1


def _write_new(path: Path, data: bytes) -> None:
    """Leaves no half file. Raises OSError."""
    with path.open("xb") as file:
        try:
            file.write(data)
            file.flush()
        except BaseException:  # Ctrl-C too
            path.unlink()
            raise
