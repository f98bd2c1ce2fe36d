"""Time zones as people name them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

_OF_ONE_MACHINE = {"localtime", "posixrules", "Factory"}
_TWICE = ("posix/", "right/")
"""Folders with every zone once more; those of right/ count leap seconds, and are half a minute off."""


def is_zone(name: str) -> bool:
    """Whether this machine knows a time zone of that name, and others mean the same hours by it."""
    if name in _OF_ONE_MACHINE or name.startswith(_TWICE):
        return False
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True
