"""The process that a bench measures: started on loopback, its memory and processor time, and the machine it ran on."""

from __future__ import annotations

import os
import platform
import re
import resource
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from service.errors import ServiceError
from service.http.connections import CONNECTIONS

_COMMAND = "import sys; from greenlane.cli import main; sys.exit(main())"


@contextmanager
def serving(database_url: str, *options: str) -> Iterator[tuple[int, int]]:
    """`greenlane service` with these options on a free loopback port; yields port and process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = ["service", "--database", database_url, "--listen", f"127.0.0.1:{port}", *options]
    command = [sys.executable, "-c", _COMMAND, *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(f"http://127.0.0.1:{port}/healthz", process)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise ServiceError(f"the service ended with status {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise ServiceError("the service did not start")


def raise_file_limit(wanted: int) -> int | None:
    """Let this process and what it starts open so many files; returns how many it may, where those are too few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return None
    if hard != resource.RLIM_INFINITY and hard < wanted:
        return hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return None


@contextmanager
def taking_connections(count: int) -> Iterator[None]:
    """A service that is started meanwhile takes so many."""
    before = os.environ.get(CONNECTIONS)
    os.environ[CONNECTIONS] = str(count)
    try:
        yield
    finally:
        os.environ.pop(CONNECTIONS)
        if before is not None:
            os.environ[CONNECTIONS] = before


def resident_mib(process: int) -> float:
    """Of a process and its children."""
    pages = sum(int((Path("/proc") / str(one) / "statm").read_text().split()[1]) for one, _ in _family(process))
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def processor_s(process: int) -> float:
    """Processor time that a process and its children have used so far."""
    return sum(ticks for _, ticks in _family(process)) / os.sysconf("SC_CLK_TCK")


def _family(process: int) -> list[tuple[int, int]]:
    """Process id and clock ticks of the process and its children."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if process in (int(fields[1]), int(stat.parent.name)):
            found.append((int(stat.parent.name), int(fields[11]) + int(fields[12])))
    return found


def machine() -> dict[str, Any]:
    """What figures depend on."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "cpu": model[1] if model else platform.processor(),
        "cores": os.cpu_count(),
        "load_average": [round(value, 1) for value in os.getloadavg()],
        "python": platform.python_version(),
    }


def percentile(times_s: Sequence[float], share: float) -> float:
    """Of sorted seconds, in milliseconds; 0 where there are none."""
    return round(times_s[min(len(times_s) - 1, int(len(times_s) * share))] * 1000, 2) if times_s else 0.0


def progress(words: str) -> None:
    """One line that is written over, where somebody looks."""
    if sys.stderr.isatty():
        print(f"\r\033[K{words}", end="", file=sys.stderr, flush=True)
