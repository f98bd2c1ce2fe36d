"""Who waits is woken by another worker's change: on PostgreSQL by its notification, and in the end by the counters.

The polling is put off for an hour wherever a notification has to do it: a test that passes was not saved by a poll.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
import requests
from sqlalchemy import text

from service.admin.admin import Admin
from service.app import create_app
from service.http.metrics import Metrics
from service.identity.guard import EMBEDDED
from service.identity.people import Role
from service.live.changes import Changes, Pace, count_change
from service.reports.books_metrics import BooksCollector
from service.server import running
from service.store.database import Database
from tests.service.identity.kit import lane_status
from tests.service.identity.served import Served
from tests.service.postgres import Cluster, programs
from tests.service.world import ManualClock

HOUR = Pace(3600.0, 3600.0)
PASSWORD = "a long enough pass phrase"
LISTENERS = "from pg_stat_activity where application_name = 'greenlane live' and datname = current_database()"


@pytest.fixture
def postgresql_url(cluster: Cluster, migrated_template: str) -> str:
    return cluster.database(migrated_template)


class Page:
    """Keeps the topic followed, and what it was told."""

    def __init__(self) -> None:
        self.heard_of: list[int] = []
        self.is_closed = False

    def heard(self, number: int) -> None:
        self.heard_of.append(number)

    def closed(self) -> None:
        self.is_closed = True


def count(database: Database, *topics: str) -> None:
    with database.writing() as connection:
        count_change(connection, *topics)


def listeners(database: Database) -> list[int]:
    with database.reading() as connection:
        return list(connection.execute(text(f"select pid {LISTENERS}")).scalars())


def cut(database: Database) -> None:
    """Returns when it is gone: until then it would still be told of changes."""
    with database.writing() as connection:
        ended = connection.execute(text(f"select pg_terminate_backend(pid, 30000) {LISTENERS}")).scalars().all()
    assert ended == [True]


async def until(what: Callable[[], bool], longest_s: float = 30.0) -> None:
    ends_s = time.monotonic() + longest_s
    while not what():
        assert time.monotonic() < ends_s, "it did not come to pass"
        await asyncio.sleep(0.02)


def play(url: str, scene: Callable[[Database, Changes], Awaitable[None]], pace: Pace = HOUR) -> None:
    """One process that waits, in an event loop of its own; the scene changes things through the same database."""
    database = Database(url)

    async def whole() -> None:
        changes = Changes(database, pace)
        changes.join("t", Page())
        if not database.is_sqlite:
            await until(lambda: changes.is_listening and changes.known("t") is not None)
        await asyncio.wait_for(scene(database, changes), 60)
        changes.close()

    try:
        asyncio.run(whole())
    finally:
        database.close()


async def woken(changes: Changes, seen: int, change: Callable[[], None]) -> int:
    """What a waiter is told when this happens."""
    waiting = asyncio.create_task(changes.wait("t", seen, 30.0))
    await asyncio.sleep(0.05)
    await asyncio.to_thread(change)
    return await waiting


@pytest.mark.database
def test_a_change_of_another_process_is_told_by_its_notification(postgresql_url: str) -> None:
    program = [sys.executable, "-m", "tests.service.live.waiting_worker", postgresql_url, "t"]
    database = Database(postgresql_url)
    workers = [subprocess.Popen(program, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        assert [next(worker.stdout or iter(())) for worker in workers] == ["listening\n"] * 2
        for number in ("1\n", "2\n"):
            count(database, "t", "another")
            assert [next(worker.stdout or iter(())) for worker in workers] == [number] * 2
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
        database.close()


@pytest.mark.database
def test_what_is_rolled_back_is_not_told(postgresql_url: str) -> None:
    async def scene(database: Database, changes: Changes) -> None:
        with suppress(ZeroDivisionError), database.writing() as connection:
            count_change(connection, "t")
            1 / 0  # noqa: B018 - the transaction fails
        assert await changes.wait("t", 0, 0.3) == 0
        assert await woken(changes, 0, lambda: count(database, "t")) == 1

    play(postgresql_url, scene)


@pytest.mark.database
def test_a_process_listens_once_however_many_wait(postgresql_url: str) -> None:
    async def scene(database: Database, changes: Changes) -> None:
        waiting = [asyncio.create_task(changes.wait(topic, 0, 30.0)) for topic in ("t", "u") for _ in range(200)]
        await until(lambda: changes.waiters == 401 and changes.known("u") == 0)
        assert len(await asyncio.to_thread(listeners, database)) == 1
        await asyncio.to_thread(count, database, "u", "t")
        assert set(await asyncio.gather(*waiting)) == {1}

    play(postgresql_url, scene)


@pytest.mark.database
def test_a_lost_listening_connection_comes_back_and_catches_up(postgresql_url: str) -> None:
    async def scene(database: Database, changes: Changes) -> None:
        (before,) = await asyncio.to_thread(listeners, database)

        def cut_and_count() -> None:
            cut(database)
            count(database, "t")

        assert await woken(changes, 0, cut_and_count) == 1
        await until(lambda: changes.is_listening)
        (after,) = await asyncio.to_thread(listeners, database)
        assert after != before
        assert await woken(changes, 1, lambda: count(database, "t")) == 2

    play(postgresql_url, scene)


@pytest.mark.database
def test_what_nobody_was_told_of_is_found_by_the_slow_reading(postgresql_url: str) -> None:
    async def scene(database: Database, changes: Changes) -> None:
        def in_silence() -> None:
            with database.writing() as connection:
                connection.execute(text("insert into live_changes (topic, number) values ('t', 7)"))

        assert await woken(changes, 0, in_silence) == 7

    play(postgresql_url, scene, Pace(poll_s=3600.0, listening_poll_s=0.2))


@pytest.mark.database
def test_postgresql_is_restarted() -> None:
    cluster = Cluster(programs())
    cluster.start()
    try:
        url = cluster.database()
        migrated = Database(url)
        migrated.migrate()
        migrated.close()

        async def scene(database: Database, changes: Changes) -> None:
            for number, mode in enumerate(("fast", "immediate")):
                await asyncio.to_thread(cluster.stop, mode)
                await until(lambda: not changes.is_listening)
                await until(lambda: not changes.is_current)
                await asyncio.to_thread(cluster.start)
                await until(lambda: changes.is_listening and changes.is_current)
                database.engine.dispose()
                assert await woken(changes, number, lambda: count(database, "t")) == number + 1

        play(url, scene, Pace(poll_s=0.2, listening_poll_s=3600.0))
    finally:
        cluster.remove()


def test_a_number_that_was_heard_is_not_overwritten_by_an_older_reading(sqlite_url: str) -> None:
    """The reading began before the change and ends after its notification."""

    class Slow(Changes):
        def _fetch(self, topics: tuple[str, ...]) -> dict[str, int]:
            found = super()._fetch(topics)
            if "t" in found:
                self._loop.call_soon_threadsafe(self._tell, {"t": 2})  # type: ignore[union-attr]
                time.sleep(0.05)
            return found

    async def whole() -> None:
        changes = Slow(database, HOUR)
        count(database, "t")
        page = Page()
        changes.join("t", page)
        await until(lambda: changes.known("t") == 2)
        await asyncio.sleep(0.2)
        assert (changes.known("t"), page.heard_of) == (2, [2])

    database = Database(sqlite_url)
    asyncio.run(whole())
    database.close()


def test_topics_that_nobody_waits_for_are_forgotten_and_the_reading_ends(sqlite_url: str) -> None:
    async def whole() -> None:
        changes = Changes(database, Pace(poll_s=0.01))
        await changes.wait("t", 1, 0.05)
        await until(lambda: changes.known("t") == 0)
        changes._topics["t"].left_s -= 60
        await until(lambda: changes.known("t") is None)
        assert changes._reader is not None
        await asyncio.wait_for(changes._reader, 30)

    database = Database(sqlite_url)
    asyncio.run(whole())
    database.close()


def test_a_change_of_this_process_is_told_with_its_commit_alone(sqlite_url: str) -> None:
    async def scene(database: Database, changes: Changes) -> None:
        database.on_counted = changes.ring
        rung = []
        assert await woken(changes, 0, lambda: count(database, "t")) == 1
        database.on_counted = lambda: rung.append(True)
        with suppress(ZeroDivisionError), database.writing() as connection:
            count_change(connection, "t")
            1 / 0  # noqa: B018 - the transaction fails
        database.check_writing()
        assert not rung, "nothing that somebody waits for was changed"
        await asyncio.to_thread(count, database, "u")
        assert rung

    play(sqlite_url, scene)


def test_another_event_loop_begins_afresh(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    changes = Changes(database, Pace(poll_s=0.01))
    for number in (1, 2):
        count(database, "t")
        assert asyncio.run(changes.wait("t", number - 1, 30.0)) == number
        assert changes.waiters == 0
    database.close()


@contextmanager
def page(base: str, target: str, name: str = "li") -> Iterator[Iterator[str]]:
    """The lines of an open page's stream, of a person who has logged in."""
    with requests.Session() as browser:
        form = browser.get(f"{base}/login", timeout=30)
        secret = form.text.split('name="csrf" value="', 1)[1].split('"', 1)[0]
        fields = {"name": name, "password": PASSWORD, "csrf": secret, "next": "/"}
        answer = browser.post(f"{base}/login", data=fields, headers={"Origin": base}, timeout=30)
        assert answer.status_code == 200, answer.text
        with browser.get(f"{base}{target}", stream=True, timeout=30) as stream:
            assert stream.status_code == 200, stream.text
            yield stream.iter_lines(chunk_size=1, decode_unicode=True)


def next_number(lines: Iterator[str]) -> int:
    """Of the next "changed" event."""
    while next(lines) != "event: changed":
        pass
    return int(next(lines).removeprefix("data: "))


def next_event(lines: Iterator[str]) -> str:
    return next(line for line in lines if line.startswith("event:"))


def seeded(url: str) -> None:
    app = create_app(url, guard=EMBEDDED)
    Admin(app.state.books, "test").stations.set("S1")
    app.state.identity.people.add("li", PASSWORD, Role.ATTENDANT, "S1", "test")
    app.state.books.database.close()


@pytest.mark.database
def test_a_page_of_one_service_is_told_what_another_service_took(postgresql_url: str) -> None:
    seeded(postgresql_url)
    apps = [create_app(postgresql_url, guard=EMBEDDED) for _ in range(2)]
    for app in apps:
        app.state.changes.pace = HOUR
    with running(apps[0]) as one, running(apps[1]) as other, ExitStack() as stack:
        targets = ("/station/events", "/panel/L1/events", "/panel/L2/events")
        whole, panel, beside = (stack.enter_context(page(one, f"{target}?station=S1")) for target in targets)
        assert [next_number(whole), next_number(panel), next_number(beside)] == [0, 0, 0]
        assert next_event(beside) == "event: alive"
        received = requests.post(f"{other}/v1/lane-status", json=lane_status(), timeout=30)
        assert received.status_code == 204, received.text
        assert [next_number(whole), next_number(panel)] == [1, 1]
        assert [next_event(beside) for _ in range(2)] == ["event: alive"] * 2


@pytest.mark.database
def test_service_processes_tell_each_other_and_say_that_they_listen(postgresql_url: str) -> None:
    seeded(postgresql_url)
    with ExitStack() as stack:
        one = stack.enter_context(Served(postgresql_url, "--allow-unsigned", "--workers", "2"))
        other = stack.enter_context(Served(postgresql_url, "--allow-unsigned"))
        lines = stack.enter_context(page(f"http://127.0.0.1:{one}", "/station/events?station=S1"))
        assert next_number(lines) == 0
        for number in (1, 2):
            body = lane_status(number=number, volume_ml=number)
            received = requests.post(f"http://127.0.0.1:{other}/v1/lane-status", json=body, timeout=30)
            assert received.status_code == 204, received.text
            assert next_number(lines) == number
        shown = metrics_that_say(one, "greenlane_live_listening 1.0")
        assert "greenlane_live_waiters 1.0" in shown


def metrics_that_say(port: int, line: str, longest_s: float = 30.0) -> str:
    """Its metrics, as soon as the line is among them: a page is served before its process is connected to listen."""
    ends_s = time.monotonic() + longest_s
    while line not in (shown := requests.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text):
        assert time.monotonic() < ends_s, shown
        time.sleep(0.1)
    return shown


def test_metrics_say_that_postgresql_is_away() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/none")
    metrics = Metrics(database)
    metrics.show(BooksCollector(database, ManualClock(), dict))
    shown = metrics.exposition().decode()
    assert "greenlane_database_up 0.0" in shown
    assert "greenlane_open_holds" not in shown


def test_metrics_say_who_waits(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    metrics = Metrics(database)
    metrics.note_live(3, False)
    shown = metrics.exposition().decode()
    assert "greenlane_live_waiters 3.0" in shown
    assert "greenlane_live_listening" not in shown
    database.close()
