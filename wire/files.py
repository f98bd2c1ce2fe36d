"""Files that a person names: regular ones, no larger than what belongs there. A pipe or a device would never end."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

LONGEST_PEM = 1 << 16
"""Of a key, or of a certificate with its chain."""
NOT_REGULAR = "not a regular file"


def open_regular(path: Path | str) -> BinaryIO:
    """The file, to be read. Raises OSError where it cannot be, and for a folder, a pipe, a socket or a device."""
    _require_regular(os.stat(path), path)
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _require_regular(os.fstat(handle), path)
    except OSError:
        os.close(handle)
        raise
    return os.fdopen(handle, "rb")


def read_regular(path: Path | str, most: int) -> bytes:
    """All of the file. Raises OSError as open_regular does, and for one of more than `most` bytes."""
    with open_regular(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"larger than {most} bytes", str(path))
    return data


def replace_regular(path: Path | str, data: bytes, mode: int | None = None) -> None:
    """Write beside the file, to the disk, and rename into its place; it is whole at every moment.

    A link stays, and what it leads to is replaced. Owner and mode stay; a new file has `mode`, else as the umask says.
    Raises OSError, also where a folder, a pipe, a socket or a device is: that is neither opened nor replaced.
    """
    target = Path(os.path.realpath(path))
    before = target.stat() if target.exists() else None
    if before is not None:
        _require_regular(before, path)
        mode = before.st_mode & 0o777
    with _written_beside(target, data, mode, before) as fresh:
        os.replace(fresh, target)
        sync_folder(target.parent)


def write_private(path: Path, data: bytes) -> None:
    """Make a file that only the owner of its folder may read, whole or not at all, and outlasting a power cut.

    Raises OSError; FileExistsError for anything that is there, or that another process has made meanwhile.
    """
    with _written_beside(path, data, 0o600, path.parent.stat()) as fresh:
        os.link(fresh, path)  # unlike a rename, never over what is there
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """What was made, renamed or removed in the folder so far outlasts a power cut. Raises OSError.

    Where a file system cannot promise that of a folder (EINVAL), nothing is done.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(handle)


@contextmanager
def _written_beside(target: Path, data: bytes, mode: int | None, owner: os.stat_result | None) -> Iterator[Path]:
    """A file with these bytes on the disk of the target's folder; where it was not given another name, it goes."""
    fresh = target.with_name(f".greenlane-{secrets.token_hex(8)}")
    try:
        with open(fresh, "xb") as file:
            if owner is not None and os.geteuid() == 0:  # what root writes stays readable for whom it belongs to
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield fresh
    finally:  # after Ctrl-C too
        fresh.unlink(missing_ok=True)


def _require_regular(found: os.stat_result, path: Path | str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, NOT_REGULAR, str(path))
