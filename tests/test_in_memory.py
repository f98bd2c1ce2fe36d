"""`tests/in_memory.sh`: temporary files of the CI's tests are in memory, and nothing is left of them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUN = """
set -euo pipefail
say() { printf '== %s\\n' "$*" >&2; }
. tests/in_memory.sh
"""
LOOK = """in_memory sh -c 'stat -f -c %T "${TMPDIR}"; echo kept >"$TMPDIR/file"; cat "$TMPDIR/file"; exit 7'"""


def run(script: str, temporary: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TMPDIR": str(temporary)}
    words = ["bash", "-c", RUN + script]
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


def can_mount(temporary: Path) -> bool:
    words = ["unshare", "--mount", "mount", "-t", "tmpfs", "tests", str(temporary)]
    return subprocess.run(words, stderr=subprocess.DEVNULL, check=False).returncode == 0


def test_a_command_finds_memory_and_its_status_comes_out(tmp_path: Path) -> None:
    done = run(f"memory_is_free() {{ true; }}; {LOOK}", tmp_path)
    kind, kept = done.stdout.split()
    assert (done.returncode, kept) == (7, "kept")
    if can_mount(tmp_path):
        assert (kind, done.stderr) == ("tmpfs", "")
        assert list(tmp_path.iterdir()) == []
    else:
        assert "on the disk" in done.stderr


def test_without_free_memory_it_runs_on_the_disk_and_says_so(tmp_path: Path) -> None:
    done = run(f"memory_is_free() {{ false; }}; {LOOK}", tmp_path)
    assert (done.returncode, done.stdout.split()[1]) == (7, "kept")
    assert "on the disk" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
