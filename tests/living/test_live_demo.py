"""`greenlane demo --live` as its user types it: pages to log in to, a fuelling charged, a paying phone, a clean end."""

from __future__ import annotations

import html
import re
import shlex
import socket
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from sqlalchemy import select

from controller.clock import SystemClock
from controller.traces.records import VisitTrace
from controller.traces.store import TraceStore
from greenlane.cli import demo, main
from service.store.database import Database
from service.store.payer_tables import charges
from service.store.schema import fuellings
from tests.living.served import COMMAND, LiveDemo, Printed, short_clip


def log_in(page: Printed, password: str) -> requests.Response:
    """As a browser does it: the form, its secret and cookies; then the page."""
    path = page.url.partition(page.host)[2]
    with requests.Session() as browser:
        browser.trust_env = False
        browser.headers["Host"] = page.host
        form = browser.get(f"{page.address}/login", params={"next": path}, timeout=30)
        secret = re.search(r'name="csrf" value="([^"]+)"', form.text)
        assert secret
        fields = {"csrf": html.unescape(secret.group(1)), "next": path, "name": page.who, "password": password}
        welcome = browser.post(f"{page.address}/login", data=fields, timeout=30, allow_redirects=False)
        assert (welcome.status_code, welcome.headers["Location"]) == (303, path), page.title
        return browser.get(f"{page.address}{path}", timeout=30, headers={"Accept": "text/html"})


def click(demo: LiveDemo, page: Printed, name: str) -> requests.Response:
    """What the start page's link does."""
    with requests.Session() as browser:
        browser.trust_env = False
        browser.headers["Host"] = page.host
        token = demo.start.rpartition("/")[2]
        assert browser.get(f"{page.address}/demo/wrong/{name}", timeout=30).status_code == 404
        entered = browser.get(f"{page.address}/demo/{token}/{name}", timeout=30, allow_redirects=False)
        assert entered.status_code == 303
        return browser.get(page.address + entered.headers["Location"], timeout=30)


def wait_until_charged(books: Path) -> None:
    """A card has paid a fuelling, and a phone its charge."""
    database, until_s = Database(f"sqlite:///{books}"), time.monotonic() + 240
    try:
        while time.monotonic() < until_s:
            with database.reading() as connection:
                volumes = connection.execute(select(fuellings.c.volume_ml)).scalars().all()
                states = connection.execute(select(charges.c.state)).scalars().all()
            if "paid" in states and len(volumes) >= 2:
                assert all(volume > 0 for volume in volumes)
                return
            time.sleep(0.3)
    finally:
        database.close()
    raise AssertionError(f"fuellings {volumes}, charges {states}")


@pytest.mark.slow
def test_a_newcomer_plays_with_the_living_system(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with LiveDemo(temporary, "--clip", str(short_clip(tmp_path / "clip.avi"))) as demo:
        pages = demo.pages
        assert set(pages) == {"panel", "station", "counter", "office", "phone", "fleet"}
        assert requests.get(demo.start, timeout=30).text.count('class="card tile"') == len(pages)
        for name, page in pages.items():
            shown = click(demo, page, name)
            if name != "phone":
                shown = log_in(page, demo.password)
            assert shown.status_code == 200, f"{name}: {shown.text[:500]}"
            assert len(shown.content) < 100_000
        demo.wait_for("first green after")
        wait_until_charged(next(temporary.glob("greenlane-demo-*/service.sqlite3")))
        demo.wait_for("charged")
        status, took_s = demo.interrupt(60)
    assert status == 0, demo.text
    assert took_s < 15, "Ctrl-C ends it within a few seconds"
    assert list(temporary.iterdir()) == [], "no file is left"
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(pages["counter"].address.rpartition(":")[2]))) != 0
    assert "nothing is left running" in demo.text
    assert "Traceback" not in demo.text


def test_the_command_that_looks_into_kept_books_is_one_that_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "my demo"
    kept.mkdir()
    assert main(["admin", "station", "set", "S1", "--database", f"sqlite:///{kept / demo.KEPT_BY}"]) == 0
    living: Any = SimpleNamespace(start="", entries=(), password="")
    demo._show(living, kept, 0.0)
    TraceStore(kept / "lane" / "traces", SystemClock()).write(VisitTrace("L1-1", datetime.now(UTC), "opencv"), {})
    books, visits = re.findall("look with: greenlane (.*)", capsys.readouterr().out)
    assert main(shlex.split(books)) == 0
    assert main(shlex.split(visits)) == 0


@pytest.mark.slow
def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"greenlane demo: port {port} of 127.0.0.1 is not available" in done.stderr
