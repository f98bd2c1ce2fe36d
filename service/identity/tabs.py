"""Which entry of a menu a page belongs to, so that it is lit on the pages below it too."""

from __future__ import annotations

from collections.abc import Iterable

HOME = "/"


def tab_of(path: str, tabs: Iterable[str]) -> str | None:
    """The tab whose page it is or below which it lies, the nearest one; nothing lies below the first page."""
    above = [tab for tab in tabs if path == tab or (tab != HOME and path.startswith(f"{tab}/"))]
    return max(above, key=len, default=None)
