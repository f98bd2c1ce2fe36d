"""`./go` on a Linux without apt: what is there is used, and only what is missing is asked for."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ("bash", "env", "dirname", "id", "cat", "sha256sum", "cut", "grep", "sed", "nproc", "uname")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout whose environment is set up already, and a machine with few tools: no apt-get, no dpkg, no sudo."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (tools / tool).symlink_to(found)
    made = tmp_path / "tree"
    (made / "deploy").mkdir(parents=True)
    for name in ("go", "setup.cfg", "pyproject.toml", "deploy/constraints.txt"):
        shutil.copy(ROOT / name, made / name)
    wanted = b"".join((made / n).read_bytes() for n in ("setup.cfg", "pyproject.toml", "deploy/constraints.txt"))
    (made / ".venv/bin").mkdir(parents=True)
    stamp = f"{hashlib.sha256(wanted).hexdigest()}  -\n"
    (made / ".venv/installed-service,onnx,dev").write_text(stamp, encoding="utf-8")
    script(made / ".venv/bin/python", 'echo "ran $*"')
    return made


def script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def go(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = str(tree.parent / "bin")
    return subprocess.run(
        ["bash", "./go", *words], cwd=tree, env={"PATH": path}, capture_output=True, text=True, timeout=60, check=False
    )


def test_what_is_there_is_used(tree: Path) -> None:
    script(tree.parent / "bin/python3", "exit 0")
    done = go(tree, "check")
    assert (done.returncode, done.stderr) == (0, "")
    assert "ran -m ruff check ." in done.stdout


def test_only_what_is_missing_is_asked_for(tree: Path) -> None:
    script(tree.parent / "bin/python3", 'case "$*" in *libGL.so.1*) exit 1;; esac')
    done = go(tree, "check")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "== please install what Debian calls: libgl1\n"


def test_without_a_word_every_command_is_listed(tree: Path) -> None:
    done = go(tree, "")
    assert done.returncode == 2
    for word in ("demo", "test", "outages", "check", "package"):
        assert f"./go {word}" in done.stdout


def test_help_of_the_demonstration_promises_no_report(tree: Path) -> None:
    script(tree.parent / "bin/python3", "exit 0")
    (tree / ".venv/installed-service,onnx,dev").rename(tree / ".venv/installed-service")
    script(tree / ".venv/bin/greenlane", 'echo "ran $*"')
    done = go(tree, "demo", "--help")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran demo --help\n", "")
