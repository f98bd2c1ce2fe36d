"""A thread that looks after something that must not stay on when nobody renews it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from controller.errors import HardwareError

PERIOD_S = 0.05

log = logging.getLogger(__name__)


class LeaseGuard:
    """Calls check() every PERIOD_S while it is told to watch. A check that fails is tried again, and logged once.

    The thread ends with the process, and at stop().
    """

    def __init__(self, name: str, check: Callable[[], None], period_s: float = PERIOD_S) -> None:
        self._name = name
        self._check = check
        self._period_s = period_s
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"lease of {name}", daemon=True)
        self._thread.start()

    def watch(self, wanted: bool) -> None:
        if wanted:
            self._wanted.set()
        else:
            self._wanted.clear()

    def stop(self) -> None:
        """Idempotent; returns when no check runs any more. watch() is not called after it."""
        self._stopped.set()
        self._wanted.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _watch(self) -> None:
        failing = False
        while not self._stopped.is_set():
            self._wanted.wait()
            if self._stopped.wait(self._period_s):
                return
            try:
                self._check()
                failing = False
            except HardwareError as fault:
                if not failing:
                    log.error("%s: the lease ran out and it cannot be switched off: %s", self._name, fault)
                failing = True
