"""Every page of the living system that a link leads to, as a phone shows it: in both languages, by day and by night."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from tests.living.served import LiveDemo, short_clip

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATIENCE_MS = 120_000
HEAVIEST = 100_000
"""Bytes of a page with all that it loads, without pictures."""
LOOKS = (("zh-CN", "light"), ("en", "dark"))
FILES = (".csv", ".json", "/logout")
TOO_WIDE = "document.documentElement.scrollWidth - innerWidth"
DOORS = ("station", "counter", "office", "fleet")


class Walker:
    """One visitor with a phone; adds up what each page weighs."""

    def __init__(self, chromium: Any, serious: Callable[[Any], list[str]]) -> None:
        context = chromium.new_context(locale="zh-CN", viewport={"width": 390, "height": 844})
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("requestfinished", self._add)
        self._serious = serious
        self._weight = 0
        self.seen: set[str] = set()

    def _add(self, request: Any) -> None:
        if request.resource_type != "image":
            sizes = request.sizes()
            self._weight += sizes["responseBodySize"] + sizes["responseHeadersSize"]

    def look(self, address: str) -> Iterator[str]:
        """What is wrong with this page."""
        for language, light in LOOKS:
            self._weight = 0
            self.page.emulate_media(color_scheme=light)
            answer = self.page.goto(f"{address}{'&' if '?' in address else '?'}lang={language}")
            name = f"{urlsplit(address).path} ({language}, {light})"
            if answer.status != 200:
                yield f"{name}: {answer.status}"
            if self.page.get_attribute("html", "lang") != language:
                yield f"{name}: is in another language"
            if (wide := self.page.evaluate(TOO_WIDE)) > 0:
                yield f"{name}: {wide} px too wide"
            yield from (f"{name}: {what}" for what in self._serious(self.page))
            if self._weight > HEAVIEST:
                yield f"{name}: {self._weight} bytes"

    def links(self) -> list[str]:
        """The pages of this host that the page leads to, one of a kind."""
        here = urlsplit(self.page.url)
        found = [urljoin(self.page.url, link) for link in self.page.eval_on_selector_all("a[href]", HREFS)]
        return [
            link.partition("#")[0]
            for link in found
            if urlsplit(link).netloc == here.netloc and not urlsplit(link).path.endswith(FILES) and "lang=" not in link
        ]


HREFS = "links => links.map(link => link.getAttribute('href'))"


def kind(address: str) -> str:
    """Visits and vehicles look alike: one of each is enough."""
    parts = urlsplit(address)
    return parts.netloc + re.sub(r"/(visits|vehicles)/[^/]+", r"/\1/", parts.path)


def test_every_page_fits_a_phone_weighs_little_and_can_be_read_by_all(
    chromium: Any, serious: Callable[[Any], list[str]], tmp_path: Path
) -> None:
    walker = Walker(chromium, serious)
    wrong: list[str] = []
    with LiveDemo(tmp_path, "--clip", str(short_clip(tmp_path / "clip.avi"))) as demo:
        demo.wait_for("first green after")
        walker.page.goto(demo.start)
        doors = {door: walker.page.get_attribute(f'a[href$="/{door}"]', "href") for door in DOORS}
        wrong += walker.look(demo.start)
        for door in DOORS:
            walker.page.goto(doors[door])
            ahead = [walker.page.url.partition("?")[0]]
            while ahead:
                address = ahead.pop(0)
                if kind(address) not in walker.seen:
                    walker.seen.add(kind(address))
                    wrong += walker.look(address)
                    ahead += walker.links()
    paths = {path.partition("/")[2] for path in walker.seen}
    assert {"station/visits/", "docs", "counter/shift", "office/reconcile", "fleet/vehicles/", "fleet/hours"} <= paths
    assert wrong == []
