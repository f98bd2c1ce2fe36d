"""Where a command writes: asked before its work begins, so that a long run is not lost at its last step."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from wire.errors import GreenlaneError
from wire.files import open_regular

_BEGINNING = 1 << 10
_PAGE = re.compile(rb'<!doctype html><html lang="[\w-]+"><head><meta charset="utf-8"><meta name="viewport" ')


class OutputError(GreenlaneError):
    """A file or folder that a command was told to write cannot be written, or is one of its inputs."""


def check_folder(option: str, folder: Path) -> None:
    """Make the folder if it is missing and try to write there. Raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"{option} {folder}: cannot be written: {error.strerror}; name another folder") from error


def check_file(
    option: str, path: Path, inputs: Iterable[Path] = (), is_own: Callable[[bytes], bool] | None = None
) -> None:
    """Try whether the file can be written, without changing what it holds. Raises OutputError.

    is_own: whether a file with this beginning is what the command wrote there before; another one is not written over.
    """
    if any(_same(path, given) for given in inputs):
        raise OutputError(f"{option} {path}: this is what it reads; name another file")
    if path.is_dir():
        raise OutputError(f"{option} {path}: is a folder; name a file")
    try:
        if path.is_file():
            if is_own is not None:
                _require_own(option, path, is_own)
            with path.open("ab"):
                return
        elif not path.exists():
            with tempfile.TemporaryFile(dir=path.parent):
                return
    except OSError as error:
        raise OutputError(f"{option} {path}: cannot be written: {error.strerror}; name another file") from error
    if path.exists():
        raise OutputError(f"{option} {path}: is not a regular file; name another file")


def is_page(beginning: bytes) -> bool:
    """Whether a file that begins so is a page of ours: of a visit, or a report."""
    return _PAGE.match(beginning) is not None


def _require_own(option: str, path: Path, is_own: Callable[[bytes], bool]) -> None:
    with open_regular(path) as file:
        beginning = file.read(_BEGINNING)
    if beginning and not is_own(beginning):
        raise OutputError(f"{option} {path}: holds something else, which would be lost; name another file")


def fresh_file(folder: Path, stem: str, suffix: str, data: bytes) -> Path:
    """Write under a name that nothing has yet: stem, else stem-2, stem-3 and so on; the path. Raises OSError."""
    number = 1
    while True:
        path = folder / f"{stem}{'' if number == 1 else f'-{number}'}{suffix}"
        try:
            with path.open("xb") as file:
                file.write(data)
            return path
        except FileExistsError:
            number += 1


def _same(path: Path, given: Path) -> bool:
    """Whether both are one file, also by a link; a folder that is read holds its files."""
    try:
        if given.is_dir():
            return path.resolve().parent == given.resolve()
        return path.samefile(given)
    except OSError:
        return path.absolute() == given.absolute()
