"""Messages for the balance service, kept on disk until it has taken them."""

from __future__ import annotations

import enum
import json
import logging
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from controller.outbound.statefile import StateError, StateFile
from controller.ports import Clock
from wire.errors import GreenlaneError
from wire.live import ParkedMessage

log = logging.getLogger(__name__)

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS message (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        body TEXT NOT NULL CHECK (json_valid(body)),
        state TEXT NOT NULL CHECK (state IN ('waiting', 'parked', 'sent', 'discarded')),
        queued_at TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        last_error TEXT,
        reason TEXT,
        settled_at TEXT,
        receipt TEXT CHECK (receipt IS NULL OR json_valid(receipt)),
        UNIQUE (kind, key)
    )""",
    "CREATE INDEX IF NOT EXISTS message_by_state ON message (state, kind, id)",
    """CREATE TABLE IF NOT EXISTS message_action (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        message INTEGER NOT NULL,
        action TEXT NOT NULL,
        who TEXT NOT NULL,
        why TEXT NOT NULL,
        at TEXT NOT NULL
    )""",
)


MOST_PARKED = 20
"""Parked messages that pages are told of (wire.live.LaneStatus)."""


class OutboxError(GreenlaneError):
    """A message was handled in a way it must not be; str() says why."""


class MessageState(enum.StrEnum):
    """WAITING is tried until it is taken; PARKED needs a person; SENT and DISCARDED are done."""

    WAITING = "waiting"
    PARKED = "parked"
    SENT = "sent"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `reason` is the service's code for a parked one; `receipt` its answer to a sent one."""

    id: int
    kind: str
    key: str
    body: Mapping[str, Any]
    state: MessageState
    queued_at: datetime
    attempts: int
    last_error: str | None
    reason: str | None
    settled_at: datetime | None
    receipt: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class MessageAction:
    """What a person did with a parked message. kind, key: None once the message itself is forgotten."""

    message: int
    action: str
    who: str
    why: str
    at: datetime
    kind: str | None
    key: str | None


class Outbox:
    """The queue in a state file. Thread-safe; a method that raises StateError has done nothing."""

    def __init__(self, state: StateFile, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        state.ensure(SCHEMA)
        if state.is_owner:
            self._mend_times()

    def put(self, kind: str, key: str, body: Mapping[str, Any]) -> int:
        """Store a message; it is on the disk when this returns its id. Inside a transaction it joins that.

        The same kind, key and body again is the same message. Raises OutboxError for another body under the same key.
        """
        text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        with self._state.transaction() as connection:
            known = connection.execute(
                "SELECT id, body FROM message WHERE kind = ? AND key = ?", (kind, key)
            ).fetchone()
            if known is not None:
                if known["body"] != text:
                    raise OutboxError(f"{kind} {key}: already stored with other content")
                return int(known["id"])
            cursor = connection.execute(
                "INSERT INTO message (kind, key, body, state, queued_at) VALUES (?, ?, ?, 'waiting', ?)",
                (kind, key, text, self._now()),
            )
            return int(cursor.lastrowid or 0)

    def waiting_kinds(self) -> tuple[str, ...]:
        """The kinds that have a message waiting."""
        rows = self._state.rows("SELECT DISTINCT kind FROM message WHERE state = 'waiting' ORDER BY kind")
        return tuple(row["kind"] for row in rows)

    def head(self, kind: str) -> Message | None:
        """The message of this kind that must go next."""
        found = self._select("state = 'waiting' AND kind = ? ORDER BY id LIMIT 1", kind)
        return found[0] if found else None

    def waiting(self) -> tuple[Message, ...]:
        """All messages not yet taken, oldest first."""
        return self._select("state = 'waiting' ORDER BY id")

    def count_waiting(self) -> int:
        """How many messages are not yet taken."""
        return int(self._state.rows("SELECT count(*) AS many FROM message WHERE state = 'waiting'")[0]["many"])

    def parked(self) -> tuple[Message, ...]:
        """All messages that the service refused for good and nobody has dealt with, oldest first."""
        return self._select("state = 'parked' ORDER BY id")

    def find(self, kind: str, key: str) -> Message | None:
        """The message under this key, whatever its state."""
        found = self._select("kind = ? AND key = ?", kind, key)
        return found[0] if found else None

    def actions(self, message: int) -> tuple[MessageAction, ...]:
        """What people did with this message, oldest first."""
        return self._actions("WHERE a.message = ? ORDER BY a.id", message)

    def newest_actions(self, limit: int) -> tuple[MessageAction, ...]:
        """What people did with any message, newest first."""
        return self._actions("ORDER BY a.id DESC LIMIT ?", limit)

    def sent(self, message: int, receipt: Mapping[str, Any] | None) -> None:
        """The service took it."""
        text = None if receipt is None else json.dumps(receipt, ensure_ascii=False)
        self._settle(message, MessageState.SENT, receipt=text)

    def park(self, message: int, reason: str, detail: str) -> None:
        """The service will never take it; the rest goes on."""
        self._settle(message, MessageState.PARKED, reason=reason, error=detail)

    def failed(self, message: int, error: str) -> None:
        """One attempt failed; the message keeps waiting."""
        with self._state.transaction() as connection:
            connection.execute(
                "UPDATE message SET attempts = attempts + 1, last_error = ? WHERE id = ? AND state = 'waiting'",
                (error[:300], message),
            )

    def retry(self, message: int, who: str, why: str = "") -> None:
        """Let a parked message go again, in its old place in the order. Raises OutboxError when it is not parked."""
        self._act(message, MessageState.WAITING, "retry", who, why)

    def discard(self, message: int, who: str, why: str) -> None:
        """Give a parked message up, with a name and a reason. Raises OutboxError when it is not parked."""
        if not who.strip() or not why.strip():
            raise OutboxError(f"message {message}: discarding needs a name and a reason")
        self._act(message, MessageState.DISCARDED, "discard", who, why)

    def take_back(self, message: int) -> None:
        """Forget a parked message: whoever put it has been told of the refusal and keeps it instead."""
        with self._state.transaction() as connection:
            connection.execute("DELETE FROM message WHERE id = ? AND state = 'parked'", (message,))

    def forget_sent(self, before: datetime) -> int:
        """Delete sent messages settled before this time; returns how many. Parked and discarded ones stay."""
        with self._state.transaction() as connection:
            cursor = connection.execute(
                "DELETE FROM message WHERE state = 'sent' AND settled_at < ?", (before.isoformat(),)
            )
            return cursor.rowcount

    def _mend_times(self) -> None:
        """What can't be read as a time is now, and the message goes on."""
        for table, column in (("message", "queued_at"), ("message", "settled_at"), ("message_action", "at")):
            for row in self._state.rows(f"SELECT id, {column} FROM {table} WHERE {column} IS NOT NULL"):
                try:
                    _time(row, column)
                except StateError as error:
                    log.warning("%s; it is now from now on", error)
                    with self._state.transaction() as connection:
                        connection.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (self._now(), row["id"]))

    def _settle(
        self,
        message: int,
        state: MessageState,
        *,
        reason: str | None = None,
        error: str | None = None,
        receipt: str | None = None,
    ) -> None:
        with self._state.transaction() as connection:
            connection.execute(
                "UPDATE message SET state = ?, attempts = attempts + 1, reason = ?, last_error = ?, receipt = ?,"
                " settled_at = ? WHERE id = ? AND state = 'waiting'",
                (state.value, reason, error, receipt, self._now(), message),
            )

    def _act(self, message: int, state: MessageState, action: str, who: str, why: str) -> None:
        with self._state.transaction() as connection:
            changed = connection.execute(
                "UPDATE message SET state = ? WHERE id = ? AND state = 'parked'", (state.value, message)
            ).rowcount
            if changed != 1:
                raise OutboxError(f"message {message}: not one that was refused for good")
            connection.execute(
                "INSERT INTO message_action (message, action, who, why, at) VALUES (?, ?, ?, ?, ?)",
                (message, action, who, why, self._now()),
            )

    def _actions(self, which: str, number: int) -> tuple[MessageAction, ...]:
        query = f"SELECT a.*, m.kind, m.key FROM message_action a LEFT JOIN message m ON m.id = a.message {which}"
        return tuple(
            MessageAction(r["message"], r["action"], r["who"], r["why"], _time(r, "at"), r["kind"], r["key"])
            for r in self._state.rows(query, (number,))
        )

    def _select(self, where: str, *parameters: object) -> tuple[Message, ...]:
        return tuple(_message(row) for row in self._state.rows(f"SELECT * FROM message WHERE {where}", parameters))

    def _now(self) -> str:
        return self._clock.now().isoformat()


def _time(row: sqlite3.Row, column: str) -> datetime:
    """A damaged file may hold anything, until its owner has opened it. Raises StateError."""
    try:
        time = datetime.fromisoformat(row[column])
        time.astimezone(UTC)
        return time.replace(tzinfo=time.tzinfo or UTC)
    except (TypeError, ValueError, OverflowError):
        raise StateError(f"row {row['id']} of the outbox: {column} is not a time: {row[column]!r:.80}") from None


def _message(row: sqlite3.Row) -> Message:
    return Message(
        id=row["id"],
        kind=row["kind"],
        key=row["key"],
        body=json.loads(row["body"]),
        state=MessageState(row["state"]),
        queued_at=_time(row, "queued_at"),
        attempts=row["attempts"],
        last_error=row["last_error"],
        reason=row["reason"],
        settled_at=_time(row, "settled_at") if row["settled_at"] else None,
        receipt=json.loads(row["receipt"]) if row["receipt"] else None,
    )


def parked_message(message: Message) -> ParkedMessage:
    """A parked message as pages show it."""
    return ParkedMessage(
        id=message.id,
        kind=message.kind[:20],
        key=message.key[:120],
        reason=(message.reason or "unknown")[:40],
        detail="".join(c for c in (message.last_error or "")[:300] if c.isprintable()),
        queued_at=message.queued_at,
    )
