"""A lane unit's metrics: counted, in a format that Prometheus reads, and served without harm to the lane."""

from __future__ import annotations

import http.client
import math
import re
import socket
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.clock import ManualClock
from controller.errors import SettingsError
from controller.records import Frame, LampChange, LampColour, Reading, VisitSummary
from controller.settings_records import (
    CameraSettings,
    LampSettings,
    MetricsSettings,
    ServiceSettings,
    Settings,
    TraceSettings,
)
from controller.telling.metrics import LaneMetrics, Series, exposition, gauge
from controller.telling.metrics_server import MetricsServer
from wire.reasons import Reason, Verdict

parser = pytest.importorskip("prometheus_client.parser")
AT = datetime(2026, 5, 4, tzinfo=UTC)


def values(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (s.name, tuple(sorted(s.labels.items()))): s.value
        for family in parser.text_string_to_metric_families(text)
        for s in family.samples
    }


@given(st.text(max_size=20), st.floats(allow_nan=False))
def test_prometheus_reads_back_what_was_told(text: str, value: float) -> None:
    found = values(exposition([Series("greenlane_x", "gauge", text, {(("name", text),): value})]))
    assert found == {("greenlane_x", (("name", text),)): value}


def test_what_is_heard_is_counted() -> None:
    clock = ManualClock()
    metrics = LaneMetrics(clock)
    assert math.isnan(values(exposition(metrics.series()))["greenlane_lane_frame_age_seconds", ()])
    metrics.frame_read(None, Frame(1, None, clock.monotonic_s(), AT), Reading((), {"detect": 20.0, "recognise": 5.0}))
    clock.advance(2.5)
    metrics.answered("v", None, Reason.SERVICE_SILENT, "", 0.0)
    metrics.lamp_changed("v", LampChange(0.0, LampColour.GREEN), Reason.OK)
    metrics.fuelling_ended("v", None, 0.0)
    metrics.visit_closed(
        VisitSummary(
            visit="v",
            plate=None,
            typed=False,
            decision=Verdict.REFUSE,
            reason=Reason.UNSURE,
            first_seen_at=AT,
            first_seen_s=0.0,
            read_s=None,
            decided_s=None,
            gone_s=1.0,
            lamp=(),
        )
    )
    found = values(exposition(metrics.series()))
    assert found["greenlane_lane_frame_age_seconds", ()] == 2.5
    assert found["greenlane_lane_read_seconds_total", (("stage", "detect"),)] == 0.02
    assert found["greenlane_lane_questions_failed_total", (("reason", "service_silent"),)] == 1
    assert found["greenlane_lane_lamp", (("colour", "green"),)] == 1
    assert found["greenlane_lane_lamp", (("colour", "red"),)] == 0
    assert found["greenlane_lane_fuellings_total", ()] == 0
    assert found["greenlane_lane_visits_total", (("decision", "refuse"), ("reason", "unsure"))] == 1


def ask(port: int, path: str, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_served() -> None:
    problems: list[str | None] = [None]
    text = exposition([gauge("greenlane_x", "", 1)])
    with MetricsServer("127.0.0.1", 0, lambda: text, lambda: problems[0]) as server:
        assert ask(server.port, "/metrics")[1].endswith("greenlane_x 1\n")
        assert ask(server.port, "/healthz") == (200, "ok\n")
        problems[0] = "the camera is lost"
        assert ask(server.port, "/healthz") == (503, "the camera is lost\n")
        assert ask(server.port, "/")[0] == 404
        assert ask(server.port, "/metrics", "POST")[0] == 501
        with pytest.raises(SettingsError, match="metrics address"):
            MetricsServer("127.0.0.1", server.port, str, lambda: None)
        server.close()


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_served_over_ipv6() -> None:
    with MetricsServer("::1", 0, lambda: "x", lambda: None) as server:
        connection = http.client.HTTPConnection("::1", server.port, timeout=30)
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b"ok\n"


def test_an_error_in_a_page_stays_there() -> None:
    def broken() -> str:
        raise ValueError

    with MetricsServer("127.0.0.1", 0, broken, lambda: None) as server:
        assert ask(server.port, "/metrics")[0] == 500
        assert ask(server.port, "/healthz")[0] == 200


def test_a_lane_unit_serves_them_where_its_settings_say(tmp_path: Path) -> None:
    from greenlane import wiring

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    settings = Settings(
        camera=CameraSettings(kind="fake", width_px=320, height_px=240),
        lamp=LampSettings(kind="fake"),
        service=ServiceSettings(url="http://127.0.0.1:9"),
        trace=TraceSettings(state_dir=str(tmp_path)),
        metrics=MetricsSettings(f"127.0.0.1:{port}"),
    )
    with wiring.LaneUnit(settings, ManualClock()):
        found = values(ask(port, "/metrics")[1])
        assert found["greenlane_lane_outbox_waiting", ()] == 0
        assert found["greenlane_lane_outbox_parked", ()] == 0
        assert ask(port, "/healthz")[0] in (200, 503)
    for wrong in ("9108", "127.0.0.1:x", "127.0.0.1:70000"):
        with pytest.raises(SettingsError, match="metrics"):
            wiring.LaneUnit(replace(settings, metrics=MetricsSettings(wrong)), ManualClock())


def test_alerts_name_metrics_that_exist() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "alerts.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\bgreenlane_lane_\w+", page.partition("## Lane unit")[2]))
    exposed = {series.name for series in LaneMetrics(ManualClock()).series()}
    exposed |= {"greenlane_lane_outbox_waiting", "greenlane_lane_outbox_parked"}
    assert len(named) >= 5
    assert named <= exposed
