"""Names as people type them: which spelling is usual, and which could be taken for another name."""

from __future__ import annotations

import re
from unicodedata import category, decimal, normalize
from unicodedata import name as unicode_name

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
