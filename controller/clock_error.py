"""By how much the wall clock may be wrong, as the kernel keeps it for whoever disciplines the clock (NTP)."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

UNSYNCHRONISED_S = 120.0
"""Nobody disciplines the clock. What is further off the service refuses anyhow (stale_question)."""
_TIME_ERROR = 5
_US_PER_S = 1_000_000


class _Times(ctypes.Structure):
    """struct ntptimeval of glibc (sys/timex.h)."""

    _fields_ = (
        ("seconds", ctypes.c_long),
        ("microseconds", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("tai", ctypes.c_long),
        ("reserved", ctypes.c_long * 4),
    )


def kernel_error_s() -> float | None:
    """The most that the clock may be off (ntp_gettime's maxerror); None where this system does not say."""
    try:
        ask: Callable[..., int] = ctypes.CDLL(None).ntp_gettime
    except (OSError, AttributeError):
        return None
    times = _Times()
    state = ask(ctypes.byref(times))
    if state < 0:
        return None
    return UNSYNCHRONISED_S if state == _TIME_ERROR else times.maxerror / _US_PER_S
