"""What a person's browser is shown when something is not there or not theirs: a page, in their language."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from greenlane import cli
from hardware.jpeg import encode_jpeg
from service.books.messages import Report
from service.identity.people import Role
from service.identity.web import LANGUAGE_COOKIE, Language, part
from service.station.overview.control_view import ControlView
from service.station.overview.routes import _words
from service.station.overview.visit_lines import folded
from tests.service.identity.kit import PLATE, START, ServiceRig, fuelling, lane_status, visit_report
from tests.service.identity.test_pages import PASSWORD, log_in
from wire.codec import decode
from wire.devices import DeviceKind
from wire.fuellings import Fuelling
from wire.live import Stage, StoryLine, VisitReport

PAGE = {"en": {"Accept": "text/html", "Accept-Language": "en"}, "zh": {"Accept": "text/html", "Accept-Language": "zh"}}


@pytest.fixture
def rig(tmp_path: Path) -> ServiceRig:
    made = ServiceRig(tmp_path)
    made.identity.people.add("wang", PASSWORD, Role.OPERATOR, "S1", "test")
    made.identity.people.add("li", PASSWORD, Role.ATTENDANT, "S1", "test")
    return made


@pytest.fixture
def client(rig: ServiceRig) -> Iterator[TestClient]:
    with TestClient(rig.app, client=("10.0.0.1", 4711), follow_redirects=False) as opened:
        yield opened


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("path", "status", "english", "chinese"),
    [
        ("/nowhere", 404, "There is no such page", "没有这个页面"),
        ("/panel/L99", 404, "There is no lane L99 at S1", "油站 S1 没有加油位 L99"),
        ("/station/visits/none", 404, "No such visit", "没有这条进站记录"),
        ("/station?station=S2", 403, "This person sees station S1 alone", "只能查看油站 S1"),
    ],
)
def test_errors_are_pages_in_both_languages(
    client: TestClient, path: str, status: int, english: str, chinese: str
) -> None:
    log_in(client, "li")
    for language, words in (("en", english), ("zh", chinese)):
        answer = client.get(path, headers=PAGE[language])
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8"), answer.text
        assert words in answer.text
        assert ("English" in answer.text) == (language == "zh"), "the other language is one click away"
    assert client.get(path, headers={"Accept": "application/json"}).headers["content-type"] != "text/html"


def test_a_session_that_is_over_leads_to_the_log_in(client: TestClient) -> None:
    answer = client.get("/station", headers=PAGE["en"])
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/station")
    posted = client.post("/station/orders", data={"kind": "retry"}, headers=PAGE["en"])
    assert posted.status_code == 401
    assert "The session is over" in posted.text
    assert 'href="/login"' in posted.text


def test_a_lane_that_has_reported_has_its_panel(rig: ServiceRig, client: TestClient) -> None:
    key = rig.enrol(DeviceKind.LANE)
    log_in(client, "wang")
    assert client.get("/panel/L1", headers=PAGE["en"]).status_code == 404
    assert rig.signed(key, "POST", "/v1/lane-status", lane_status()).send(client).status_code == 204
    assert client.get("/panel/L1", headers=PAGE["en"]).status_code == 200


def test_a_browser_finds_the_icon(client: TestClient) -> None:
    answer = client.get("/favicon.ico", follow_redirects=True)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")


def test_equal_reads_of_a_visit_are_one_line(rig: ServiceRig, client: TestClient) -> None:
    reads = [StoryLine(at_s=n / 10, stage=Stage.READ, words=f"weakest 0.9{n}", plate=PLATE) for n in range(9)]
    other = StoryLine(at_s=1.0, stage=Stage.READ, words="weakest 0.80", plate="粤B12346")
    again, last = (replace(reads[0], at_s=at_s) for at_s in (1.1, 2.1))
    lines = folded((*reads, other, again, StoryLine(at_s=2.0, stage=Stage.NOTE, words="a"), last))
    assert [(line.times, line.first.plate, line.until_s) for line in lines] == [
        (9, PLATE, 0.8),
        (1, "粤B12346", 1.0),
        (1, PLATE, 1.1),
        (1, None, 2.0),
        (1, PLATE, 2.1),
    ]
    key = rig.enrol(DeviceKind.LANE)
    report = visit_report()
    assert decode(VisitReport, report)
    story = [{"at_s": n / 10, "stage": "read", "words": "no plate"} for n in range(12)]
    rig.signed(key, "POST", "/v1/visits", report | {"story": story}).send(client)
    log_in(client, "li")
    shown = client.get(f"/station/visits/{report['visit']}", headers=PAGE["en"]).text
    assert "12 ×" in shown
    assert shown.count('class="stage"') == 1


def test_steps_that_a_busy_lane_tells_late_stand_where_they_happened(rig: ServiceRig, client: TestClient) -> None:
    """Reads come from another thread than lamp and answer: told after these, they are listed before them."""
    key, report = rig.enrol(DeviceKind.LANE), visit_report()
    told = [
        (0.0, "seen", {}),
        (2.4, "answered", {"reason": "ok"}),
        (2.5, "lamp", {"lamp": "green"}),
        (1.2, "read", {"plate": "粤B12346"}),
        (1.4, "read", {"plate": PLATE}),
        (2.0, "voted", {"plate": PLATE}),
        (1.3, "read", {"plate": "粤B12346"}),
    ]
    story = [{"at_s": at_s, "stage": stage, "words": "", **facts} for at_s, stage, facts in told]
    rig.signed(key, "POST", "/v1/visits", report | {"story": story}).send(client)
    log_in(client, "li")
    shown = client.get(f"/station/visits/{report['visit']}", headers=PAGE["en"]).text
    times = re.findall(r'<span class="at">([^<]+)</span>', shown)
    starts = [float(words.split("–")[0].removesuffix("s").strip()) for words in times]
    assert starts == [0.0, 1.2, 1.4, 2.0, 2.4, 2.5]
    assert "2 ×" in shown, "the two reads beside each other in time are one line"


def test_the_language_link_of_an_answer_to_a_form_leads_to_a_page(client: TestClient) -> None:
    log_in(client, "li")
    from_page = PAGE["zh"] | {"Referer": "http://testserver/station?station=S1"}
    for headers, target in ((from_page, "/station?station=S1&amp;lang=en"), (PAGE["zh"], "/?lang=en")):
        answer = client.post("/station/confirm", data={"lane": "L1"}, headers=headers)
        assert answer.status_code == 403
        assert f'href="{target}"' in answer.text
        assert client.get(target.replace("&amp;", "&"), headers=PAGE["zh"]).status_code == 200
        client.cookies.delete(LANGUAGE_COOKIE)


def test_an_unsure_visit_shows_its_best_guess_with_its_picture(rig: ServiceRig, client: TestClient) -> None:
    key = rig.enrol(DeviceKind.LANE)
    votes = [{"at_s": n / 10, "stage": "voted", "plate": plate} for n, plate in enumerate(("粤B12346", PLATE))]
    jpeg = base64.b64encode(encode_jpeg(np.zeros((24, 32, 3), np.uint8))).decode()
    unsure = {
        "picture": jpeg,
        "plate": None,
        "decision": "refuse",
        "reason": "unsure",
        "limit_fen": None,
        "charged_fen": None,
    }
    report = {**visit_report(), **unsure, "story": votes}
    assert rig.signed(key, "POST", "/v1/visits", report).send(client).status_code == 204
    log_in(client, "li")
    drawn = f'<span class="plate-drawn in-text blue" lang="zh-CN">{PLATE}</span>'
    for path in ("/station", f"/station/visits/{report['visit']}"):
        shown = client.get(path, headers=PAGE["en"]).text
        assert drawn in shown
        assert f"/station/visits/{report['visit']}/picture" in shown


def test_a_central_control_says_where_the_holds_are(rig: ServiceRig) -> None:
    at_server = "Holds are at the server"
    facts = {
        "lanes": [],
        "visits": [],
        "holds": [],
        "strange": [],
        "conflicts": [],
        "pending": set(),
        "pictured": set(),
        "may_order": False,
    }
    control = ControlView(True, START, "", 0, 1, 0, 1, START, None, None, 0, ())
    texts = [
        part(Language.ENGLISH, "station_view.html", csrf="", here="", clock_of=str, control=c, **facts, **_words())
        for c in (control, None)
    ]
    assert (at_server in texts[0], at_server in texts[1]) == (True, False)
    assert "No money is held" not in texts[0]


def test_lists_show_the_stations_time_with_its_offset(rig: ServiceRig, capsys: pytest.CaptureFixture[str]) -> None:
    rig.enrol(DeviceKind.LANE)
    books = rig.app.state.books
    books.carry_out_one(Report(decode(Fuelling, {**fuelling(), "plate": None})))
    for words, time in ((["device", "list"], "2026-05-04 16:30:00+08:00"), (["suspense"], "+08:00")):
        assert cli.main(["admin", "--database", rig.url, *words]) == 0
        assert time in capsys.readouterr().out
