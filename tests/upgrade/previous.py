"""The program of the version before, taken from the repository's history, as processes beside this one's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any, Self

import pytest

from tests.service.identity.served import Program

VERSION_BEFORE = "7a563ad"
ROOT = Path(__file__).resolve().parents[2]
RUN = "from controller.cli import main; raise SystemExit(main())"


def unpacked(folder: Path) -> Path:
    """The tree of the version before; skips where the history does not hold it (a shallow clone, an archive)."""
    archive = subprocess.run(["git", "archive", VERSION_BEFORE], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        pytest.skip(f"the history here does not hold {VERSION_BEFORE}, the version before")
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as packed:
        packed.extractall(folder, filter="data")
    return folder


def environment(tree: Path) -> dict[str, str]:
    """In which Python finds the version before."""
    return {**os.environ, "PYTHONPATH": str(tree)}


def greenlane(tree: Path, *words: str) -> str:
    """What a command of the version before prints."""
    command = [sys.executable, "-c", RUN, *words]
    done = subprocess.run(command, env=environment(tree), cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


class PreviousProgram(Program):
    """A listening command of the version before."""

    def __init__(self, tree: Path, *words: str) -> None:
        super().__init__(*words)
        self._command[:3] = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tree)!r}); {RUN}"]


class PreviousLane:
    """A lane unit's client, outbox and courier of the version before, in a process of its own."""

    def __init__(self, tree: Path, url: str, key: Path, state: Path) -> None:
        script = Path(__file__).with_name("previous_lane.py")
        command = [sys.executable, str(script), url, str(key), str(state)]
        self._process = subprocess.Popen(
            command, env=environment(tree), cwd=tree, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def do(self, what: str, **values: Any) -> Any:
        """What came of it: the parsed answer, or {"error": its class, "text": its words}."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": what, **values}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=30)
