"""The client over a real network that loses, drops and refuses packets: every call ends in time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from controller.errors import ServiceSilent
from controller.outbound.http import HttpBalanceService
from tests.controller.outbound.test_http import QUESTION
from tests.standstill import Standstill
from wire.reasons import Verdict

pytestmark = [pytest.mark.faults, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 0.8
GRACE_S = 0.4
PORT = 8099


def root(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False)


@dataclass
class Line:
    """A server behind a line of its own, in a network namespace."""

    space: str
    address: str

    def rule(self, what: str) -> None:
        """What happens to packets that reach the server; empty for nothing."""
        self.nft("flush", "ruleset")
        if what:
            self.nft("add", "table", "inet", "t")
            self.nft("add", "chain", "inet", "t", "in", "{ type filter hook input priority 0; }")
            self.nft("add", "rule", "inet", "t", "in", *what.split())

    def nft(self, *words: str) -> None:
        done = root("ip", "netns", "exec", self.space, "nft", *words)
        assert done.returncode == 0, done.stderr

    @property
    def url(self) -> str:
        return f"http://{self.address}:{PORT}"


@pytest.fixture
def line() -> Iterator[Line]:
    if not (shutil.which("ip") and shutil.which("nft")):
        pytest.skip("needs ip and nft")
    number = os.getpid() % 250
    space, near, far = f"greenlane-{number}", f"gl{number}a", f"gl{number}b"
    made = root("ip", "netns", "add", space)
    if made.returncode != 0:
        pytest.skip(f"no network namespace can be made here: {made.stderr.strip()}")
    server = None
    try:
        for words in (
            f"ip link add {near} type veth peer name {far} netns {space}",
            f"ip addr add 10.231.{number}.1/30 dev {near}",
            f"ip link set {near} up",
            f"ip netns exec {space} ip addr add 10.231.{number}.2/30 dev {far}",
            f"ip netns exec {space} ip link set {far} up",
        ):
            done = root(*words.split())
            if done.returncode != 0:
                pytest.skip(f"no line can be laid here: {done.stderr.strip()}")
        address = f"10.231.{number}.2"
        server = subprocess.Popen(
            ["ip", "netns", "exec", space, sys.executable, "-m", "tests.faults.answering_server", address, str(PORT)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        yield Line(space, address)
    finally:
        if server is not None:
            server.kill()
            server.wait()
        root("ip", "link", "del", near)
        root("ip", "netns", "del", space)


@pytest.fixture
def ask(line: Line) -> Iterator[Callable[[], tuple[bool, float]]]:
    """One question: whether it was answered, and the seconds it took."""
    service = HttpBalanceService(line.url, "s")
    number = 0

    def once() -> tuple[bool, float]:
        nonlocal number
        number += 1
        with Standstill() as still:
            try:
                decision = service.ask(replace(QUESTION, visit=f"v{number}"), DEADLINE_S)
            except ServiceSilent:
                return False, still.took_s
            assert decision.decision is Verdict.ALLOW
            assert decision.visit == f"v{number}"
            return True, still.took_s

    yield once
    service.close()


def test_at_thirty_percent_loss_every_call_ends_in_time(line: Line, ask: Callable[[], tuple[bool, float]]) -> None:
    line.rule("numgen random mod 100 < 30 drop")
    outcomes = [ask() for _ in range(40)]
    longest_s = max(took_s for _, took_s in outcomes)
    answered = sum(done for done, _ in outcomes)
    print(f"{answered} of 40 answered, the longest call took {longest_s:.2f} s of {DEADLINE_S} s")
    assert longest_s < DEADLINE_S + GRACE_S
    assert answered >= 8


@pytest.mark.parametrize(("what", "at_once"), [("drop", False), ("tcp dport 8099 reject with tcp reset", True)])
def test_a_cut_line_is_silence_and_the_next_call_after_it_works(
    line: Line, ask: Callable[[], tuple[bool, float]], what: str, at_once: bool
) -> None:
    assert any(ask()[0] for _ in range(20)), "a busy machine may be late now and then"
    line.rule(what)
    cut = [ask() for _ in range(3)]
    assert not any(done for done, _ in cut)
    assert all(took_s < (0.3 if at_once else DEADLINE_S + GRACE_S) for _, took_s in cut)
    line.rule("")
    assert any(ask()[0] for _ in range(20))
