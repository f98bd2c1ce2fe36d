"""A real Chromium for the tests of pages; they are skipped visibly where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP plain.test 127.0.0.1",
]
"""plain.test: this machine under a name that no browser takes for it, so that http there is not secure."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Playwright's handle on the system's Chromium."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


AT_REST = """async () => {
  for (let frame = 0; frame < 2; frame++) await new Promise((drawn) => requestAnimationFrame(drawn));
  const changing = document.getAnimations().filter((one) => one instanceof CSSTransition);
  await Promise.allSettled(changing.map((one) => one.finished));
}"""
"""Colours that are still changing, as from day to night, are not to be judged."""


@pytest.fixture(scope="module")
def serious() -> Callable[[Any], list[str]]:
    """What axe-core finds serious or critical on a page; its script is loaded beside the page's own policy."""
    axe = pytest.importorskip("axe_core_python")
    script = (Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")

    def found(page: Any) -> list[str]:
        page.evaluate(AT_REST)
        page.evaluate(script)
        result = page.evaluate("() => axe.run()")
        return [
            f"{v['id']}: {n['html'][:120]} {n.get('failureSummary', '')[:200]}"
            for v in result["violations"]
            if v["impact"] in ("serious", "critical")
            for n in v["nodes"][:3]
        ]

    return found
