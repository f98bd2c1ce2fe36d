"""Threads of their own for log-ins: hashing a password takes long, and no question waits behind one."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from wire.errors import GreenlaneError

THREADS = 2
MOST_WAITING = 100
NICE = 10
"""The lane units' questions come first where the processor is short too."""

Result = TypeVar("Result")


class TooManyWait(GreenlaneError):
    """So many log-ins wait that another one would wait too long."""


class LogInThreads:
    """For one event loop. close() is idempotent."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="log-in", initializer=_give_way)
        self._waiting = 0

    async def run(self, work: Callable[[], Result]) -> Result:
        """What work returns or raises. Raises TooManyWait."""
        if self._waiting >= MOST_WAITING:
            raise TooManyWait
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _give_way() -> None:
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
