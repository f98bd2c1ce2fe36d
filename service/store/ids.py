"""Numbers for rows: unique without asking the database, and rising with time so that indexes stay packed."""

from __future__ import annotations

import secrets
import threading

from service.errors import Unavailable

_MAKER_BITS = 10
_COUNT_BITS = 11
_START_MS = 1_577_836_800_000
"""2020-01-01 UTC; 42 bits of milliseconds from there last beyond the year 2150 in a signed 64-bit integer."""
_STAMP_BITS = 63 - _MAKER_BITS - _COUNT_BITS


class IdMaker:
    """Makes row numbers; safe between threads.

    A number is the millisecond, then ten bits drawn for this maker, then a count within the millisecond; more than
    2,048 in one millisecond run ahead of the clock. Two makers that drew the same bits may meet on one number: the
    primary key refuses the second, which then calls redraw() and tries its transaction again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stamp = 0
        self._count = 0
        self.redraw()

    def redraw(self) -> None:
        """Draw other bits for this maker."""
        self._maker = secrets.randbits(_MAKER_BITS)

    def next(self, now_us: int, above: int = 0) -> int:
        """A number of a later millisecond or count than every earlier one, even when the clock goes back.

        above: a number of another maker that it has to be above of as well. Raises Unavailable, and remembers nothing,
        where the clock is beyond every number.
        """
        stamp = max(0, now_us // 1000 - _START_MS)
        if stamp >> _STAMP_BITS:
            raise Unavailable("this machine's clock is more than a century ahead: set it right")
        with self._lock:
            stamp = max(stamp, (above >> (_MAKER_BITS + _COUNT_BITS)) + 1 if above else 0)
            if stamp > self._stamp:
                self._stamp, self._count = stamp, 0
            else:
                self._count += 1
                if self._count >> _COUNT_BITS:
                    self._stamp, self._count = self._stamp + 1, 0
            return (((self._stamp << _MAKER_BITS) | self._maker) << _COUNT_BITS) | self._count


def first_us_after(number: int) -> int:
    """The first microsecond at which any maker's numbers are all above this one."""
    return ((number >> (_MAKER_BITS + _COUNT_BITS)) + _START_MS + 1) * 1000


def first_number_at(at_us: int) -> int:
    """No number made at this microsecond or later is below it."""
    return max(0, at_us // 1000 - _START_MS) << (_MAKER_BITS + _COUNT_BITS)


def authorisation_name(number: int) -> str:
    """The public name of an authorisation: its number and 48 random bits, so that nobody guesses another's."""
    return f"a{number:x}-{secrets.token_hex(6)}"
