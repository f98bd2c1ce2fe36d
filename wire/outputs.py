"""Where a command writes: asked before its work begins, so that a long run is not lost at its last step."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from wire.errors import GreenlaneError
from wire.files import open_regular

_BEGINNING = 1 << 10
_LEAST = bytes(1 << 16)
"""A disk without room for so much will not hold what minutes of work come to."""


class OutputError(GreenlaneError):
    """A file or folder that a command was told to write cannot be written, or is one of its inputs."""


def check_folder(option: str, folder: Path) -> None:
    """Make the folder if it is missing and try to write there. Raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _try_to_write(folder)
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputError(f"{option} {folder}: is not a folder, or lies in a file; name another folder") from error
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
    try:
        kind = _kind(path)
        if kind is not None and stat.S_ISDIR(kind):
            raise OutputError(f"{option} {path}: is a folder; name a file")
        if kind is not None and not stat.S_ISREG(kind):
            raise OutputError(f"{option} {path}: is not a regular file; name another file")
        if kind is None:
            _try_to_write(os.path.dirname(os.path.realpath(path)))
            return
        if is_own is not None:
            _require_own(option, path, is_own)
        with path.open("ab"):
            return
    except OSError as error:
        raise OutputError(f"{option} {path}: cannot be written: {error.strerror}; name another file") from error


def _try_to_write(folder: Path | str) -> None:
    """Nothing is left there. Raises OSError, also for a full disk."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(_LEAST)


def _kind(path: Path) -> int | None:
    """The mode of what is there, links followed; None for nothing yet. Raises OSError."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _require_own(option: str, path: Path, is_own: Callable[[bytes], bool]) -> None:
    with open_regular(path) as file:
        beginning = file.read(_BEGINNING)
    if beginning and not is_own(beginning):
        raise OutputError(f"{option} {path}: holds something else, which would be lost; name another file")


def _same(path: Path, given: Path) -> bool:
    """Whether both are one file, also by a link; a folder that is read holds its files."""
    try:
        if given.is_dir():
            return path.resolve().parent == given.resolve()
        return path.samefile(given)
    except (OSError, RuntimeError):  # the latter for a link to itself
        return path.absolute() == given.absolute()
