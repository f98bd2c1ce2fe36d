"""The questions that loading asks of the database: one constant text each, however many rows are wanted.

A list of keys travels as one parameter (an array on PostgreSQL, a JSON text on SQLite), so that each statement is
parsed and planned once. With a text per number of keys, most of a small batch's time went into parsing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    String,
    Text,
    and_,
    bindparam,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg as postgresql_dialect

from service import schema
from service.records import (
    Account,
    AccountKind,
    Authorisation,
    BoundPlate,
    Card,
    Dispenser,
    PostedFuelling,
    Station,
    TransferKind,
)

_POSTGRESQL: Any = postgresql_dialect()  # type: ignore[no-untyped-call]
_OPEN: Any = literal_column("state = 'open'")


class Queries:
    """All statements for one kind of database; Reader binds their parameters."""

    def __init__(self, sqlite: bool) -> None:
        self._sqlite = sqlite
        questions = select(*_columns(schema.authorisations, Authorisation))
        columns = schema.authorisations.c
        self.by_visit = questions.where(self._one_of(columns.visit, "visits"))
        self.by_id = questions.where(self._one_of(columns.id, "ids"))
        overdue = questions.where(_OPEN, columns.expires_us <= bindparam("now_us"))
        self.overdue_anywhere = overdue.order_by(columns.expires_us).limit(bindparam("most"))
        self.overdue_of_cards = overdue.where(self._one_of(columns.card, "cards"))
        self.plates = self._plates()
        self.cards = self._by_id(schema.cards, Card)
        self.stations = self._by_id(schema.stations, Station)
        self.dispensers = self._locking(self._by_id(schema.dispensers, Dispenser), schema.dispensers.c.id)
        self.accounts = self._locking(self._by_id(schema.accounts, Account), schema.accounts.c.id)
        self.own_accounts = select(*_columns(schema.accounts, Account)).where(
            schema.accounts.c.kind.in_([AccountKind.CLEARING.value, AccountKind.ADJUSTMENT.value])
        )
        self.fuellings = self._fuellings()
        self.prices = self._prices()
        moved = schema.transfers.c
        self.keys = select(moved.key, moved.debit_account, moved.credit_account, moved.amount_fen).where(
            self._one_of(moved.key, "keys")
        )
        self.claims = select(moved.fuelling_id).where(
            self._one_of(moved.fuelling_id, "ids"), moved.kind == TransferKind.CLAIM.value
        )
        self.texts = {} if sqlite else {s: _text(s) for s in vars(self).values() if isinstance(s, Select)}

    def _one_of(self, tested: Any, name: str) -> ColumnElement[bool]:
        if self._sqlite:
            rows = func.json_each(bindparam(name, type_=Text)).table_valued("value")
            return tested.in_(select(rows.c.value))  # type: ignore[no-any-return]
        kind = BigInteger if isinstance(tested.type, BigInteger) else String
        return tested == func.any(bindparam(name, type_=ARRAY(kind)))  # type: ignore[no-any-return]

    def _by_id(self, table: Any, record: type) -> Select[Any]:
        return select(*_columns(table, record)).where(self._one_of(table.c.id, "ids"))

    def _locking(self, statement: Select[Any], order: Any) -> Select[Any]:
        return statement.order_by(order).with_for_update(key_share=True)

    def _plates(self) -> Select[Any]:
        """A plate's columns, then its card's."""
        cards = [column.label(f"card_{column.name}") for column in _columns(schema.cards, Card)]
        both = schema.plates.outerjoin(schema.cards)
        statement = select(*_columns(schema.plates, BoundPlate), *cards).select_from(both)
        return statement.where(self._one_of(schema.plates.c.plate, "plates"))

    def _fuellings(self) -> Select[Any]:
        """By names of dispensers and by sequences; the caller drops the pairs it did not ask for."""
        columns = schema.fuellings.c
        return select(*_columns(schema.fuellings, PostedFuelling)).where(
            and_(self._one_of(columns.dispenser, "names"), self._one_of(columns.sequence, "sequences"))
        )

    def _prices(self) -> Select[Any]:
        """Prices in force since the oldest start of a batch: the newest before it, and all after."""
        older, columns = schema.prices.alias("older"), schema.prices.c
        newest = (
            select(func.max(older.c.since_us))
            .where(
                older.c.station == columns.station,
                older.c.product == columns.product,
                older.c.since_us <= bindparam("oldest_us"),
            )
            .scalar_subquery()
        )
        return (
            select(schema.prices)
            .where(self._one_of(columns.station, "ids"), columns.since_us >= func.coalesce(newest, 0))
            .order_by(columns.since_us)
        )


def _columns(table: Any, record: type) -> list[Any]:
    """The table's columns in the order of the record's fields."""
    return [table.c[name] for name in record.__slots__]  # type: ignore[attr-defined]


def _text(statement: Select[Any]) -> tuple[str, dict[str, Any]]:
    """The statement as PostgreSQL's driver takes it, and the parameters that never change."""
    compiled = statement.compile(dialect=_POSTGRESQL, compile_kwargs={"render_postcompile": True})
    return str(compiled), {name: value for name, value in compiled.params.items() if value is not None}


_BY_DIALECT = {"sqlite": Queries(sqlite=True), "postgresql": Queries(sqlite=False)}


class Reader:
    """Asks on one connection; on PostgreSQL past SQLAlchemy, straight to the driver.

    Within pipeline() PostgreSQL's answers are waited for when rows are read, not when they are asked for: what is asked
    together costs one round trip. The driver's own errors come out; Database.writing() translates them.
    """

    def __init__(self, connection: Connection) -> None:
        self.sqlite = connection.dialect.name == "sqlite"
        self.queries = _BY_DIALECT[connection.dialect.name]
        self._connection = connection
        self._driver: Any = connection.connection.driver_connection

    def pipeline(self) -> AbstractContextManager[object]:
        """Several questions on their way at once, where the database can."""
        return nullcontext() if self.sqlite else self._driver.pipeline()

    def rows(self, statement: Select[Any], **parameters: object) -> Iterable[Any]:
        """The rows as tuples, to be read once; a set of keys is bound as a sorted list."""
        for name, value in parameters.items():
            if isinstance(value, set):
                parameters[name] = json.dumps(sorted(value)) if self.sqlite else sorted(value)
        if self.sqlite:
            return self._connection.execute(statement, parameters)
        text, constants = self.queries.texts[statement]
        cursor = self._driver.cursor()
        cursor.execute(text, {**constants, **parameters})
        return cursor  # type: ignore[no-any-return]
