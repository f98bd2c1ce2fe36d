"""A PostgreSQL cluster of the tests' own: made in a temporary folder, reached on loopback, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import ClassVar

import pytest

LONGEST_S = 300
"""For what takes a second or two: a busy disk is slow, and no test is to fail for that."""


class Cluster:
    """initdb, start, stop; databases by name. Runs as the user postgres where the tests run as root."""

    shared: ClassVar[Cluster | None] = None
    """The one of the whole session, once a test has asked for it."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="greenlane-postgres-"))
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        self.port = free_port()
        self.owner = self._user or pwd.getpwuid(os.geteuid()).pw_name
        self._run("initdb", "-D", str(self._data), "-A", "trust", "-U", self.owner, "--no-sync")
        self.count = 0
        """Databases made so far."""

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def start(self, **settings: object) -> None:
        words = {"port": self.port, "unix_socket_directories": self.folder, "listen_addresses": "127.0.0.1", **settings}
        options = " ".join(f"-c {name}={value}" for name, value in words.items())
        self._run("pg_ctl", "-D", str(self._data), "-o", options, "-l", str(self.folder / "log"), "-w", "start")

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-D", str(self._data), "-m", mode, "-w", "stop")

    def remove(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder)

    def database(self, template: str = "template1") -> str:
        """The URL of a new database, a copy of the template."""
        self.count += 1
        name = f"test{self.count}"
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", self.owner, "-T", template, name)
        return self.url(name)

    def end_connections(self, since: int = 0) -> None:
        """To the databases made after the first `since` ones.

        An app that a test leaves open keeps its connections until Python collects it, and places are few.
        """
        import psycopg

        made = [f"test{number}" for number in range(since + 1, self.count + 1)]
        if made:
            words = "select pg_terminate_backend(pid) from pg_stat_activity where datname = any(%s)"
            with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
                connection.execute(words, (made,))

    def url(self, name: str) -> str:
        return f"postgresql://{self.owner}@127.0.0.1:{self.port}/{name}"

    def command(self, program: str, *words: str) -> list[str]:
        """The command line of one of PostgreSQL's programs, as the cluster's user."""
        words = (str(self._programs / program), *words)
        return list(words) if self._user is None else ["runuser", "-u", self._user, "--", *words]

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            self.command(program, *words),
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=LONGEST_S,
            env={**os.environ, "PGCTLTIMEOUT": str(LONGEST_S)},
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr}")


def programs() -> Path:
    """Where PostgreSQL's programs are; skips the test where there are none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    other = shutil.which("initdb")
    if not found and other is None:
        pytest.skip("no PostgreSQL: install Debian's package postgresql")
    return found[-1].parent if found else Path(str(other)).resolve().parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
