"""Fuellings on their way to the server: on disk before they are acknowledged, in order per dispenser, exactly once."""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from controller.errors import Rejected
from controller.outbound.courier import FUELLING, RELEASE, Courier, CourierSettings, balance_senders, fuelling_key
from controller.outbound.outbox import Message, MessageState, OutboxError
from service.books.messages import Answer, Refused
from service.errors import Unavailable
from station.parts import StationParts
from wire.codec import decode, encode
from wire.flags import StationFlag
from wire.fuellings import Fuelling, FuellingReceipt
from wire.offline import OFFLINE_PREFIX, OfflineGrant
from wire.reasons import ErrorCode

log = logging.getLogger(__name__)

SPOKEN = "spoken"
"""A message that a device's next key has spoken for the first time."""
LOOK_EVERY_S = 0.05
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 5.0
"""Between tries of a message that could not be sent."""


@dataclass(frozen=True, slots=True)
class _Put:
    """A fuelling's message. fresh: this call has put it, so whoever reports it still keeps it."""

    message: int
    fresh: bool


class FuellingForwarder:
    """The outbox with its courier. start() and close() it; thread-safe."""

    def __init__(self, parts: StationParts, on_death: Callable[[BaseException], None]) -> None:
        self._upstream = parts.upstream
        self._uplink = parts.uplink
        self._store = parts.store
        self._outbox = parts.store.outbox
        self._settings = parts.settings
        self._woken = threading.Event()
        self.changed: Callable[[], None] = lambda: None
        senders = {FUELLING: self._send_fuelling, RELEASE: self._send_release, SPOKEN: self._send_spoken}
        self.courier = Courier(
            self._outbox,
            senders,
            parts.clock,
            random.Random(),
            CourierSettings(
                deadline_s=parts.settings.message_s, first_wait_s=FIRST_WAIT_S, longest_wait_s=LONGEST_WAIT_S
            ),
            self._on_sent,
            on_death,
            may_send=lambda: self._uplink.state.up,
        )

    def start(self) -> None:
        self.courier.start()

    def close(self) -> None:
        """Idempotent."""
        self.courier.stop()

    def take(self, fuelling: Fuelling) -> Answer:
        """The server's receipt if it comes in time, else a provisional one; either way the fuelling is on disk."""
        try:
            put = self._put(fuelling)
        except OutboxError:
            key = f"dispenser {fuelling.dispenser}, sequence {fuelling.sequence}"
            return Refused(ErrorCode.KEY_REUSED, f"{key} was reported before with other content")
        self.courier.wake()
        message = self._settled(fuelling)
        if message.state is MessageState.SENT and message.receipt is not None:
            return decode(FuellingReceipt, message.receipt)
        if message.state is MessageState.PARKED and put.fresh:
            return self._handed_back(message)
        return _provisional(fuelling)

    def release_later(self, authorisation: str) -> None:
        """Tell the server once it can be reached; the hold expires by itself if that takes too long."""
        self._outbox.put(RELEASE, authorisation, {"authorisation": authorisation})

    def key_spoken(self, key_id: str) -> None:
        """Tell the server that a device's next key is in use. Raises nothing: the device's word counts either way."""
        self.courier.put_soon(SPOKEN, key_id, {"key_id": key_id})

    def _put(self, fuelling: Fuelling) -> _Put:
        """In the outbox and counted against its grant, as one."""
        with self._store.together():
            fresh = self._find(fuelling) is None
            message = self._outbox.put(_kind(fuelling), self._key(fuelling), encode(fuelling))
            if fresh and fuelling.authorisation is not None and self._is_granted(fuelling):
                self._store.grants.fuelled(message, fuelling.authorisation, fuelling.amount_fen)
        return _Put(message, fresh)

    def _is_granted(self, fuelling: Fuelling) -> bool:
        """Whether the fuelling was made under an offline grant of its own lane; another's grant is not used up."""
        authorisation = fuelling.authorisation
        if authorisation is None or not authorisation.startswith(OFFLINE_PREFIX):
            return False
        row = self._store.grants.find(authorisation)
        return row is not None and decode(OfflineGrant, json.loads(row["body"])).lane == fuelling.lane

    def _settled(self, fuelling: Fuelling) -> Message:
        """The message once the server has spoken about it, or as it is when time is up or the line is down."""
        ends_s = time.monotonic() + self._settings.fuelling_wait_s
        while True:
            message = self._find(fuelling)
            if message is None:
                raise Unavailable("the report was handed back to another attempt; send it again")
            left_s = ends_s - time.monotonic()
            if message.state is not MessageState.WAITING or left_s <= 0 or not self._uplink.state.up:
                return message
            time.sleep(min(LOOK_EVERY_S, left_s))

    def _find(self, fuelling: Fuelling) -> Message | None:
        return self._outbox.find(_kind(fuelling), self._key(fuelling))

    def _key(self, fuelling: Fuelling) -> str:
        """Of each lane its own: whose dispenser it is, the server knows; no lane's word takes another's place.

        What a version before kept under dispenser and sequence alone stays there, if it is this lane's.
        """
        kept = self._outbox.find(_kind(fuelling), fuelling_key(fuelling))
        is_own = kept is not None and kept.body.get("lane") == fuelling.lane
        return fuelling_key(fuelling) if is_own else f"{fuelling_key(fuelling)}/{fuelling.lane}"

    def _handed_back(self, message: Message) -> Refused:
        """Refused while the lane unit still waits: it keeps the report, shows it, and may send it again."""
        with self._store.together():
            self._outbox.take_back(message.id)
            self._store.grants.forget_fuelling(message.id)
        return Refused(_code(message.reason), message.last_error or "")

    def _send_fuelling(self, body: Mapping[str, Any], deadline_s: float) -> Mapping[str, Any]:
        """The grant first, so that the server knows what the fuelling was made under."""
        authorisation = body.get("authorisation")
        grant = self._store.grants.find_unsent(authorisation) if isinstance(authorisation, str) else None
        if grant is not None:
            self._store.grants.receipted(
                self._uplink.ask(lambda s: self._upstream.tell_grant(grant, s), deadline_s, only_silence=True)
            )
        send = balance_senders(self._upstream.balance)[FUELLING]
        receipt = self._uplink.ask(lambda s: send(body, s), deadline_s, only_silence=True)
        assert receipt is not None
        return receipt

    def _send_release(self, body: Mapping[str, Any], deadline_s: float) -> None:
        """One the server no longer knows is over as well."""
        send = balance_senders(self._upstream.balance)[RELEASE]
        try:
            self._uplink.ask(lambda s: send(body, s), deadline_s, only_silence=True)
        except Rejected as error:
            if error.reason != ErrorCode.UNKNOWN_AUTHORISATION:
                raise

    def _send_spoken(self, body: Mapping[str, Any], deadline_s: float) -> None:
        """A key that has been revoked meanwhile needs no more telling."""
        key_id = str(body.get("key_id"))
        try:
            self._uplink.ask(lambda s: self._upstream.spoken(key_id, s), deadline_s, only_silence=True, relayed=True)
        except Rejected as error:
            log.info("a key that spoke here is not known to the server any more: %s", error.detail)

    def _on_sent(self, message: Message, _receipt: Mapping[str, Any] | None) -> None:
        self._store.grants.settled(message.id)
        self.changed()


def _kind(fuelling: Fuelling) -> str:
    """Each dispenser has an order of its own."""
    return f"{FUELLING}:{fuelling.dispenser}"


def _code(reason: str | None) -> ErrorCode:
    """What a later version of the server may say, this one calls malformed."""
    return next((code for code in ErrorCode if code.value == reason), ErrorCode.MALFORMED)


def _provisional(fuelling: Fuelling) -> FuellingReceipt:
    return FuellingReceipt(
        dispenser=fuelling.dispenser,
        sequence=fuelling.sequence,
        charged_fen=fuelling.amount_fen,
        captured_fen=0,
        overrun_fen=0,
        released_fen=0,
        balance_fen=None,
        flags=(StationFlag.PROVISIONAL,),
    )
