"""Numbers for rows: unique without asking the database, and rising with time so that indexes stay packed."""

from __future__ import annotations

import secrets
import threading

_RANDOM_BITS = 21
_START_MS = 1_577_836_800_000
"""2020-01-01 UTC; 42 bits of milliseconds from there last beyond the year 2150 in a signed 64-bit integer."""


class IdMaker:
    """Makes row numbers; safe between threads.

    A number is the millisecond, then 21 random bits. Two processes may meet on one number: the primary key refuses the
    second, whose transaction is tried again with fresh numbers.
    """

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def next(self, now_us: int) -> int:
        """A number larger than every earlier one of this maker, even when the clock goes back."""
        stamp = max(0, now_us // 1000 - _START_MS)
        with self._lock:
            self._last = max(self._last + 1, (stamp << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS))
            return self._last


def authorisation_name(number: int) -> str:
    """The public name of an authorisation: its number and 48 random bits, so that nobody guesses another's."""
    return f"a{number:x}-{secrets.token_hex(6)}"
