"""What an operator changes, each change in one transaction with the line that says who made it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, select

from service.books.books import Books
from service.books.messages import Message, Refused
from service.books.records import AccountKind
from service.errors import AdminError
from service.identity import trail
from service.store import schema
from service.store.clock import to_us
from service.store.database import telling_faults
from wire.money import MAX_FEN


@dataclass(frozen=True, slots=True)
class RecordedChanges:
    """Of one operator, `actor`, in these books."""

    books: Books
    actor: str

    @contextmanager
    def change(self, action: str, subject: str, detail: Mapping[str, Any]) -> Iterator[Connection]:
        """A transaction with its line in the trail, written last, so that detail may be added to on the way."""
        now = self.books.clock.now()
        with telling_faults(), self.books.database.writing() as connection:
            yield connection
            trail.note(connection, trail.TrailEntry(now, self.actor, action, subject, detail))

    def open_account(self, connection: Connection, kind: AccountKind, owner: str) -> int:
        """The number of a new account."""
        number = self.books.ids.next(to_us(self.books.clock.now()))
        connection.execute(schema.accounts.insert().values(id=number, kind=kind.value, owner=owner))
        return number

    def post(self, message: Message) -> bool:
        """Money goes through the books like every other message. False when its key was posted before."""
        answer = self.books.carry_out_one(message)
        if isinstance(answer, Refused):
            raise AdminError(answer.detail)
        return not getattr(answer, "repeated", False)


def exists(connection: Connection, table: Table, name: str) -> bool:
    return connection.execute(select(1).select_from(table).where(table.c.id == name)).first() is not None


def require_amount(amount_fen: int) -> None:
    if not 0 < amount_fen <= MAX_FEN:
        raise AdminError("an amount must be above 0 and below ten billion yuan")


def require_cap(cap_fen: int) -> None:
    if not 0 <= cap_fen <= MAX_FEN:
        raise AdminError("a cap must be between 0 and ten billion yuan")
