"""Files that a person names: regular ones, no larger than what belongs there. A pipe or a device would never end."""

from __future__ import annotations

import errno
import os
import secrets
import stat
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
    beside = target.with_name(f".greenlane-{secrets.token_hex(8)}")
    with open(beside, "xb") as file:
        try:
            if before is not None and os.geteuid() == 0:  # what root changes stays readable for whom it belongs to
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            os.replace(beside, target)
        except BaseException:  # Ctrl-C too
            beside.unlink(missing_ok=True)
            raise


def sync_folder(folder: Path) -> None:
    """What was made, renamed or removed in the folder so far outlasts a power cut. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _require_regular(found: os.stat_result, path: Path | str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, NOT_REGULAR, str(path))
