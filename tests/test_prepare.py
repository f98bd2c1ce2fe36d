"""`tests/prepare.sh`: what is made in the background counts as a step of the run, and ends with it."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RUN = """
set -euo pipefail
say() { printf '== %s\\n' "$*" >&2; }
. tests/prepare.sh
"""
"""What ./go has done when it sources tests/groups.sh. Each test puts its own `prepare` in place of the long one."""

TESTS = "import time; print('begun', flush=True); time.sleep(600)"
"""In the place of the tests: one process, as they are. A shell that is about to start another forgets an interrupt."""


def start(script: str, temporary: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["env", "--default-signal=INT", "bash", "-c", RUN + script],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_what_a_good_preparation_says_is_not_shown(tmp_path: Path) -> None:
    run = start("prepare() { echo made; }; begin_preparation; await_preparation; echo later groups", tmp_path)
    said, errors = run.communicate(timeout=60)
    assert (run.returncode, said) == (0, "later groups\n")
    assert "made" not in errors.splitlines()
    assert list(tmp_path.iterdir()) == []


def test_a_failing_preparation_fails_the_run_and_says_why(tmp_path: Path) -> None:
    prepare = "prepare() { echo no room left; false; echo and on; }"
    run = start(f"{prepare}; begin_preparation; await_preparation; echo later groups", tmp_path)
    said, errors = run.communicate(timeout=60)
    assert (run.returncode, said) == (1, "")
    assert "no room left" in errors
    assert "and on" not in errors
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_of_an_interrupted_run(tmp_path: Path, how: signal.Signals) -> None:
    """Not even what the preparation started: `./go test all` is ended while its tests run, as a terminal ends it."""
    pids = tmp_path / "pids"
    begun = f"{shlex.quote(sys.executable)} -c {shlex.quote(TESTS)}"
    script = f"prepare() {{ sleep 600 & echo $BASHPID $! >{pids}; wait; }}; begin_preparation; {begun}"
    run = start(script, tmp_path)
    assert run.stdout is not None
    run.stdout.readline()
    wait_until(lambda: pids.exists() and pids.read_text().endswith("\n"))
    os.killpg(run.pid, how)
    run.communicate(timeout=60)
    assert run.returncode == -how
    wait_until(lambda: not any(is_alive(pid) for pid in pids.read_text().split()))


def wait_until(is_so: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < ends_s
        time.sleep(0.02)


def is_alive(pid: str) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
