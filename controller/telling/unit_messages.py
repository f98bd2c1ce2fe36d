"""The unit's own messages as the station sees them: how many wait, which are parked, retry and discard."""

from __future__ import annotations

from collections.abc import Callable

from controller.outbound.outbox import MOST_PARKED, Outbox, parked_message
from wire.live import Order, OrderKind, ParkedMessage


class UnitMessages:
    """damaged: how many damaged state files of this unit lie there."""

    def __init__(
        self, outbox: Outbox, wake_courier: Callable[[], None], damaged: Callable[[], int] = lambda: 0
    ) -> None:
        self._outbox = outbox
        self._wake_courier = wake_courier
        self.damaged = damaged

    def count_waiting(self) -> int:
        return self._outbox.count_waiting()

    def parked(self) -> tuple[ParkedMessage, ...]:
        """The oldest, as many as a status has room for."""
        return tuple(parked_message(m) for m in self._outbox.parked()[:MOST_PARKED])

    def carry_out(self, order: Order) -> bool:
        """Retry or discard; False for an order of another kind. Raises OutboxError, StateError."""
        if order.kind is OrderKind.RETRY and order.message is not None:
            self._outbox.retry(order.message, order.by, order.why)
        elif order.kind is OrderKind.DISCARD and order.message is not None:
            self._outbox.discard(order.message, order.by, order.why)
        else:
            return False
        self._wake_courier()
        return True
