"""What a check of a machine or a picture says: a verdict, what was found, and what to do."""

from __future__ import annotations

import enum
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass


class Severity(enum.StrEnum):
    """WARN: works, but look at it. FAIL: the lane cannot do its work like this."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Check:
    """One check with its judgement; advice says what to do and is empty when all is well."""

    name: str
    verdict: Severity
    found: str
    advice: str = ""

    def facts(self) -> dict[str, str]:
        """As the JSON documents of doctor and calibrate carry it."""
        return {"check": self.name, "verdict": str(self.verdict), "found": self.found, "advice": self.advice}


_INKS = {Severity.OK: 32, Severity.WARN: 33, Severity.FAIL: 31}


def lines(
    checks: Sequence[Check], paint: bool = False, words: Callable[[str], str] = str, above: Sequence[Check] = ()
) -> list[str]:
    """The checks as a table for people; the advice stands below its check.

    paint: with terminal colours. words: what turns a text into the language of who reads it. above: those that were
    shown before, in whose columns these go on.
    """
    width = max((columns(words(check.name)) for check in (*above, *checks)), default=0)
    shown = []
    for check in checks:
        name, word = padded(words(check.name), width), padded(words(str(check.verdict)), 4)
        if paint:
            word = f"\033[1;{_INKS[check.verdict]}m{word}\033[0m"
        shown.append(f"{word}  {name}  {words(check.found)}")
        if check.advice:
            shown.append(f"{'':6}{'':<{width}}  -> {words(check.advice)}")
    return shown


def columns(text: str) -> int:
    """How many columns of a terminal it takes; a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def padded(text: str, width: int) -> str:
    """Blanks behind it up to so many columns of a terminal."""
    return text + " " * (width - columns(text))


def worst(checks: Sequence[Check]) -> Severity:
    """FAIL if any failed, else WARN if any warned, else OK."""
    verdicts = {check.verdict for check in checks}
    return next((v for v in (Severity.FAIL, Severity.WARN) if v in verdicts), Severity.OK)
