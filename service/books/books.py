"""Carries out messages on the books: each batch is one transaction, decided in memory and written at once.

A batch shares one commit, and so one write to the disk. Within it the messages are decided one after another, each
seeing what the earlier ones did. A conflict with another worker or a lost connection is answered by doing the batch
again: every message carries its own key, so that a second attempt finds what the first one wrote.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from service.books.batch_state import BatchState
from service.books.decisions import authorisation, fuelling
from service.books.decisions import cash as till
from service.books.decisions import offline_grants as grants
from service.books.messages import (
    Answer,
    Ask,
    Claim,
    Correct,
    Done,
    Message,
    Refund,
    Refused,
    Reject,
    Release,
    Renew,
    Report,
    Sweep,
    TakeGrant,
    TopUp,
    WriteOff,
)
from service.books.records import RejectedMessage
from service.books.rows.loading import load
from service.books.rows.writing import write
from service.books.settings import BookSettings
from service.errors import LedgerError, ServiceError, Unavailable
from service.live.changes import count_change, person_topic
from service.store.clock import WallClock, to_us
from service.store.database import Database, fault_of, worth_retrying
from service.store.ids import IdMaker
from wire.codec import encode

ATTEMPTS = 8
"""A conflict needs another worker that committed, so each attempt is somebody's progress."""

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")


class _Undone(ServiceError):
    """The message posted nothing, and what was written beside it is undone."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(str(answer))
        self.answer = answer


class Books:
    """The books of one database. Safe between threads: each batch is a transaction of its own."""

    def __init__(self, database: Database, clock: WallClock, settings: BookSettings | None = None) -> None:
        self.database = database
        self.clock = clock
        self.settings = settings or BookSettings()
        self.ids = IdMaker()

    def carry_out(self, messages: Sequence[Message]) -> list[Answer]:
        """The answers in the order of the messages, all committed.

        Raises Unavailable when the database cannot be used now, LedgerError when it refused a posting for good; with
        nothing half done. After Unavailable the messages may be sent again.
        """
        return self._attempts(lambda: self._once(messages))

    def carry_out_one(self, message: Message) -> Answer:
        """As carry_out, for a single message."""
        return self.carry_out([message])[0]

    def carry_out_beside(self, message: Message, beside: Callable[[Connection], None]) -> Answer:
        """A message and what `beside` writes first, in one transaction: refused, or a repeat, neither is written.

        What `beside` raises undoes it too. It may be called again, where the transaction is.
        """
        try:
            return self._attempts(lambda: self._once_beside(message, beside))
        except _Undone as undone:
            return undone.answer

    def _attempts(self, transaction: Callable[[], _T]) -> _T:
        for _ in range(ATTEMPTS - 1):
            try:
                return transaction()
            except DBAPIError as error:
                if not worth_retrying(error):
                    raise _final(error) from error
                _LOG.info("transaction tried again: %s", fault_of(error))
                self.ids.redraw()
        try:
            return transaction()
        except DBAPIError as error:
            raise _final(error) from error

    def _once(self, messages: Sequence[Message]) -> list[Answer]:
        with self.database.batch() as connection:
            return self._transact(connection, messages)

    def _once_beside(self, message: Message, beside: Callable[[Connection], None]) -> Answer:
        with self.database.batch(opens=True) as connection:
            beside(connection)
            return self._transact(connection, [message], undoes=True)[0]

    def _transact(self, connection: Connection, messages: Sequence[Message], undoes: bool = False) -> list[Answer]:
        """undoes: a refusal, or a repeat, ends the transaction before anything of it stays."""
        batch_state = load(connection, messages, self.settings, self.ids, to_us(self.clock.now()))
        answers = [_decide(message, batch_state) for message in messages]
        for answer in answers:
            if undoes and (isinstance(answer, Refused) or getattr(answer, "repeated", False)):
                raise _Undone(answer)
        write(connection, batch_state)
        _tell_persons(connection, batch_state)
        return answers


def _tell_persons(connection: Connection, batch_state: BatchState) -> None:
    """Their phones' pages look again: after what was written, and on PostgreSQL after its commit."""
    persons = {
        a.person for a in (*batch_state.new_authorisations, *batch_state.changed.values()) if a.person is not None
    }
    persons |= {charge.person for charge in batch_state.payers.new_charges}
    if persons:
        count_change(connection, *(person_topic(person) for person in persons))


def _final(error: DBAPIError) -> Unavailable | LedgerError:
    """What a message is answered with: a fault of the database passes, a value it will not take never does."""
    if isinstance(error, IntegrityError | DataError | ProgrammingError):
        return LedgerError(f"database: {fault_of(error)}")
    return Unavailable(f"database: {fault_of(error)}")


def _decide(message: Message, batch_state: BatchState) -> Answer:
    match message:
        case Ask():
            return authorisation.ask(message, batch_state)
        case Renew():
            return authorisation.renew(message, batch_state)
        case Release():
            return authorisation.release(message, batch_state)
        case Report():
            answer = fuelling.report(message, batch_state)
            if isinstance(answer, Refused) and message.keeps:
                _keep_rejected(message, answer, batch_state)
            return answer
        case Reject(code, detail, body):
            _keep(batch_state, Refused(code, detail), body)
            return Done()
        case TakeGrant():
            return grants.take(message, batch_state)
        case Sweep(most):
            return Done(count=batch_state.expire_overdue(most=most))
    return _decide_till(message, batch_state)


def _decide_till(message: Message, batch_state: BatchState) -> Answer:
    match message:
        case Refund():
            return till.refund(message, batch_state)
        case Correct():
            return till.correct(message, batch_state)
        case Claim():
            return till.claim(message, batch_state)
        case WriteOff():
            return till.write_off(message, batch_state)
        case TopUp():
            return till.top_up(message, batch_state)
    raise LedgerError(f"no rule for {type(message).__name__}")


def _keep_rejected(message: Report, refused: Refused, batch_state: BatchState) -> None:
    body = json.dumps(encode(message.fuelling), ensure_ascii=False, sort_keys=True)
    fuelled = message.fuelling
    _keep(batch_state, refused, body, fuelled.station, fuelled.dispenser, fuelled.sequence)


def _keep(
    batch_state: BatchState,
    refused: Refused,
    body: str,
    station: str | None = None,
    dispenser: str | None = None,
    sequence: int | None = None,
) -> None:
    batch_state.rejected.append(
        RejectedMessage(
            id=batch_state.ids.next(batch_state.now_us),
            at_us=batch_state.now_us,
            code=refused.code.value,
            detail=refused.detail,
            station=station,
            dispenser=dispenser,
            sequence=sequence,
            digest=hashlib.sha256(body.encode()).hexdigest(),
            body=body,
        )
    )
