"""Test program: runs the balance service in forked children that kill themselves at a chosen write point.

usage: python -m tests.faults.service_zygote DATABASE_URL COUNT_FILE
First line out: the port. Then for each line in, "N": a child serves and sends itself SIGKILL at its N-th write point
(0: never); out come "up PID" and, when the child is gone, "gone". A write point is a moment before or after a statement
or a commit, or while one that was sent is waited for. COUNT_FILE always holds the number of points passed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import uvicorn
from argon2 import PasswordHasher
from sqlalchemy import Engine, event
from starlette.types import ASGIApp, Receive, Scope, Send

from service.app import create_app
from service.identity.guard import EMBEDDED

CHEAP = dataclasses.replace(EMBEDDED, hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
"""Nobody logs in here; the default hash would cost most of a child's start."""


class Points:
    """Counts write points once armed, and kills this process at the chosen one."""

    def __init__(self, deadly: int, count_file: Path) -> None:
        self._requests = 0
        self._deadly = deadly
        self._passed = 0
        self._file = os.open(count_file, os.O_WRONLY | os.O_CREAT)

    def watch(self, engine: Engine) -> None:
        event.listen(engine, "before_cursor_execute", self._point)
        event.listen(engine, "after_cursor_execute", self._point)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "checkout", lambda driver, *_: driver.set_trace_callback(self._point))
        else:
            self._watch_driver()
        commit = engine.dialect.do_commit

        def watched(connection: Any) -> None:
            self._point()
            commit(connection)
            self._point()

        engine.dialect.do_commit = watched  # type: ignore[method-assign]

    def _watch_driver(self) -> None:
        execute, wait = psycopg.Cursor.execute, psycopg.Connection.wait

        def watched_execute(cursor: Any, *words: Any, **options: Any) -> Any:
            self._point()
            result = execute(cursor, *words, **options)
            self._point()
            return result

        def watched_wait(connection: Any, command: Any, *words: Any, **options: Any) -> Any:
            return wait(connection, self._along(command), *words, **options)

        psycopg.Cursor.execute = watched_execute  # type: ignore[method-assign]
        psycopg.Connection.wait = watched_wait  # type: ignore[method-assign]

    def _along(self, command: Any) -> Any:
        """The driver's command with a point each time it has sent something and waits for the server."""
        try:
            wanted = next(command)
            while True:
                self._point()
                wanted = command.send((yield wanted))
        except StopIteration as done:
            return done.value

    def around(self, app: ASGIApp) -> ASGIApp:
        """The application; points count while it answers, so that whoever is killed has a caller who hears of it."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            self._requests += scope["type"] == "http"
            try:
                await app(scope, receive, send)
            finally:
                self._requests -= scope["type"] == "http"

        return watched

    def pass_one(self, _what: str) -> None:
        """A write point that somebody else has seen."""
        self._point()

    def _point(self, *_: object) -> None:
        if self._requests:
            self._passed += 1
            os.pwrite(self._file, f"{self._passed:8d}".encode(), 0)
            if self._passed == self._deadly:
                os.kill(os.getpid(), signal.SIGKILL)


def main(url: str, count_file: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        create_app(f"sqlite:///{folder}/warm.sqlite3", guard=CHEAP)
    serve_children(lambda deadly, listener: _serve(url, deadly, count_file, listener))


def serve_children(serve: Callable[[int, socket.socket], None]) -> None:
    """Fork a child for each line of stdin and tell when it is up and gone; all share one port, told first."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(listener.getsockname()[1], flush=True)
    gc.collect()
    gc.freeze()  # or each child's first collection copies all that it shares with this process
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            serve(int(line), listener)
        print(f"up {child}", flush=True)
        os.waitpid(child, 0)
        print("gone", flush=True)


def _serve(url: str, deadly: int, count_file: Path, listener: socket.socket) -> None:
    points = Points(deadly, count_file)
    app = create_app(url, guard=CHEAP)
    points.watch(app.state.books.database.batch_engine)
    config = uvicorn.Config(points.around(app), log_level="critical", access_log=False, timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt, SystemExit):
        server.run(sockets=[listener])
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
