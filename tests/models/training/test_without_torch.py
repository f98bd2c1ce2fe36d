"""Without torch every recipe explains itself, and one that needs it says in a line what to install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from models.training.__main__ import COMMANDS

PROGRAM = """
import sys
for library in ("torch", "onnx", "onnxruntime", "PIL"):
    sys.modules[library] = None
from models.training.__main__ import main
statuses = []
for words in sys.argv[1:]:
    try:
        statuses.append(main(words.split()))
    except SystemExit as end:
        statuses.append(end.code)
    print(f"status {statuses[-1]}")
"""


def run(*commands: str) -> subprocess.CompletedProcess[str]:
    """The commands one after another, in a process that has none of these libraries."""
    words = [sys.executable, "-c", PROGRAM, *commands]
    return subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)


def test_every_command_has_its_help() -> None:
    done = run(*(f"{name} --help" for name in COMMANDS))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("status 0\n") == len(COMMANDS)
    assert all(f"usage: python -m models.training {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("command", ["recogniser", "second", "whole", "curve", "detector finder", "detector export"])
def test_a_recipe_says_what_to_install(command: str, tmp_path: Path) -> None:
    done = run(f"{command} --out {tmp_path} --smoke")
    assert done.stdout.endswith("status 1\n"), done.stderr
    name = command.split()[0]
    said = f"models.training {name}: torch is not installed: {sys.prefix}/bin/pip install 'greenlane[training]'\n"
    assert done.stderr == said
