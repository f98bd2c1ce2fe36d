"""`greenlane service` as its own process, for what only shows between processes."""

from __future__ import annotations

import socket
import subprocess
import sys
import time


class Served:
    """The command with these options on a free loopback port while the context lasts; yields the port."""

    def __init__(self, database_url: str, *options: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self._command = [
            sys.executable, "-c", "from controller.cli import main; raise SystemExit(main())", "service",
            "--database", database_url, "--listen", f"127.0.0.1:{self._port}", *options,
        ]  # fmt: skip

    def __enter__(self) -> int:
        self._process = subprocess.Popen(self._command, stderr=subprocess.PIPE)
        deadline_s = time.monotonic() + 60
        while time.monotonic() < deadline_s:
            assert self._process.poll() is None, self._process.stderr.read().decode()  # type: ignore[union-attr]
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return self._port
            time.sleep(0.05)
        raise AssertionError("the service did not come up")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=30)
