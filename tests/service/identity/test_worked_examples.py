"""The programs that /docs shows enrol with a code and get an answer from a real service, in each language."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from service.admin.admin import Admin
from service.app import create_app
from service.identity.guard import Guard
from service.identity.signed.devices import Place
from service.identity.web import PAGES
from service.server import running
from tests.service.identity.kit import CHEAP
from wire.devices import DeviceKind

PROGRAMS = {"first_question.py": sys.executable, "first_question.sh": "sh"}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_terminal_maker_gets_the_first_answer(name: str, tmp_path: Path) -> None:
    if name.endswith(".sh") and not (shutil.which("curl") and shutil.which("openssl")):
        pytest.skip("curl or openssl is not installed")
    app = create_app(f"sqlite:///{tmp_path / 'books.sqlite3'}", guard=Guard(hasher=CHEAP))
    admin = Admin(app.state.books, "test")
    admin.stations.set("S1")
    answers = []
    with running(app) as url:
        for lane in ("L1", "L2", "L3"):
            code = app.state.identity.devices.issue_code(Place(DeviceKind.LANE, "S1", lane), "test")
            words = [PROGRAMS[name], str(PAGES / "examples" / name), url, code]
            done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0, done.stderr
            answers.append(json.loads(done.stdout))
            if lane == "L1":
                admin.cards.create("C1")
                admin.plates.bind("粤B12345", "C1")
                admin.money.top_up("C1", 50_000)
    told = [(answer["decision"], answer["reason"]) for answer in answers]
    assert told[:2] == [("refuse", "unknown_plate"), ("allow", "ok")]
    assert told[2] == ("refuse", "open_elsewhere"), "by its own name, not by the nearest older one"
