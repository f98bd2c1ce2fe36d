"""The list of what to alert on: its page, its rule file and the figures that the programs really show agree."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.clock import SystemClock
from controller.telling.metrics import LaneMetrics
from service.app import create_app
from service.http.metrics import Metrics
from service.identity.guard import EMBEDDED
from service.identity.signed.signatures import Flaw
from service.reports.books_metrics import BooksCollector
from service.store.clock import SystemWallClock as ServiceClock
from service.store.database import Database
from wire.devices import DeviceKind
from wire.reasons import Reason

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
RULES = ROOT / "deploy" / "prometheus" / "greenlane.rules.yml"
ROWS = re.findall(r"^\| (.+?) \| `(.+)` \| (.+?) \| (.+) \|$", PAGE, re.MULTILINE)
SUFFIXES = ("_bucket", "_count", "_sum")
OUTCOMES = {"welcome", "wrong", "throttled"}
"""Of a log-in (service.http.metrics.Metrics.count_login)."""


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Every metric that a service on SQLite or PostgreSQL, or a lane unit, tells Prometheus."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('alerts') / 'service.sqlite3'}")
    database.migrate()
    elsewhere = Database("postgresql://nobody@127.0.0.1:1/none")
    clock = ServiceClock()
    texts = []
    for one in (database, elsewhere):
        metrics = Metrics(one)
        metrics.show(BooksCollector(one, clock, dict))
        texts.append(metrics.exposition().decode())
    database.close()
    names = set(re.findall(r"^# TYPE (\w+) ", "\n".join(texts), re.MULTILINE))
    wiring = (ROOT / "greenlane" / "wiring.py").read_text(encoding="utf-8")
    names |= set(re.findall(r'"(greenlane_\w+)"', wiring))
    control = (ROOT / "station" / "metrics.py").read_text(encoding="utf-8")
    names |= {f"greenlane_station_{name}" for name in re.findall(r'^ +\("(\w+)", "', control, re.MULTILINE)}
    names |= set(re.findall(r'"(greenlane_\w+)"', control))
    return names | {one.name for one in LaneMetrics(SystemClock()).series()}


def test_metrics_keep_their_names(shown: set[str]) -> None:
    """metric_names.txt has what was shown when it was written; dashboards and alerts have been made from that."""
    known = Path(__file__).with_name("metric_names.txt").read_text(encoding="utf-8").split()
    assert len(known) > 30
    assert set(known) <= shown, set(known) - shown


def without_suffix(name: str) -> str:
    return next((name.removesuffix(s) for s in SUFFIXES if name.endswith(s)), name)


def test_page_and_rule_file_say_the_same() -> None:
    spans = {"0": "0s"}
    page = [
        (name, expression.replace(r"\|", "|"), spans.get(time, time.replace(" min", "m").replace(" h", "h")))
        for name, expression, time, _ in ROWS
    ]
    file = [(rule["annotations"]["summary"], rule["expr"], rule["for"]) for rule in rules()]
    assert file == page
    assert len(file) > 15


def test_every_rule_can_be_sent_to_somebody() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        assert re.fullmatch(r"Greenlane[A-Za-z]+", rule["alert"])
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["description"]


def test_every_metric_on_the_page_is_really_shown(shown: set[str]) -> None:
    named = set(re.findall(r"greenlane_\w+", PAGE + RULES.read_text(encoding="utf-8")))
    assert {name for name in named if without_suffix(name) not in shown} == set()


def test_every_label_value_can_occur(tmp_path: Path) -> None:
    app = create_app(f"sqlite:///{tmp_path / 'service.sqlite3'}", guard=EMBEDDED)
    known: dict[str, set[str]] = {
        "flaw": {flaw.value for flaw in Flaw},
        "reason": {reason.value for reason in Reason},
        "outcome": OUTCOMES,
        "kind": {kind.value for kind in DeviceKind},
        "route": set(app.openapi()["paths"]),
        "job": {"greenlane", "greenlane-station", "greenlane-lane"},
        "status": {"5.."},
    }
    app.state.books.database.close()
    found = [match for rule in rules() for match in re.findall(r'(\w+)=~?"([^"]*)"', rule["expr"])]
    assert found
    assert {(label, v) for label, value in found for v in value.split("|") if v not in known[label]} == set()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="Debian's package prometheus has promtool")
def test_prometheus_takes_the_rule_file() -> None:
    done = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
