"""`greenlane admin odometer`: readings of a vehicle's odometer from a file."""

from __future__ import annotations

import argparse
import errno
import gc
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from greenlane.language import tr

if TYPE_CHECKING:
    from greenlane.cli.admin.office import Office
    from service.mileage.csv_lines import Bad
    from service.mileage.store import Imported

_COLUMNS = (
    "at (ISO with offset), odometer_km, litres (optional: fuel taken then), full (optional: yes when to the top), "
    "total_fuel_l (optional: J1939 total fuel used)"
)

WRITER_S = 5.0
"""How long a pipe is waited for that nobody has opened to write."""


def add_commands(subparsers: Any, options: argparse.ArgumentParser) -> None:
    """Add the command; `options` are those that every command takes."""
    odometer = subparsers.add_parser("odometer", help="odometer readings of a vehicle")
    actions = odometer.add_subparsers(dest="action", required=True, metavar="ACTION")
    importing = actions.add_parser("import", parents=[options], help=f"from a CSV file: {_COLUMNS}")
    importing.add_argument("plate", metavar="PLATE", help="as on the vehicle: 粤B12345")
    importing.add_argument("file", type=Path, metavar="FILE")
    importing.set_defaults(do=_import)


def _import(args: argparse.Namespace) -> int:
    from greenlane.cli.admin.office import actor, office
    from service.mileage.readings import read_csv
    from service.mileage.store import MileageStore

    bad = BadRows(args.file)
    with office(args) as o, opened(args.file) as file:
        done = MileageStore(o.books, actor()).take_readings(args.plate, read_csv(as_lines(file)), bad)
        return show_import(o, done, bad)


class BadRows:
    """Names each bad row at once, past the progress bar, and keeps it for the document."""

    def __init__(self, path: Path) -> None:
        self.found: list[Bad] = []
        self._path = path

    def __call__(self, bad: Bad) -> None:
        from tqdm import tqdm

        self.found.append(bad)
        tqdm.write(tr(f"{self._path.name}, line {bad.line}: {tr(bad.why)}"), file=sys.stderr)


class _Pipe(io.FileIO):
    """A pipe that is not waited for where nobody ever writes; a writer may take its time."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))
        self._has_begun = False

    def read(self, size: int | None = -1) -> bytes:
        while not self._has_begun:
            is_ready = select.select([self], [], [], WRITER_S)[0]
            data = super().read(size)  # None: there is a writer, and nothing yet
            if data is not None:
                if not data and not is_ready:
                    raise OSError(errno.ETIMEDOUT, "nobody writes to this pipe", self.name)
                os.set_blocking(self.fileno(), True)
                self._has_begun = True
                return data
        return super().read(size)


class _Watched(io.RawIOBase):
    """A file that moves a progress bar as it is read."""

    def __init__(self, file: BinaryIO, bar: Any) -> None:
        super().__init__()
        self._file, self._bar = file, bar

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._bar.update(len(data))
        return len(data)


@contextmanager
def _program_not_collected() -> Iterator[None]:
    """The garbage collector passes over what is there already: to look at all of it took a fifth of an import."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file, with a progress bar on a terminal. Raises AdminError where it cannot be read."""
    from tqdm import tqdm

    from service.errors import AdminError
    from wire.files import open_regular

    try:
        file: BinaryIO = _Pipe(path) if path.is_fifo() else open_regular(path)
        size = path.stat().st_size
    except OSError as error:
        raise AdminError(f"{path}: cannot be read: {error.strerror}") from None
    hidden = not sys.stderr.isatty()
    bar = tqdm(total=size, unit="B", unit_scale=True, file=sys.stderr, disable=hidden, leave=False)
    with file, bar, _program_not_collected():
        try:
            yield io.BufferedReader(_Watched(file, bar), 1 << 16)
        except OSError as error:
            raise AdminError(f"{path}: cannot be read: {error.strerror}") from None


def as_lines(file: BinaryIO) -> Iterator[str]:
    """Lines of a file; what is not UTF-8 becomes a character that no field takes."""
    from service.mileage.csv_lines import bounded

    return bounded(io.TextIOWrapper(file, encoding="utf-8", errors="replace"))


def show_import(o: Office, done: Imported, bad: BadRows) -> int:
    """Tell what became of the rows; the exit status is 1 where one was bad."""
    words = f"{done.plate}: {done.rows} rows, {done.added} added, {done.repeated} there already, {done.bad} bad"
    counts = {"plate": done.plate, "rows": done.rows, "added": done.added, "repeated": done.repeated}
    o.show({**counts, "bad": [{"line": b.line, "why": b.why} for b in bad.found]}, words)
    return 1 if bad.found else 0
