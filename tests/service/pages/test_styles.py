"""What a page's style sheet says for narrow screens is not taken back by a rule further down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[3] / "service" / "pages" / "static"
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
MEDIA = re.compile(r"@media ([^{]*)\{((?:[^{}]*\{[^{}]*\})*[^{}]*)\}")


def said(css: str) -> Iterator[tuple[str, str]]:
    """Each selector with each property that it is given."""
    for selectors, body in RULE.findall(css):
        for selector in selectors.split(","):
            for declaration in body.split(";"):
                name, colon, value = declaration.partition(":")
                if colon and "!important" not in value:
                    yield " ".join(selector.split()), name.strip()


def taken_back(css: str) -> set[tuple[str, str]]:
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    found = set()
    for block in MEDIA.finditer(css):
        later = MEDIA.sub("", css[block.end() :])
        found |= set(said(block[2])) & set(said(later))
    return found


@pytest.mark.parametrize("file", sorted(STATIC.glob("*.css")), ids=lambda file: str(file.name))
def test_no_rule_for_some_screens_is_overridden_for_all(file: Path) -> None:
    assert taken_back(file.read_text(encoding="utf-8")) == set()


def test_one_that_is_overridden_is_found() -> None:
    assert taken_back("@media (max-width: 9px) { a { color: red; } } b, a { color: blue; }") == {("a", "color")}
    assert taken_back("a { color: blue; } @media (max-width: 9px) { a { color: red; } }") == set()
