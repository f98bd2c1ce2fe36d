"""The questions that loading asks of the database: one constant text each, however many rows are wanted.

A list of keys travels as one parameter, a JSON text, so that each statement is parsed and planned once. With a text
per number of keys, most of a small batch's time went into parsing.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    cast,
    func,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg as postgresql_dialect
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite as sqlite_dialect

from service.books.records import (
    Account,
    AccountKind,
    Authorisation,
    BoundPlate,
    Card,
    DispenserRow,
    Grant,
    PostedFuelling,
    Station,
    TransferKind,
)
from service.books.rows.payer_queries import PayerQueries
from service.store import schema
from service.store.engine.pipeline import Pipeline
from service.store.offline_tables import offline_grants, offline_lists
from service.store.vehicle_tables import vehicles

_POSTGRESQL: Any = postgresql_dialect()  # type: ignore[no-untyped-call]
_SQLITE: Any = sqlite_dialect(paramstyle="named")
_OPEN: Any = literal_column("state = 'open'")
Questions = dict[str, tuple[Select[Any], dict[str, object]]]
"""Statements with their parameters, by name."""


class Queries:
    """All statements for one kind of database; Reader binds their parameters."""

    def __init__(self, sqlite: bool) -> None:
        self._sqlite = sqlite
        questions = select(*_columns(schema.authorisations, Authorisation))
        columns = schema.authorisations.c
        self.by_visit = questions.where(self._one_key((columns.station, columns.visit), "visits"))
        self.by_id = questions.where(self._one_of(columns.id, "ids"))
        still_open = questions.where(_OPEN)
        overdue = still_open.where(columns.expires_us <= bindparam("now_us"))
        self.overdue_anywhere = overdue.order_by(columns.expires_us).limit(bindparam("most"))
        self.open_of_plates = still_open.where(self._among(columns.card, self._cards_of_plates()))
        self.plates = self._plates()
        self.cards = self._by_id(schema.cards, Card)
        self.stations = self._by_id(schema.stations, Station)
        self.dispensers = self._dispensers()
        self.lanes = self._lanes()
        self.accounts = self._locking(self._by_id(schema.accounts, Account), schema.accounts.c.id)
        self.own_accounts = select(*_columns(schema.accounts, Account)).where(self._is_own())
        self.fuellings = self._fuellings()
        self.unauthorised = self._unauthorised()
        self.prices = self._prices()
        known = vehicles.c
        self.tanks = select(known.plate, known.tank_ml).where(
            self._one_of(known.plate, "plates"), known.tank_ml.is_not(None)
        )
        moved = schema.transfers.c
        self.keys = select(moved.key, moved.debit_account, moved.credit_account, moved.amount_fen).where(
            self._one_of(moved.key, "keys")
        )
        self.resolved = select(moved.fuelling_id).where(
            self._one_of(moved.fuelling_id, "ids"),
            or_(moved.kind == TransferKind.CLAIM.value, moved.kind == TransferKind.WRITE_OFF.value),
        )
        self.grants = self._by_id(offline_grants, Grant)
        self.grants_of_visits = self._grants_of_visits()
        listed = offline_lists.c
        self.offline_lists = select(listed.station, listed.version, listed.expires_us).where(
            self._one_of(listed.station, "stations"), self._one_of(listed.version, "versions")
        )
        self.payers = PayerQueries(self._one_of, questions)
        self._texts: dict[Select[Any], tuple[str, dict[str, Any]]] = {}

    def text(self, statement: Select[Any]) -> tuple[str, dict[str, Any]]:
        """The statement as the driver takes it, and the parameters that never change."""
        if statement not in self._texts:
            self._texts[statement] = _text(statement, _SQLITE if self._sqlite else _POSTGRESQL)
        return self._texts[statement]

    @functools.cache  # noqa: B019
    def accounts_ahead(self, kinds: frozenset[str]) -> Select[Any]:
        """The accounts that messages are known to need before anything is read, by the kinds of keys they name."""
        cards, authorised = schema.cards.c, schema.authorisations.c
        by_kind = {
            "plates": [self._cards_of_plates()],
            "ids": [select(authorised.card).where(self._one_of(authorised.id, "ids"))],
            "cards": [select(cards.id).where(self._one_of(cards.id, "cards"))],
        }
        wanted = [query for kind, queries in by_kind.items() if kind in kinds for query in queries]
        of_cards = self._among(cards.id, union_all(*wanted))
        numbers = [select(column).where(of_cards) for column in (cards.account, cards.receivable)]
        if "stations" in kinds:
            stations = schema.stations.c
            named = self._one_of(stations.id, "stations")
            numbers += [select(column).where(named) for column in (stations.revenue_account, stations.suspense_account)]
        if "own" in kinds:
            numbers.append(select(schema.accounts.c.id).where(self._is_own()))
        accounts = select(*_columns(schema.accounts, Account))
        needed = accounts.where(self._among(schema.accounts.c.id, union_all(*numbers)))
        return self._locking(needed, schema.accounts.c.id)

    def _is_own(self) -> ColumnElement[bool]:
        kind = schema.accounts.c.kind
        return or_(kind == AccountKind.CLEARING.value, kind == AccountKind.ADJUSTMENT.value)

    def _cards_of_plates(self) -> Select[Any]:
        return select(schema.plates.c.card).where(self._one_of(schema.plates.c.plate, "plates"))

    def _among(self, tested: Any, query: Any) -> ColumnElement[bool]:
        """Whether a column is among what a query finds; on PostgreSQL in a form that suits the column's index."""
        if self._sqlite:
            return tested.in_(query)  # type: ignore[no-any-return]
        return tested == func.any(func.array(query.scalar_subquery()))  # type: ignore[no-any-return]

    def _one_of(self, tested: Any, name: str) -> ColumnElement[bool]:
        if self._sqlite:
            return tested.in_(text(f"select value from json_each(:{name})"))  # type: ignore[no-any-return]
        kind = "bigint" if isinstance(tested.type, BigInteger) else "text"
        keys = f"array(select cast(value as {kind}) from json_array_elements_text(cast(:{name} as json)))"
        return tested == func.any(text(keys))  # type: ignore[no-any-return]

    def _one_key(self, tested: tuple[Any, ...], name: str) -> ColumnElement[bool]:
        """As _one_of for a key of several columns: a JSON list of lists, each looked up by itself."""
        if self._sqlite:
            parts = [f"json_extract(value, '$[{number}]')" for number in range(len(tested))]
            return tuple_(*tested).in_(text(f"select {', '.join(parts)} from json_each(:{name})"))
        parts = [
            f"cast(value->>{number} as {'bigint' if isinstance(column.type, BigInteger) else 'text'})"
            for number, column in enumerate(tested)
        ]
        keys = f"select {', '.join(parts)} from json_array_elements(cast(:{name} as json))"
        return tuple_(*tested).in_(text(keys))

    def _by_id(self, table: Any, record: type) -> Select[Any]:
        return select(*_columns(table, record)).where(self._one_of(table.c.id, "ids"))

    def _grants_of_visits(self) -> Select[Any]:
        """By the visit alone, which has an index: with the station SQLite goes through all grants of the station."""
        return select(*_columns(offline_grants, Grant)).where(self._one_of(offline_grants.c.visit, "visits"))

    def _locking(self, statement: Select[Any], *order: Any) -> Select[Any]:
        return statement.order_by(*order).with_for_update(key_share=True, of=order[0].table)

    def _dispensers(self) -> Select[Any]:
        columns = schema.dispensers.c
        named = select(*_columns(schema.dispensers, DispenserRow))
        named = named.where(self._one_key((columns.station, columns.id), "dispensers"))
        return self._locking(named, columns.station, columns.id)

    def _lanes(self) -> Select[Any]:
        bound = schema.dispenser_lanes.c
        named = select(bound.station, bound.dispenser, bound.lane)
        return named.where(self._one_key((bound.station, bound.dispenser), "dispensers"))

    def _plates(self) -> Select[Any]:
        """A plate's columns, then its card's."""
        cards = [column.label(f"card_{column.name}") for column in _columns(schema.cards, Card)]
        both = schema.plates.outerjoin(schema.cards)
        statement = select(*_columns(schema.plates, BoundPlate), *cards).select_from(both)
        return statement.where(self._one_of(schema.plates.c.plate, "plates"))

    def _fuellings(self) -> Select[Any]:
        columns = schema.fuellings.c
        key = (columns.station, columns.dispenser, columns.sequence)
        return select(*_columns(schema.fuellings, PostedFuelling)).where(self._one_key(key, "fuellings"))

    def _unauthorised(self) -> Select[Any]:
        """What each card was charged at each station since then without an authorisation."""
        columns = schema.fuellings.c
        total = func.sum(columns.unauthorised_fen)
        charged = text("unauthorised_fen > 0")
        found = select(columns.station, columns.card, total if self._sqlite else cast(total, BigInteger))
        found = found.where(self._one_of(columns.card, "cards"), columns.received_us >= bindparam("since_us"), charged)
        return found.group_by(columns.station, columns.card)

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


def _text(statement: Select[Any], dialect: Any) -> tuple[str, dict[str, Any]]:
    """The statement as the driver takes it, and the parameters that never change."""
    compiled = statement.compile(dialect=dialect)
    return str(compiled), {name: value for name, value in compiled.params.items() if value is not None}


_BY_DIALECT = {"sqlite": Queries(sqlite=True), "postgresql": Queries(sqlite=False)}


@functools.cache
def _joined(asked: tuple[tuple[str, Select[Any]], ...]) -> str:
    """One statement for PostgreSQL that answers several: a column each, with the rows as lists in a JSON list."""
    parts = []
    for name, statement in asked:
        names = ", ".join(f"c{number}" for number in range(len(statement.selected_columns)))
        own = _BY_DIALECT["postgresql"].text(statement)[0].replace("%(", f"%({name}_")
        parts.append(f"(select coalesce(json_agg(json_build_array({names})), '[]') from ({own}) as q({names}))")
    return f"select {', '.join(parts)}"


class Reader:
    """Asks on one connection, past SQLAlchemy, straight to the driver.

    The driver's own errors come out; Database.writing() translates them.
    """

    def __init__(self, connection: Connection) -> None:
        self.sqlite = connection.dialect.name == "sqlite"
        self.queries = _BY_DIALECT[connection.dialect.name]
        self._driver: Any = connection.connection.driver_connection
        self._pipeline = None if self.sqlite else Pipeline(connection)

    def rows(self, statement: Select[Any], **parameters: object) -> Sequence[Any]:
        """The rows of one statement. SQLite's truths are 0 and 1."""
        return self.together({"rows": (statement, parameters)})["rows"]

    def together(self, asked: Questions, locks: Questions | None = None) -> dict[str, Sequence[Any]]:
        """The rows by name; a set of keys is bound as a JSON list.

        On PostgreSQL everything is one message: first what locks, then the rest as one statement, which so sees what
        the locks waited for.
        """
        locks = locks or {}
        if self._pipeline is None:
            return {name: self._sqlite_rows(*question) for name, question in {**locks, **asked}.items()}
        for statement, parameters in locks.values():
            text, constants = self.queries.text(statement)
            self._pipeline.add(text, {**constants, **_bound(parameters)})
        if asked:
            self._pipeline.add(*self._joined(asked))
        if not locks and not asked:
            return {}
        answers = self._pipeline.send()
        found: dict[str, Sequence[Any]] = dict(zip(locks, answers, strict=False))
        if asked:
            found.update(zip(asked, answers[-1][0], strict=True))
        return found

    def _sqlite_rows(self, statement: Select[Any], parameters: dict[str, object]) -> Sequence[Any]:
        text, constants = self.queries.text(statement)
        return self._driver.execute(text, {**constants, **_bound(parameters)}).fetchall()  # type: ignore[no-any-return]

    def _joined(self, asked: Questions) -> tuple[str, dict[str, object]]:
        bound: dict[str, object] = {}
        for name, (statement, parameters) in asked.items():
            own = {**self.queries.text(statement)[1], **_bound(parameters)}
            bound |= {f"{name}_{parameter}": value for parameter, value in own.items()}
        return _joined(tuple((name, statement) for name, (statement, _) in asked.items())), bound


def _bound(parameters: dict[str, object]) -> dict[str, object]:
    return {name: json.dumps(sorted(v)) if isinstance(v, set) else v for name, v in parameters.items()}
