"""Databases for the service's tests: SQLite files copied from one migrated file, PostgreSQL databases likewise."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.store.database import Database
from tests.service.new_books import put_new_books
from tests.service.postgres import Cluster, programs
from tests.service.world import World

MakeDatabase = Callable[[], Database]


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file of the newest schema, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "service.sqlite3"
    put_new_books(path)
    return path


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One running PostgreSQL cluster for the whole session."""
    made = Cluster(programs())
    made.start(max_connections=60)
    Cluster.shared = made
    yield made
    Cluster.shared = None
    made.remove()


@pytest.fixture(autouse=True)
def nothing_stays_connected() -> Iterator[None]:
    """No test finds the cluster full of what the ones before it left."""
    before = Cluster.shared.count if Cluster.shared else 0
    yield
    if Cluster.shared:
        Cluster.shared.end_connections(since=before)


@pytest.fixture(scope="session")
def migrated_template(cluster: Cluster) -> str:
    """The name of a PostgreSQL database of the newest schema, to be copied."""
    url = cluster.database()
    database = Database(url)
    database.migrate()
    database.close()
    return url.rsplit("/", 1)[1]


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'service.sqlite3')}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.database)])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database of each kind."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    template = request.getfixturevalue("migrated_template")
    return str(request.getfixturevalue("cluster").database(template))


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    database = Database(database_url)
    yield World(database)
    database.close()
