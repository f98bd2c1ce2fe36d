"""One running unit per state folder: a second one would write the same meter, outbox and traces."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from wire.errors import GreenlaneError

LOCK = "running.lock"


class FolderInUse(GreenlaneError):
    """Another process runs on this folder."""


class FolderLock:
    """Held from its making until close(); the kernel gives it back when the process ends, however it ends.

    Raises FolderInUse while another process holds it, GreenlaneError where the file cannot be made.
    """

    def __init__(self, folder: Path, command: str) -> None:
        path = folder / LOCK
        try:
            self._handle = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            if os.geteuid() == 0:
                owner = folder.stat()
                os.fchown(self._handle, owner.st_uid, owner.st_gid)
        except OSError as error:
            raise GreenlaneError(f"{path} cannot be made: {error.strerror}") from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.close()
            words = f"{folder}: another {command} runs on this state folder; stop it, or name another folder"
            raise FolderInUse(words) from error

    def close(self) -> None:
        """Idempotent."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)
