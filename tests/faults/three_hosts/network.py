"""Three hosts in network namespaces, unit - station - server, and what happens to the packets on their two lines."""

from __future__ import annotations

import ctypes
import enum
import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Self, TypeVar

CLONE_NEWNET = 0x40000000
UPSTREAM_PORT, STATION_PORT = 8080, 8081

Result = TypeVar("Result")


class NoNetwork(RuntimeError):
    """This machine cannot lay the lines: str() says why."""


class Host(enum.StrEnum):
    UNIT = "unit"
    STATION = "station"
    SERVER = "server"


class Line(enum.StrEnum):
    """The value is the name of the line's interface at both of its ends."""

    LANES = "lanes"
    SERVER = "upline"


class Rule(enum.StrEnum):
    """What happens to every packet that arrives at either end of a line, as nft says it."""

    WELL = ""
    CUT = "drop"
    LOSS = "numgen random mod 100 < 30 drop"
    RESET = f"tcp dport {{ {UPSTREAM_PORT}, {STATION_PORT} }} reject with tcp reset"


ENDS = {Line.LANES: (Host.UNIT, Host.STATION), Line.SERVER: (Host.STATION, Host.SERVER)}
ADDRESSES = {
    (Host.UNIT, Line.LANES): "10.0.1.1",
    (Host.STATION, Line.LANES): "10.0.1.2",
    (Host.STATION, Line.SERVER): "10.0.2.1",
    (Host.SERVER, Line.SERVER): "10.0.2.2",
}
STATION_ADDRESS = ADDRESSES[Host.STATION, Line.LANES]
SERVER_ADDRESS = ADDRESSES[Host.SERVER, Line.SERVER]


def missing() -> str | None:
    """Why the three hosts cannot be made here; None when they can."""
    if os.geteuid() != 0:
        return "three hosts in network namespaces can only be made by root"
    for program, package in (("ip", "iproute2"), ("nft", "nftables")):
        if shutil.which(program) is None:
            return f"{program} is missing: apt-get install {package}"
    return None


class Network:
    """The namespaces and both lines, all well at first. A context manager. Raises NoNetwork."""

    def __init__(self) -> None:
        self._rules = dict.fromkeys(Line, Rule.WELL)

    def __enter__(self) -> Self:
        if (why := missing()) is not None:
            raise NoNetwork(why)
        try:
            for host in Host:
                _run("ip", "netns", "add", space(host))
                self.on(host, "ip", "link", "set", "lo", "up")
            for line in Line:
                self._lay(line)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Idempotent; the lines go with their ends."""
        for host in Host:
            with suppress(NoNetwork):
                _run("ip", "netns", "del", space(host))

    def rule(self, line: Line, rule: Rule) -> None:
        """From now on this happens on that line."""
        self._rules[line] = rule
        for host in ENDS[line]:
            self._write_rules(host)

    def on(self, host: Host, *words: str) -> None:
        """Run a command on that host."""
        _run(*command(host), *words)

    def _lay(self, line: Line) -> None:
        near, far = ENDS[line]
        _run(
            "ip",
            "link",
            "add",
            line,
            "netns",
            space(near),
            "type",
            "veth",
            "peer",
            "name",
            line,
            "netns",
            space(far),
        )
        for host in (near, far):
            self.on(host, "ip", "addr", "add", f"{ADDRESSES[host, line]}/30", "dev", line)
            self.on(host, "ip", "link", "set", line, "up")

    def _write_rules(self, host: Host) -> None:
        mine = [(line, self._rules[line]) for line in Line if host in ENDS[line] and self._rules[line]]
        rules = "".join(f'iifname "{line}" {rule};\n' for line, rule in mine)
        chain = f"chain in {{ type filter hook input priority 0;\n{rules} }}"
        _run(*command(host), "nft", "-f", "-", given=f"flush ruleset\ntable inet faults {{\n{chain}\n}}\n")


def space(host: Host) -> str:
    """The name of the host's namespace, this process's own."""
    return f"greenlane-{os.getpid()}-{host}"


def command(host: Host) -> list[str]:
    """What makes a command run on that host."""
    return ["ip", "netns", "exec", space(host)]


def inside(host: Host, do: Callable[[], Result]) -> Result:
    """do() in a thread that lives on that host; sockets and threads that it makes live there for good."""

    def entered() -> Result:
        handle = os.open(f"/run/netns/{space(host)}", os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(handle, CLONE_NEWNET) != 0:
                raise NoNetwork(f"cannot enter {space(host)}: {os.strerror(ctypes.get_errno())}")
        finally:
            os.close(handle)
        return do()

    with ThreadPoolExecutor(1, thread_name_prefix=f"on-{host}") as pool:
        return pool.submit(entered).result()


def _run(*words: str, given: str | None = None) -> None:
    done = subprocess.run(words, input=given, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoNetwork(f"{' '.join(words)}: {done.stderr.strip()}")
