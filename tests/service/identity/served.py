"""`greenlane` commands as processes of their own, for what only shows between processes."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

LONGEST_S = 300.0
"""For what takes a second or two: a machine at work on other things is slow, and no test is to fail for that."""


class Program:
    """`greenlane WORDS` listening on a free loopback port while the context lasts; yields the port."""

    def __init__(self, *words: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        run = "from greenlane.cli import main; raise SystemExit(main())"
        self._command = [sys.executable, "-c", run, *words, "--listen", f"127.0.0.1:{self._port}"]

    def __enter__(self) -> int:
        self._process = subprocess.Popen(self._command, stderr=subprocess.PIPE)
        deadline_s = time.monotonic() + LONGEST_S
        while time.monotonic() < deadline_s:
            assert self._process.poll() is None, self._process.stderr.read().decode()  # type: ignore[union-attr]
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return self._port
            time.sleep(0.05)
        self.kill()
        raise AssertionError(f"the program did not come up within {LONGEST_S:.0f} s")

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.communicate(timeout=LONGEST_S)

    @staticmethod
    def again(killed: Program) -> Program:
        """The same command on the same port, for a context of its own."""
        made = Program.__new__(Program)
        made._port, made._command = killed._port, killed._command
        return made

    def kill(self) -> None:
        """As a power cut would."""
        self._process.kill()
        self._process.communicate(timeout=LONGEST_S)


class Served(Program):
    """`greenlane service` with these options."""

    def __init__(self, database_url: str, *options: str) -> None:
        super().__init__("service", "--database", database_url, *options)
