"""P23: dispenser, terminal, camera, server and phone exist, and one command starts them on a laptop."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from tests.living.served import LiveDemo, short_clip
from tests.living.test_live_demo import click, wait_until_charged


@pytest.mark.slow
def test_P23_one_command_starts_all_five_parts(tmp_path: Path) -> None:
    """A vehicle is seen, allowed, fuelled, charged, and a phone has paid for another; each part has its page."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with LiveDemo(temporary, "--clip", str(short_clip(tmp_path / "clip.avi"))) as demo:
        assert set(demo.pages) == {"panel", "station", "counter", "office", "phone", "fleet"}
        assert requests.get(demo.start, timeout=30).status_code == 200
        for name in ("panel", "station", "phone"):
            assert click(demo, demo.pages[name], name).status_code == 200
        (books,) = temporary.rglob("service.sqlite3")
        wait_until_charged(books)
