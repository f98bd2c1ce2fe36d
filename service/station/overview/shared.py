"""One rendering of a changing view, shared by all pages that show it: made once per change, however many ask."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass

SHARE_OF_TIME = 0.1
"""A view that is asked for again and again takes no more of the process's time than this."""
SHORTEST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
MOST_KEPT = 100


@dataclass(frozen=True, slots=True)
class Rendering:
    """text shows everything up to the change `number`, and stays true for fresh_s if nothing else changes."""

    number: int
    text: str
    fresh_s: float


@dataclass(slots=True)
class _Kept:
    rendering: Rendering
    made_s: float
    took_s: float

    def left_s(self, now_s: float) -> float:
        """How long it stays true by time alone."""
        return self.made_s + self.rendering.fresh_s - now_s


class SharedViews:
    """Renderings by key, for one event loop."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, _Kept] = {}
        self._making: dict[Hashable, asyncio.Task[None]] = {}

    async def get(self, key: Hashable, number: int, render: Callable[[], Awaitable[Rendering]]) -> Rendering:
        """A rendering of at least this change, with what is left of its fresh_s. What render raises is passed on."""
        loop = asyncio.get_running_loop()
        while True:
            kept = self._kept.get(key)
            if kept is not None and kept.rendering.number >= number and kept.left_s(loop.time()) > 0:
                return Rendering(kept.rendering.number, kept.rendering.text, kept.left_s(loop.time()))
            making = self._making.get(key)
            if making is None:
                making = self._making[key] = loop.create_task(self._make(key, render))
            await asyncio.shield(making)

    async def _make(self, key: Hashable, render: Callable[[], Awaitable[Rendering]]) -> None:
        loop = asyncio.get_running_loop()
        try:
            last = self._kept.get(key)
            if last is not None:
                pause_s = min(max(last.took_s / SHARE_OF_TIME, SHORTEST_PAUSE_S), LONGEST_PAUSE_S)
                await asyncio.sleep(last.made_s + pause_s - loop.time())
            started_s = loop.time()
            rendering = await render()
            if len(self._kept) >= MOST_KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept.pop(key, None)
            self._kept[key] = _Kept(rendering, started_s, loop.time() - started_s)
        finally:
            del self._making[key]
