"""The command lines that README and docs/ show, in their order, and whether a block is marked as not to be run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_MARK = re.compile(r"<!-- not run: (.+) -->")
_PROMPTLESS = re.compile(r"(?:sudo (?:-u \S+ )?)?greenlane (.*)")
_REMARK = re.compile(r"(?:\s#\s|\s{3,}).*")


@dataclass(frozen=True, slots=True)
class Command:
    """words: without sudo and `greenlane`. not_run: why it is not run here, empty where it is."""

    page: str
    line: int
    words: tuple[str, ...]
    not_run: str

    @property
    def is_synopsis(self) -> bool:
        return any(word.startswith("[") or word == "..." for word in self.words)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def commands(page: Path) -> Iterator[Command]:
    """Every `greenlane ...` in a fenced block or in one set in by four blanks."""
    name, reason, fenced, before = str(page.relative_to(ROOT)), "", False, ""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        inside = fenced or (line.startswith("    ") and (before == "" or before.startswith("    ")))
        if line.startswith("```"):
            fenced = not fenced
        elif (mark := _MARK.fullmatch(line)) is not None:
            reason = mark[1]
        elif inside and (found := _PROMPTLESS.fullmatch(line.strip())) is not None:
            yield Command(name, number, tuple(shlex.split(_REMARK.sub("", found[1]))), reason)
        elif line and not inside:
            reason = ""
        before = line
