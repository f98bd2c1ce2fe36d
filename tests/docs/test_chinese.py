"""The Chinese pages say what the English ones say: the same headings, commands, codes, tables, links and pictures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from greenlane.language import catalogue
from tests.docs.blocks import ROOT, commands

PAIRS = [(ROOT / "README.md", ROOT / "README.zh.md")] + [
    (ROOT / "docs" / page.name, page) for page in sorted((ROOT / "docs" / "zh").glob("*.md"))
]
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^(#+) ", re.MULTILINE)


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def table_rows(page: Path) -> list[str]:
    """The rows of its tables, from the top."""
    return [line for line in prose(page).splitlines() if line.startswith("|")]


def targets(page: Path) -> set[str]:
    """The files that it links to, the other language's page and its own headings left out."""
    linked = [target.partition("#")[0] for target in LINK.findall(prose(page))]
    files = {(page.parent / target).resolve() for target in linked if target and "://" not in target}
    return {file.name for file in files if file.name != "README.zh.md" and file != PAIRS[0][0]}


@pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_chinese_page_follows_the_english_one(english: Path, chinese: Path) -> None:
    assert [c.words for c in commands(chinese)] == [c.words for c in commands(english)]
    ours, theirs = prose(chinese), prose(english)
    assert HEADING.findall(ours) == HEADING.findall(theirs)
    rows = zip(table_rows(english), table_rows(chinese), strict=True)
    other = [row for row in rows if sorted(CODE.findall(row[0])) != sorted(CODE.findall(row[1]))]
    assert not other, "a table has other rows, or in another order"
    assert sorted(set(CODE.findall(ours))) == sorted(set(CODE.findall(theirs)))
    assert targets(chinese) == targets(english)


@pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_pages_link_to_each_other(english: Path, chinese: Path) -> None:
    assert f"]({chinese.relative_to(english.parent)})" in english.read_text(encoding="utf-8")
    assert (chinese.parent / LINK.findall(chinese.read_text(encoding="utf-8"))[0]).resolve() == english


@pytest.mark.parametrize("chinese", [chinese for _, chinese in PAIRS], ids=lambda page: str(page.relative_to(ROOT)))
def test_the_words_are_those_of_the_trade(chinese: Path) -> None:
    assert not re.search("校准|标定|冻结|面板|车道|喷嘴|燃料", chinese.read_text(encoding="utf-8"))


def test_the_checks_of_doctor_stand_in_one_order_under_the_names_that_it_prints() -> None:
    """Rows of names alone show no order that the codes could tell."""
    english, chinese = PAIRS[[page.name for page, _ in PAIRS].index("technician.md")]
    names = [row.split("|")[1].strip().split(", ") for row in table_rows(english)]
    theirs = [row.split("|")[1] for row in table_rows(chinese)]
    first, last = names.index(["python", "opencv", "weights"]), names.index(["boot service"])
    texts = catalogue("zh").texts
    for row in range(first, last + 1):
        assert [texts[name] for name in names[row] if name in texts and texts[name] not in theirs[row]] == []
