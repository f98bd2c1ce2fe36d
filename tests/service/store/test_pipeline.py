"""Several statements in one message to PostgreSQL: order, transaction, values, and what is left after an error."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

from service.store.database import Database
from service.store.engine.pipeline import Pipeline
from tests.service.postgres import Cluster

pytestmark = pytest.mark.database
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))


@pytest.fixture(scope="module")
def database(cluster: Cluster) -> Iterator[Database]:
    made = Database(cluster.database())
    with made.writing() as connection:
        connection.exec_driver_sql("create table things (id bigint primary key, name text not null)")
    yield made
    made.close()


def _add(pipeline: Pipeline, number: int, name: str) -> None:
    pipeline.add("insert into things (id, name) values (%(id)s, %(name)s)", {"id": number, "name": name})


def _names(connection: Connection) -> list[str]:
    pipeline = Pipeline(connection)
    pipeline.add("select name from things order by id", {})
    return [name for (name,) in pipeline.send()[0]]


def test_a_transaction_begins_with_the_first_message_and_ends_with_the_commit(database: Database) -> None:
    with database.batch() as connection, database.batch() as other:
        pipeline = Pipeline(connection)
        _add(pipeline, 1, "one")
        _add(pipeline, 2, "two")
        pipeline.add("select count(*) from things where id < %(id)s", {"id": 3})
        assert pipeline.send() == [[(2,)]]
        assert _names(other) == []
        _add(pipeline, 3, "three")
        assert pipeline.send(commit=True) == []
    with database.batch() as connection:
        assert _names(connection) == ["one", "two", "three"]


def test_what_reads_after_a_lock_sees_what_the_lock_waited_for(database: Database) -> None:
    with database.batch() as holder:
        pipeline = Pipeline(holder)
        _add(pipeline, 20, "before")
        pipeline.send(commit=True)
        pipeline.add("select 1 from things where id = %(id)s for no key update", {"id": 20})
        pipeline.send()
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(_lock_and_read, database)
            with pytest.raises(TimeoutError):
                waiting.result(0.3)
            pipeline.add("update things set name = %(name)s where id = %(id)s", {"id": 20, "name": "after"})
            _add(pipeline, 21, "new")
            pipeline.send(commit=True)
            assert waiting.result(10) == ["after", "new"]


def _lock_and_read(database: Database) -> list[str]:
    with database.batch() as connection:
        pipeline = Pipeline(connection)
        pipeline.add("select 1 from things where id = %(id)s for no key update", {"id": 20})
        pipeline.add("select name from things where id >= %(id)s and id < 30 order by id", {"id": 20})
        return [name for (name,) in pipeline.send()[1]]


def test_what_was_sent_without_a_commit_is_undone_by_an_error(database: Database) -> None:
    def twice(connection: Connection) -> None:
        pipeline = Pipeline(connection)
        _add(pipeline, 10, "ten")
        pipeline.send()
        _add(pipeline, 10, "again")
        pipeline.send(commit=True)

    with pytest.raises(IntegrityError), database.batch() as connection:
        twice(connection)
    with database.batch() as connection:
        assert "ten" not in _names(connection)


def test_a_statement_that_cannot_be_prepared_leaves_the_connection_usable(database: Database) -> None:
    for _ in range(2):
        with pytest.raises(ProgrammingError, match="nothings"), database.batch() as connection:
            Pipeline(connection).add("select * from nothings", {})
        with database.batch() as connection:
            assert isinstance(_names(connection), list)


def test_a_statement_is_prepared_once_per_connection(database: Database) -> None:
    with database.batch() as connection:
        for number in range(5):
            pipeline = Pipeline(connection)
            pipeline.add("select cast(%(n)s as bigint), cast(%(n)s as bigint) + %(m)s", {"n": number, "m": 1})
            assert pipeline.send() == [[(number, number + 1)]]
        query = "select count(*) from pg_prepared_statements where position('+ $2' in statement) > 0"
        prepared = connection.exec_driver_sql(query)
        assert prepared.scalar_one() == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=TEXTS, number=st.integers(-(2**63), 2**63 - 1))
def test_values_arrive_as_they_are(database: Database, text: str, number: int) -> None:
    with database.batch() as connection:
        pipeline = Pipeline(connection)
        pipeline.add("select cast(%(t)s as text), cast(%(n)s as bigint)", {"t": text, "n": number})
        assert pipeline.send(commit=True) == [[(text, number)]]


def test_a_value_that_no_text_can_be_is_refused_by_the_driver(database: Database) -> None:
    with pytest.raises(DataError, match="NUL"), database.batch() as connection:
        Pipeline(connection).add("select cast(%(t)s as text)", {"t": "a\x00b"})
