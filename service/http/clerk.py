"""Who answers the routes: the batch worker on books of its own, or a station's central control that asks the server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from service.books.messages import Answer, Message
from wire.fuellings import Price


class Clerk(Protocol):
    """start() before use, close() when done; carry_out() belongs to one event loop. All raise Unavailable."""

    def start(self) -> None: ...

    def close(self) -> None: ...

    async def carry_out(self, message: Message) -> Answer:
        """The answer, durable. A refusal is a value."""

    def prices(self, station: str) -> Sequence[Price] | None:
        """A station's prices now; None for an unknown station. May block."""

    def health(self) -> dict[str, Any]:
        """What /healthz says beside "ok". May block; raises Unavailable when nothing can be answered."""
