"""The report is one page without anything from outside, and says what the visits say."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from controller.records import Vote
from greenlane import language
from greenlane.report import page
from service.station.words import REASONS, meaning
from tests.simulation import visit_results
from wire.reasons import Reason

VOID = {"meta", "img", "link", "br"}


class Balance(HTMLParser):
    """Counts tags that are not closed, and collects what would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [v or "" for k, v in attrs if k in ("src", "href", "action", "data")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [v or "" for k, v in attrs if k in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def html() -> str:
    return page.html([visit_results.result(b"\xff\xd8picture")], "conditions")


def test_nothing_is_fetched_and_every_tag_is_closed(html: str) -> None:
    reader = Balance()
    reader.feed(html)
    assert reader.open == []
    assert reader.fetched
    assert all(target.startswith("data:image/jpeg;base64,") for target in reader.fetched)
    assert "url(" not in html
    assert "<script" not in html


def test_it_tells_decision_money_and_reason_in_two_languages(html: str) -> None:
    for text in (
        "沪A·8K526",
        "Green: may refuel",
        "30.00 yuan",
        "570.00 yuan",
        "100.00 yuan held",
        "4.00 L of 92",
        "no certain plate",
        "车牌看不清",
        "reading timed out",
        "皖C&lt;script&gt;",
    ):
        assert text in html, text


def test_what_a_phone_pays_says_so_in_the_place_of_a_balance() -> None:
    """Its row was empty."""
    given = visit_results.allowed(b"")
    assert given.fuelled is not None
    assert given.fuelled.receipt is not None

    def shown(**changes: Any) -> str:
        receipt = replace(given.fuelled.receipt, balance_fen=None, **changes)
        return page._fuelling(replace(given.fuelled, receipt=receipt))

    assert '<tr><th>balance after</th><td class="money">paid by phone</td></tr>' in shown(by_phone=True)
    assert "balance after" not in shown(), "nobody was charged"
    language.speak("zh")
    try:
        assert "手机支付" in shown(by_phone=True)
    finally:
        language.speak(language.ENGLISH)


def test_the_lamp_is_drawn_in_its_order(html: str) -> None:
    first = html.split('aria-label="Lamp over time"')[1].split("</svg>")[0]
    assert re.findall(r'class="lamp (\w+)"', first) == ["off", "red", "green", "off"]


def test_a_narrow_screen_scrolls_each_drawing_instead_of_shrinking_its_letters(html: str) -> None:
    assert html.count('class="chart"') == html.count('class="sideways"') > 1


def test_a_clip_that_failed_says_so(tmp_path: Path) -> None:
    broken = replace(visit_results.result(b"x"), visits=(), error="cut.mp4: cut off")
    written = page.write(tmp_path / "new" / "folder", [broken], "")
    assert "cut.mp4: cut off" in written.read_text(encoding="utf-8")


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_words(reason: Reason) -> None:
    chinese, english = meaning(reason)
    assert reason in REASONS
    assert english.endswith(".")
    assert any(ord(character) > 0x3000 for character in chinese)


def test_a_visit_in_which_nothing_was_read_has_no_probabilities() -> None:
    clip = visit_results.result(b"\xff\xd8picture")
    nothing = Vote(None, Reason.NO_PLATE, detail="no plate was seen")
    unread = replace(visit_results.unsure(b""), reads=(), votes=((20.0, nothing),))
    unread = replace(unread, summary=replace(unread.summary, vote=nothing))
    shown = page.html([replace(clip, visits=(unread,))], "conditions")
    assert "No plate was read." in shown
    assert "0.0%" not in shown


def test_the_answer_is_punctuated_as_its_language_is() -> None:
    clip = visit_results.result(b"\xff\xd8picture")
    assert "allow, ok in 12 ms" in page.html([clip], "conditions")
    language.speak("zh")
    try:
        assert "放行，可以加油" in page.html([clip], "conditions")
    finally:
        language.speak(language.ENGLISH)
