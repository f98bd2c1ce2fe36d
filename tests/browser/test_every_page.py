"""Every page of the live system that a link leads to, as a phone shows it: in both languages, by day and by night."""

from __future__ import annotations

import os
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
PICTURES = os.environ.get("GREENLANE_PICTURES", "")
"""A folder for a picture of every page, in Chinese, as a phone and as a desk show it."""
DESK, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
DOORS = ("station", "counter", "office", "fleet")
MOST_BEFORE_PAINT = 2
"""Files that a page waits for before it paints: the visual language, and the sheet of its own kind."""

WAITED_FOR = """() => [
  ...performance.getEntriesByType("resource").filter((one) => one.renderBlockingStatus === "blocking")
    .map((one) => new URL(one.name).pathname),
  ...[...document.fonts].map((font) => `font ${font.family}`),
]"""
PAINTED = "() => performance.getEntriesByName('first-contentful-paint').length > 0"


MARK = """() => {
  const pressable = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  const groups = new Set();
  for (const e of document.querySelectorAll(pressable)) {
    if (e.disabled || !e.checkVisibility() || (e.type === "radio" && groups.has(e.name))) continue;
    if (e.type === "radio") groups.add(e.name);
    e.dataset.unreached = "";
  }
  return document.querySelectorAll("[data-unreached]").length;
}"""
REACH = """() => {
  const e = document.activeElement, style = getComputedStyle(e);
  const group = e.type === "radio" ? document.querySelectorAll(`input[name="${e.name}"]`) : [e];
  for (const one of group) delete one.dataset.unreached;
  const is_seen = e === document.body || style.outlineStyle !== "none" || style.boxShadow !== "none";
  return [document.querySelectorAll("[data-unreached]").length, is_seen ? "" : e.outerHTML.slice(0, 80)];
}"""


class Walker:
    """One visitor with a phone; adds up what each page weighs."""

    def __init__(self, chromium: Any, serious: Callable[[Any], list[str]]) -> None:
        context = chromium.new_context(locale="zh-CN", viewport=NARROW)
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

    def picture(self, address: str) -> None:
        if PICTURES:
            self.page.emulate_media(color_scheme="light")
            self.page.goto(f"{address}{'&' if '?' in address else '?'}lang=zh-CN")
            for size in (DESK, NARROW):
                self.page.set_viewport_size(size)
                name = f"page-{pictured(address)}-{size['width']}.jpg"
                self.page.screenshot(path=str(Path(PICTURES) / name), type="jpeg", quality=70)

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
            yield from (f"{name}: {what}" for what in waited_for(self.page))
            if self._weight > HEAVIEST:
                yield f"{name}: {self._weight} bytes"

    def by_keyboard(self) -> Iterator[str]:
        """What Tab does not reach, and what does not show that it is reached."""
        name = urlsplit(self.page.url).path
        left, unseen = self.page.evaluate(MARK), ""
        for _ in range(3 * left + 10):
            if left == 0:
                break
            self.page.keyboard.press("Tab")
            left, unseen = self.page.evaluate(REACH)
            if unseen:
                yield f"{name}: the focus is not seen on {unseen}"
        if left:
            missed = self.page.eval_on_selector("[data-unreached]", "e => e.outerHTML")
            yield f"{name}: Tab does not reach {missed[:120]}"

    def on_paper(self) -> Iterator[str]:
        self.page.emulate_media(media="print")
        if self.page.is_visible(".bar"):
            yield f"{urlsplit(self.page.url).path}: prints its menu"
        self.page.emulate_media(media="screen")

    def links(self) -> list[str]:
        """The pages of this host that the page leads to, one of a kind."""
        here = urlsplit(self.page.url)
        found = [urljoin(self.page.url, link) for link in self.page.eval_on_selector_all("a[href]", HREFS)]
        return [
            link.partition("#")[0]
            for link in found
            if urlsplit(link).netloc == here.netloc and not urlsplit(link).path.endswith(FILES) and "lang=" not in link
        ]


def waited_for(page: Any) -> list[str]:
    """What keeps it from painting, beyond a few style sheets."""
    names = page.evaluate(WAITED_FOR)
    others = [f"waits for {name} before it paints" for name in names if not name.endswith(".css")]
    return others + ([f"waits for {names} before it paints"] if len(names) > MOST_BEFORE_PAINT else [])


HREFS = "links => links.map(link => link.getAttribute('href'))"


def kind(address: str) -> str:
    """Visits and vehicles look alike: one of each is enough."""
    parts = urlsplit(address)
    return parts.netloc + re.sub(r"/(visits|vehicles)/[^/]+", r"/\1/", parts.path)


def pictured(address: str) -> str:
    """A name for its picture: visits and vehicles without their numbers, the start page by what it is."""
    path = kind(address).partition("/")[2]
    return "start" if path.startswith("demo/") else path.strip("/").replace("/", "-") or "home"


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
        walker.picture(demo.start)
        for door in DOORS:
            walker.page.goto(doors[door])
            ahead = [walker.page.url.partition("?")[0]]
            while ahead:
                address = ahead.pop(0)
                if kind(address) not in walker.seen:
                    walker.seen.add(kind(address))
                    wrong += walker.look(address)
                    wrong += walker.by_keyboard()
                    wrong += walker.on_paper()
                    walker.picture(address)
                    ahead += walker.links()
    paths = {path.partition("/")[2] for path in walker.seen}
    assert {"station/visits/", "docs", "counter/shift", "office/reconcile", "fleet/vehicles/", "fleet/hours"} <= paths
    assert wrong == []


def test_a_page_paints_though_its_scripts_never_come(chromium: Any, tmp_path: Path) -> None:
    """Each page that scripts work on is there to be read before them, on however slow a line."""
    with LiveDemo(tmp_path, "--clip", str(short_clip(tmp_path / "clip.avi"))) as demo:
        demo.wait_for("Ctrl-C ends it")
        page = chromium.new_context(viewport={"width": 390, "height": 844}).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(demo.start)
        doors = {name: page.get_attribute(f'a[href$="/{name}"]', "href") for name in (*DOORS, "panel", "phone")}
        held: list[str] = []
        page.route("**/*.js", lambda route: held.append(urlsplit(route.request.url).path))
        for name, address in doors.items():
            held.clear()
            page.goto(address, wait_until="commit")
            page.wait_for_function(PAINTED)
            assert page.inner_text("main").strip(), name
            if name in ("station", "counter", "panel", "phone"):
                assert held, f"{name} has scripts, and none was held back"
