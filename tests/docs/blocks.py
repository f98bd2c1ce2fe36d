"""The command lines that README and docs/ show, in their order, with what they say these print and what is not run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
OUTPUT, ANY = "```output", "…"
_MARK = re.compile(r"<!-- not run: (.+) -->")
_PROMPTLESS = re.compile(r"(?:sudo (?:-u \S+ )?)?greenlane (.*)")
_REMARK = re.compile(r"(?:\s#\s|\s{3,}).*")


@dataclass(frozen=True, slots=True)
class Command:
    """words: without sudo and `greenlane`. not_run: why it is not run here, empty where it is.

    shows: what it prints by the page, from the block ```output after its own; empty where the page shows nothing.
    """

    page: str
    line: int
    words: tuple[str, ...]
    not_run: str
    shows: str = ""

    @property
    def is_synopsis(self) -> bool:
        return any(word.startswith("[") or word == "..." for word in self.words)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def commands(page: Path) -> Iterator[Command]:
    """Every `greenlane ...` in a fenced block or in one set in by four blanks."""
    waiting: Command | None = None
    for found in _pieces(page):
        if isinstance(found, Command):
            if waiting is not None:
                yield waiting
            waiting = found
        elif waiting is not None:
            waiting = replace(waiting, shows=found)
    if waiting is not None:
        yield waiting


def matches(shown: str, printed: str) -> bool:
    """Whether a command printed what the page shows: "…" stands for anything within a line, alone for any lines."""
    lines = [
        ".*" if line.strip() == ANY else re.escape(line.rstrip()).replace(ANY, "[^\n]*") for line in shown.splitlines()
    ]
    found = "\n".join(line.rstrip() for line in printed.strip("\n").splitlines())
    return re.fullmatch("\n".join(lines), found, re.DOTALL) is not None


def _pieces(page: Path) -> Iterator[Command | str]:
    """The commands, and the text of each block of output, in their order."""
    name, reason, fence, before = str(page.relative_to(ROOT)), "", "", ""
    output: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        inside = bool(fence) or (line.startswith("    ") and (before == "" or before.startswith("    ")))
        if line.startswith("```"):
            if fence == OUTPUT:
                yield "\n".join(output)
            fence, output = "" if fence else line, []
        elif fence == OUTPUT:
            output.append(line)
        elif (mark := _MARK.fullmatch(line)) is not None:
            reason = mark[1]
        elif inside and (found := _PROMPTLESS.fullmatch(line.strip())) is not None:
            yield Command(name, number, tuple(shlex.split(_REMARK.sub("", found[1]))), reason)
        elif line and not inside:
            reason = ""
        before = line
