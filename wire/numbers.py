"""Numbers, time zones and names as people type them."""

from __future__ import annotations

import math
import re
from unicodedata import category, decimal, normalize
from unicodedata import name as unicode_name
from zoneinfo import ZoneInfo

_OF_ONE_MACHINE = {"localtime", "posixrules", "Factory"}
_TWICE = ("posix/", "right/")
"""Folders with every zone once more; those of right/ count leap seconds, and are half a minute off."""
_LOOK_ALIKE = str.maketrans(
    "АВЕЅІЈКМНОРСТУХҮԌԚԜаеѕіјорсухүԁһԛԝ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧονϲ",
    "ABESIJKMHOPCTYXYGQWaesijopcyxydhqw" + "ABEZHIKMNOPTYXovc",
)
"""Cyrillic and Greek letters that are drawn as a Latin one."""
_BESIDE_ANY = ("CJK", "HIRAGANA", "KATAKANA", "BOPOMOFO", "HANGUL", "KANGXI", "MODIFIER", "IDEOGRAPHIC")
"""Scripts, by the first word of their letters' names, whose letters nobody takes for those of an alphabet."""
_MINUS = "\u2212"
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U0001d159\U000e0100-\U000e01ef]"
)
"""What Python calls printable and nobody sees: fillers, blanks, and choices of a letter's form."""


def parse_whole(text: str, low: int, high: int) -> int:
    """The number, within bounds that every store can hold. Raises ValueError for anything else."""
    if not re.fullmatch(r"-?[0-9]{1,19}", text, re.ASCII) or not low <= int(text) <= high:
        raise ValueError(f"{text!r}: write a whole number from {low} to {high}")
    return int(text)


def parse_number(text: str, low: float, high: float) -> float:
    """The number, within bounds. Raises ValueError for anything else: words, infinities, and what is not a number."""
    try:
        value = typed_number(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise ValueError(f"{text!r}: write a number from {low:g} to {high:g}")
    return value


def typed_number(text: str) -> float:
    """As one writes it. Raises ValueError for what Python alone reads: 1_0, and digits of other scripts."""
    if not re.fullmatch(r"[+-]?([0-9]+\.?|[0-9]*\.[0-9]+)([eE][+-]?[0-9]{1,3})?", text.strip(" "), re.ASCII):
        raise ValueError(f"{text!r} is not a number")
    return float(text)


def is_zone(name: str) -> bool:
    """Whether this machine knows a time zone of that name, and others mean the same hours by it."""
    if name in _OF_ONE_MACHINE or name.startswith(_TWICE):
        return False
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


def plain_name(text: str) -> str:
    """As a keyboard writes it: usual width, é as one character, one dash, and Latin letters for their look-alikes."""
    folded = normalize("NFC", "".join(map(_usual, normalize("NFC", _UNSEEN.sub("", text)))))
    latin = folded.translate(_LOOK_ALIKE)
    return latin if _alphabets(latin) <= {"LATIN"} else folded


def spelling_fault(text: str) -> str:
    """Why the name could be taken for another one that is spelt otherwise; nothing where it cannot."""
    if _UNSEEN.search(text):
        return f"characters of the name cannot be seen: write {plain_name(text)!r}"
    if text != (usual := plain_name(text)):
        return f"{text!r} has letters, digits or dashes of another width, form or alphabet: write {usual!r}"
    if len(_alphabets(text)) > 1:
        return f"{text!r} mixes letters of several alphabets: write it in one"
    return ""


def _usual(character: str) -> str:
    kind = category(character)
    if kind == "Nd":
        return str(decimal(character))
    if kind == "Pd" or character == _MINUS:
        return "-"
    is_radical = unicode_name(character, "").startswith("KANGXI")
    return normalize("NFKC", character) if kind[0] in "LN" or is_radical else character


def _alphabets(text: str) -> set[str]:
    scripts = {unicode_name(c, "OTHER").split()[0] for c in text if category(c)[0] == "L"}
    return {script for script in scripts if not script.startswith(_BESIDE_ANY)}
