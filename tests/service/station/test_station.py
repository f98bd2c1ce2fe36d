"""Panel and station's page over HTTP: what lane units tell, what people order, who may see what, and for how long."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from controller.outbound.key_pair import KeyPair
from models.grammar import FORMATS
from service.admin.typed_plates import TypedPlates
from service.books.messages import Ask
from service.http import refusal_words
from service.http.format_table import formats, typed_plate
from service.identity import trail
from service.identity.people import Role
from service.live.changes import Changes, count_change
from service.station.panel.routes import CHARACTERS as CHARACTER_KEYS
from service.station.panel.routes import PROVINCES as PROVINCE_KEYS
from service.station.tables import lane_orders, visit_reports
from service.station.words import LAMPS, PHASES, REASONS, RESULTS, STAGES
from service.store import schema
from tests.service.identity.kit import PLATE, ServiceRig, lane_status, question, visit_report
from tests.service.identity.test_pages import PASSWORD, csrf, log_in
from wire.codec import WireError, decode
from wire.devices import DeviceKind
from wire.live import ENTRANCE, LampState, OrderKind, OrderResult, Stage
from wire.questions import Question
from wire.reasons import ErrorCode, Reason

JPEG = base64.b64encode(b"\xff\xd8\xff\xe0 a small picture").decode()
PARKED = {
    "id": 5,
    "kind": "fuelling",
    "key": "D1/9",
    "reason": "impossible_fuelling",
    "detail": "<b>its end</b>",
    "queued_at": "2026-05-04T08:00:00Z",
}
EMPTY = lane_status(phase="empty", lamp=LampState.OFF, reason=Reason.VISIT_OVER, visit=None, plate=None, limit_fen=None)
UNSURE = {"phase": "red", "lamp": "red", "reason": "unsure", "plate": None, "limit_fen": None}
ENGLISH = {"Accept-Language": "en", "Accept": "text/html"}


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> ServiceRig:
    made = ServiceRig(tmp_path, url=database_url)
    admin = made.identity.people
    admin.add("wang", PASSWORD, Role.OPERATOR, None, "test")
    admin.add("li", PASSWORD, Role.ATTENDANT, "S1", "test")
    admin.add("pump", PASSWORD, Role.PANEL, "S1", "test", lane="L1")
    return made


@pytest.fixture
def client(rig: ServiceRig) -> Iterator[TestClient]:
    with TestClient(rig.app, client=("10.0.0.1", 4711), follow_redirects=False) as opened:
        yield opened


@pytest.fixture
def key(rig: ServiceRig) -> KeyPair:
    return rig.enrol(DeviceKind.LANE)


def tell(rig: ServiceRig, client: TestClient, key: KeyPair, target: str, body: object) -> httpx.Response:
    return rig.signed(key, "POST", target, body).send(client)


def orders(rig: ServiceRig, client: TestClient, key: KeyPair, done: list[dict[str, Any]] | None = None) -> Any:
    body = {"station": "S1", "lane": "L1", "wait_s": 0.0, "done": done or []}
    answer = tell(rig, client, key, "/v1/lane-orders", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def type_plate(client: TestClient, plate: str, lane: str = "L1") -> httpx.Response:
    form = {"csrf": csrf(client), "plate": plate}
    return client.post(f"/panel/{lane}/typed", data=form, headers={"Accept": "application/json"})


def test_the_typed_plate_reaches_the_lane_and_the_lamp_the_panel(
    rig: ServiceRig, client: TestClient, key: KeyPair
) -> None:
    tell(
        rig,
        client,
        key,
        "/v1/lane-status",
        lane_status(phase="reading", lamp=LampState.RED, reason=Reason.NO_PLATE, plate=None, limit_fen=None),
    )
    log_in(client, "pump")
    shown = client.get("/panel/L1").text
    assert re.findall('placeholder="([^"]*)"', shown) == ["车牌号 Plate", "密码 PIN"], "each field in both languages"
    assert "正在识别" in shown
    assert "<title>触摸屏 L1" in shown
    answer = type_plate(client, " 粤b·12345")
    assert (answer.status_code, answer.json()["en"]) == (202, "Sent")
    (order,) = orders(rig, client, key)
    assert (order["kind"], order["plate"], order["by"]) == ("typed", PLATE, "pump")
    assert orders(rig, client, key) == [order]
    assert orders(rig, client, key, [{"order": order["id"], "result": "taken"}]) == []
    rig.clock.move(1)
    reported = lane_status(typed=True) | {"at": "2026-05-04T08:30:01Z"}
    assert tell(rig, client, key, "/v1/lane-status", reported).status_code == 204
    shown = client.get("/panel/L1/view").text
    for words in ("粤B", "12345", "¥300.00", "可以加油", 'data-lamp="green"', 'data-state="green"'):
        assert words in shown


def test_a_screen_reader_is_told_sentences_and_no_lonely_dots(
    rig: ServiceRig, client: TestClient, key: KeyPair
) -> None:
    log_in(client, "pump")
    spoken = []
    for number, more in enumerate(({}, {"phase": "fuelling", "volume_ml": 1000, "amount_fen": 750})):
        tell(rig, client, key, "/v1/lane-status", lane_status(number=number + 1) | more)
        (words,) = re.findall('data-spoken="([^"]*)"', client.get("/panel/L1/view").text)
        spoken.append(words)
    assert spoken == ["可以加油 You may refuel. 请提枪加油 Lift the nozzle", "正在加油 Fuelling"]


@pytest.mark.sample(3)
@pytest.mark.parametrize("text", ["", "粤B1234", "粤B1234I", "粤B123456", "hello", "粤" * 50, "粤B12345; drop"])
def test_what_no_plate_can_be_goes_nowhere(rig: ServiceRig, client: TestClient, key: KeyPair, text: str) -> None:
    tell(rig, client, key, "/v1/lane-status", lane_status())
    log_in(client, "pump")
    assert type_plate(client, text).status_code == 422
    assert orders(rig, client, key) == []


def test_no_vehicle_waits(rig: ServiceRig, client: TestClient, key: KeyPair) -> None:
    tell(rig, client, key, "/v1/lane-status", EMPTY)
    log_in(client, "pump")
    type_plate(client, PLATE)
    (order,) = orders(rig, client, key)
    orders(rig, client, key, [{"order": order["id"], "result": "nobody"}])
    assert "No vehicle waits for it" in client.get("/panel/L1/view").text
    rig.clock.move(1)
    came = lane_status() | UNSURE | {"at": "2026-05-04T08:30:01Z"}
    tell(rig, client, key, "/v1/lane-status", came)
    assert "No vehicle waits for it" not in client.get("/panel/L1/view").text, "the note is of no visit"


def test_a_plate_of_unknown_kind_is_not_asked_for_as_typing_it_would_be_refused(
    rig: ServiceRig, client: TestClient, key: KeyPair
) -> None:
    tell(rig, client, key, "/v1/lane-status", lane_status() | UNSURE | {"reason": "unknown_kind"})
    log_in(client, "pump")
    shown = client.get("/panel/L1/view").text
    assert "不认识的车牌种类" in shown
    assert "请到收银台付款" in shown
    assert "Plate kind not known: pay at the counter" in shown
    assert "data-asks" not in shown
    assert "data-may-type" in shown, "it may have been misread: a touch opens the keyboard"
    assert type_plate(client, "WJ169305").status_code == 422
    assert type_plate(client, PLATE).status_code == 202


def test_a_plate_typed_too_long_ago_is_not_asked_about(rig: ServiceRig, client: TestClient, key: KeyPair) -> None:
    tell(rig, client, key, "/v1/lane-status", lane_status() | UNSURE)
    log_in(client, "pump")
    type_plate(client, PLATE)
    rig.clock.move(19)
    assert 'data-state="reading"' in client.get("/panel/L1/view").text
    rig.clock.move(2)
    assert orders(rig, client, key) == []
    tell(rig, client, key, "/v1/lane-status", lane_status(number=20_000, visit="v0") | UNSURE)
    assert "车牌看不清" in client.get("/panel/L1/view").text, "20 s later nobody remembers it"


def test_a_plate_that_the_lane_could_not_take_is_asked_for_again(
    rig: ServiceRig, client: TestClient, key: KeyPair
) -> None:
    tell(rig, client, key, "/v1/lane-status", lane_status() | UNSURE)
    log_in(client, "pump")
    type_plate(client, PLATE)
    (order,) = orders(rig, client, key)
    orders(rig, client, key, [{"order": order["id"], "result": "failed"}])
    assert "No answer: type it again" in client.get("/panel/L1/view").text


def test_a_plate_typed_while_green_is_not_needed(rig: ServiceRig, client: TestClient, key: KeyPair) -> None:
    tell(rig, client, key, "/v1/lane-status", lane_status())
    log_in(client, "pump")
    answer = type_plate(client, PLATE)
    assert (answer.status_code, answer.json()["en"]) == (200, "Already green")
    assert orders(rig, client, key) == []


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("text", "chinese", "english"),
    [
        ("", "请输入车牌号", "Type the plate number"),
        ("粤B1234", "还差1位", "1 more character"),
        ("粤B12", "还差3位", "3 more characters"),
        ("B12345", "缺少省份简称", "The province is missing"),
        ("粤B1234I", "第7位不正确", "Character 7 can't be"),
        ("粤BD123456", "位数太多", "Too many characters"),
    ],
)
def test_what_a_plate_lacks_is_said(
    rig: ServiceRig, client: TestClient, key: KeyPair, text: str, chinese: str, english: str
) -> None:
    tell(rig, client, key, "/v1/lane-status", lane_status() | UNSURE)
    log_in(client, "pump")
    answer = type_plate(client, text)
    assert (answer.status_code, answer.json()) == (422, {"zh": chinese, "en": english})


def test_an_old_answer_is_not_shown_for_a_plate_typed_since(rig: ServiceRig, client: TestClient, key: KeyPair) -> None:
    poor = {"phase": "red", "lamp": "red", "reason": "below_preset", "typed": True}
    tell(rig, client, key, "/v1/lane-status", lane_status() | poor)
    log_in(client, "pump")
    assert "余额不足" in client.get("/panel/L1/view").text
    rig.clock.move(1)
    type_plate(client, PLATE)
    (order,) = orders(rig, client, key)
    for done in ([], [{"order": order["id"], "result": "taken"}]):
        orders(rig, client, key, done)
        shown = client.get("/panel/L1/view").text
        assert "余额不足" not in shown, "the answer before"
        assert 'data-state="reading"' in shown
    rig.clock.move(1)
    tell(rig, client, key, "/v1/lane-status", lane_status(number=2000, visit="v0") | poor | {"reason": "card_blocked"})
    assert "油卡已停用" in client.get("/panel/L1/view").text


def test_a_line_that_is_cut_says_one_thing_steadily(rig: ServiceRig, client: TestClient, key: KeyPair) -> None:
    log_in(client, "pump")
    steps = (
        ("red", "service_fault"),
        ("asking", "service_fault"),
        ("red", "service_silent"),
        ("asking", "service_silent"),
    )
    shown = set()
    for number, (phase, reason) in enumerate(steps):
        reported = lane_status(number=number, visit="v", phase=phase, reason=Reason(reason), lamp=LampState.RED)
        tell(rig, client, key, "/v1/lane-status", reported)
        shown.add(client.get("/panel/L1/view").text)
    (text,) = shown
    assert "请到收银台付款" in text


def test_a_silent_lane_takes_no_plate_and_shows_no_green(rig: ServiceRig, client: TestClient, key: KeyPair) -> None:
    log_in(client, "pump")
    assert type_plate(client, PLATE).status_code == 409
    tell(rig, client, key, "/v1/lane-status", lane_status())
    assert 'data-lamp="green"' in client.get("/panel/L1/view").text
    rig.clock.move(31)
    silent = client.get("/panel/L1/view").text
    assert 'data-lamp="silent"' in silent
    assert PLATE not in silent
    assert type_plate(client, PLATE).status_code == 409


def test_an_overtaken_status_changes_nothing(rig: ServiceRig, client: TestClient, key: KeyPair) -> None:
    tell(rig, client, key, "/v1/lane-status", lane_status())
    tell(rig, client, key, "/v1/lane-status", lane_status(number=-1000, lamp=LampState.RED, reason=Reason.UNSURE))
    log_in(client, "pump")
    assert 'data-lamp="green"' in client.get("/panel/L1/view").text


def test_a_unit_whose_clock_was_ahead_is_heard_when_it_is_right_again(
    rig: ServiceRig, client: TestClient, key: KeyPair
) -> None:
    tell(rig, client, key, "/v1/lane-status", lane_status(number=250_000))
    rig.clock.move(5)
    tell(rig, client, key, "/v1/lane-status", lane_status(number=5_000, lamp=LampState.RED, reason=Reason.UNSURE))
    log_in(client, "pump")
    assert 'data-lamp="red"' in client.get("/panel/L1/view").text


def test_a_forged_form_types_nothing(rig: ServiceRig, client: TestClient, key: KeyPair) -> None:
    tell(rig, client, key, "/v1/lane-status", lane_status())
    log_in(client, "pump")
    assert client.post("/panel/L1/typed", data={"plate": PLATE, "csrf": "wrong"}).status_code == 403
    token = csrf(client)
    headers = {"Origin": "https://elsewhere.example"}
    assert client.post("/panel/L1/typed", data={"plate": PLATE, "csrf": token}, headers=headers).status_code == 403
    assert orders(rig, client, key) == []


def test_without_scripts_the_form_leads_back_to_the_panel(rig: ServiceRig, client: TestClient, key: KeyPair) -> None:
    tell(rig, client, key, "/v1/lane-status", lane_status())
    log_in(client, "pump")
    answer = client.post("/panel/L1/typed?station=S1", data={"plate": PLATE, "csrf": csrf(client)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/panel/L1?station=S1")


@pytest.mark.slow
def test_a_pin_is_checked_before_the_lane_hears_of_it_and_kept_nowhere(
    rig: ServiceRig, client: TestClient, key: KeyPair
) -> None:
    TypedPlates(rig.app.state.books, "tester").set_pin("C1", "493817")
    needs = {"typed": True, "reason": "pin_needed", "phase": "red", "lamp": "red"}
    tell(rig, client, key, "/v1/lane-status", lane_status() | needs)
    log_in(client, "pump")
    assert 'name="pin"' in client.get("/panel/L1?station=S1").text
    assert "data-wants-pin" in client.get("/panel/L1/view?station=S1").text

    def typed(pin: str) -> httpx.Response:
        form = {"csrf": csrf(client), "plate": PLATE, "pin": pin}
        return client.post("/panel/L1/typed", data=form, headers={"Accept": "application/json"})

    assert typed("000001").json()["en"] == "The PIN is wrong"
    assert [typed(wrong).status_code for wrong in ("x" * 500, "12", "４９３８１７")] == [422, 422, 422]
    assert rig.app.state.station.orders.waiting("S1", "L1") == []
    assert typed("493817").status_code == 202
    (order,) = rig.app.state.station.orders.waiting("S1", "L1")
    assert order.pin_proof
    answer = rig.app.state.books.carry_out_one(
        Ask(decode(Question, question(plate=PLATE, seen=None, seen_certain=False, pin_proof=order.pin_proof)))
    )
    assert answer.reason is Reason.ATTENDANT_NEEDED, "a PIN counts only where the rule wants one"
    with rig.app.state.books.database.reading() as connection:
        written = str(connection.execute(select(lane_orders)).all()) + str(list(trail.last(connection, 50)))
    assert "493817" not in written
    assert typed("000001").status_code == 422
    assert [typed("000001").status_code for _ in range(3)][-1] == 429


def test_an_attendant_confirms_a_typed_plate_by_name(rig: ServiceRig, client: TestClient, key: KeyPair) -> None:
    waiting = {"typed": True, "reason": "attendant_needed", "phase": "red", "lamp": "red", "seen": "粤B1??45"}
    tell(rig, client, key, "/v1/lane-status", lane_status() | waiting)
    log_in(client, "li")
    page = client.get("/station", headers=ENGLISH).text
    for words in ("This is its plate: confirm", "粤B1??45", "/picture"):
        assert words in page
    token = csrf(client)

    def confirm(plate: str, token: str = token) -> int:
        return client.post("/station/confirm", data={"lane": "L1", "plate": plate, "csrf": token}).status_code

    assert confirm(PLATE, "wrong") == 403
    assert confirm("粤B99999") == 409
    assert rig.app.state.station.orders.waiting("S1", "L1") == []
    assert confirm(PLATE) in (200, 303)
    (order,) = rig.app.state.station.orders.waiting("S1", "L1")
    assert (order.kind, order.by, order.plate) == (OrderKind.CONFIRM, "person:li", PLATE)
    assert orders(rig, client, key) == [], "a lane of the first version would refuse it"
    with rig.app.state.books.database.reading() as connection:
        assert any(d.actor == "person:li" and "confirm" in d.action for d in trail.last(connection, 5))
    tell(rig, client, key, "/v1/lane-status", lane_status(number=9))
    assert confirm(PLATE) == 409, "it waits no longer"


def test_the_station_page_shows_lanes_visits_holds_and_parked_messages(
    rig: ServiceRig, client: TestClient, key: KeyPair
) -> None:
    tell(rig, client, key, "/v1/lane-status", lane_status() | {"parked": [PARKED], "camera": "camera_lost"})
    tell(rig, client, key, "/v1/visits", visit_report())
    rig.signed(
        key,
        "POST",
        "/v1/authorisations",
        {
            "visit": "held",
            "station": "S1",
            "lane": "L1",
            "plate": PLATE,
            "typed": False,
            "captured_at": "2026-05-04T08:30:00Z",
            "confidence": 1.0,
            "weakest": 1.0,
        },
    ).send(client)
    log_in(client, "li")
    text = client.get("/station", headers=ENGLISH).text
    for words in ("No camera picture", "L1-visit-1", "allowed", "D1/9", "&lt;b&gt;its end", "Holds"):
        assert words in text
    assert text.count(PLATE) >= 3
    assert "Discard" not in text


def test_a_parked_message_is_told_in_chinese_and_a_dark_lamp_is_off(
    rig: ServiceRig, client: TestClient, key: KeyPair
) -> None:
    parked = PARKED | {"kind": "fuelling:D1", "detail": "no card C9; make it first"}
    tell(rig, client, key, "/v1/lane-status", EMPTY | {"parked": [parked]})
    log_in(client, "li")
    text = client.get("/station", headers={**ENGLISH, "Accept-Language": "zh-CN"}).text
    for words in ("加油记录 D1/9", "加油记录自相矛盾（impossible_fuelling）", "没有加油卡 C9", "熄灭 · 空闲"):
        assert words in text
    english = client.get("/station", headers=ENGLISH).text
    for words in ("fuelling D1/9", "the fuelling contradicts itself (impossible_fuelling)", "Off · empty"):
        assert words in english


def test_every_code_of_a_refusal_has_its_words() -> None:
    assert set(refusal_words.CODES) == set(ErrorCode)
    assert refusal_words.code_words("of_a_later_version") == ("of_a_later_version", "of_a_later_version")


def test_a_visit_tells_frame_to_lamp_why_and_its_picture_goes_after_72_hours(
    rig: ServiceRig, client: TestClient, key: KeyPair
) -> None:
    assert tell(rig, client, key, "/v1/visits", visit_report() | {"picture": JPEG}).status_code == 204
    tell(rig, client, key, "/v1/visits", visit_report(over=True))
    log_in(client, "li")
    text = client.get("/station/visits/L1-visit-1", headers=ENGLISH).text
    assert "a vehicle came" in text
    assert "You may refuel" in text
    picture = client.get("/station/visits/L1-visit-1/picture")
    assert (picture.content, picture.headers["content-type"]) == (base64.b64decode(JPEG), "image/jpeg")
    assert picture.headers["cache-control"] == "no-store"
    rig.clock.move(72 * 3600)
    log_in(client, "li")
    assert client.get("/station/visits/L1-visit-1/picture").status_code == 404
    tell(rig, client, key, "/v1/visits", visit_report(number=2))
    with rig.app.state.books.database.reading() as connection:
        kept = connection.execute(select(visit_reports.c.picture)).scalars().all()
    assert kept == [None, None]


@pytest.mark.parametrize("picture", ["no base64!", base64.b64encode(b"<svg onload=...>").decode()])
def test_what_is_no_picture_is_refused(rig: ServiceRig, client: TestClient, key: KeyPair, picture: str) -> None:
    assert tell(rig, client, key, "/v1/visits", visit_report() | {"picture": picture}).status_code == 400


def test_a_lane_does_not_rewrite_its_neighbours_visit(rig: ServiceRig, client: TestClient, key: KeyPair) -> None:
    tell(rig, client, key, "/v1/visits", visit_report())
    other = rig.enrol(DeviceKind.LANE, lane="L2")
    stolen = visit_report() | {"lane": "L2"}
    assert tell(rig, client, other, "/v1/visits", stolen).status_code == 400


def test_retry_and_discard_are_ordered_by_operators_and_written_down(
    rig: ServiceRig, client: TestClient, key: KeyPair
) -> None:
    tell(rig, client, key, "/v1/lane-status", lane_status() | {"parked": [PARKED]})
    log_in(client, "wang")
    form = {"csrf": csrf(client), "lane": "L1", "message": "5", "kind": "discard", "why": ""}
    assert client.post("/station/orders?station=S1", data=form).status_code == 409
    assert client.post("/station/orders?station=S1", data=form | {"why": "counted twice"}).status_code == 303
    (order,) = orders(rig, client, key)
    assert (order["kind"], order["message"], order["by"], order["why"]) == ("discard", 5, "wang", "counted twice")
    assert "The lane has been told" in client.get("/station?station=S1", headers=ENGLISH).text
    orders(rig, client, key, [{"order": order["id"], "result": "failed", "detail": "not parked"}])
    with rig.app.state.books.database.reading() as connection:
        rows = connection.execute(select(schema.operator_events).where(schema.operator_events.c.subject == "S1/L1"))
        deeds = [(row.actor.split(":")[0], row.action) for row in rows]
    assert deeds == [("person", "order discard"), ("device", "did discard")]


def test_an_attendant_moves_an_authorisation_to_the_lane_where_the_vehicle_stands(
    rig: ServiceRig, client: TestClient, key: KeyPair
) -> None:
    other = rig.enrol(DeviceKind.LANE, lane="L2")
    waits = {"lane": "L2", "plate": "粤B12345", "reason": "open_elsewhere", "lamp": "red", "open_lane": "L1"}
    tell(rig, client, key, "/v1/lane-status", lane_status())
    tell(rig, client, other, "/v1/lane-status", lane_status() | waits)
    log_in(client, "li")
    form = {"csrf": csrf(client), "lane": "L2"}
    assert "Its authorisation is open at lane L1" in client.get("/station?station=S1", headers=ENGLISH).text
    assert client.post("/station/move?station=S1", data=form | {"lane": "L1"}).status_code == 409
    assert client.post("/station/move?station=S1", data=form).status_code == 303
    assert orders(rig, client, key) == [], "a unit of the version before would refuse the list with such an order"
    client.headers["Greenlane-Wire"] = "2"
    (order,) = orders(rig, client, key)
    assert (order["kind"], order["plate"], order["by"]) == ("move", "粤B12345", "li")
    orders(rig, client, key, [{"order": order["id"], "result": "taken"}])
    with rig.app.state.books.database.reading() as connection:
        rows = connection.execute(select(schema.operator_events).where(schema.operator_events.c.subject == "S1/L1"))
        assert [(row.actor.split(":")[0], row.action) for row in rows] == [
            ("person", "order move"),
            ("device", "did move"),
        ]


def test_a_damaged_state_file_is_told_on_the_page(rig: ServiceRig, client: TestClient, key: KeyPair) -> None:
    log_in(client, "li")
    for damaged, reported in ((1, True), (0, False)):
        status = lane_status(number=2 - damaged) | {"damaged": damaged}
        assert tell(rig, client, key, "/v1/lane-status", status).status_code == 204
        page = client.get("/station?station=S1", headers=ENGLISH).text
        assert ("fuellings may be missing" in page) is reported


def test_an_attendant_orders_nothing_and_sees_one_station(rig: ServiceRig, client: TestClient, key: KeyPair) -> None:
    tell(rig, client, key, "/v1/lane-status", lane_status() | {"parked": [PARKED]})
    log_in(client, "li")
    form = {"csrf": csrf(client), "lane": "L1", "message": "5", "kind": "retry"}
    assert client.post("/station/orders", data=form).status_code == 403
    for path in ("/station/view", "/station/visits/x", "/panel/L1", "/station/events"):
        assert client.get(f"{path}?station=S2").status_code == 403


def test_the_panels_person_sees_no_station_page(client: TestClient) -> None:
    log_in(client, "pump")
    for path in ("/station", "/station/view", "/station/visits/x", "/station/visits/x/picture", "/station/events"):
        assert client.get(path).status_code == 403


@pytest.mark.slow
def test_people_of_all_stations_choose_one(client: TestClient) -> None:
    log_in(client, "wang")
    assert 'href="/station?station=S2"' in client.get("/station").text
    assert client.get("/panel/L1").status_code == 400


def test_pages_have_no_inline_scripts_or_styles(rig: ServiceRig, client: TestClient, key: KeyPair) -> None:
    tell(rig, client, key, "/v1/lane-status", lane_status() | {"parked": [PARKED]})
    tell(rig, client, key, "/v1/visits", visit_report())
    log_in(client, "wang")
    for path in ("/panel/L1", "/station", "/station/visits/L1-visit-1"):
        text = client.get(f"{path}?station=S1").text
        assert re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|javascript:", text) is None, path


def test_the_format_table_is_that_of_the_reader() -> None:
    assert set(formats()) == {f.places for f in FORMATS}
    keys = {key for row in (*PROVINCE_KEYS, *CHARACTER_KEYS) for key in row}
    assert {character for places in formats() for place in places for character in place} <= keys
    assert typed_plate(" 粤b·12345") == PLATE


def test_every_word_has_both_languages() -> None:
    for table, members in ((REASONS, Reason), (LAMPS, LampState), (STAGES, Stage), (RESULTS, OrderResult)):
        assert set(table) == set(members)  # type: ignore[call-overload]
    from controller.lane.records import Phase

    assert set(PHASES) == {ENTRANCE, *(phase.value for phase in Phase)}


def test_nested_records_are_checked() -> None:
    from wire.codec import decode
    from wire.live import LaneStatus

    with pytest.raises(WireError, match="at most 20 records"):
        decode(LaneStatus, lane_status() | {"parked": [PARKED] * 21})
    with pytest.raises(WireError, match="no such field"):
        decode(LaneStatus, lane_status() | {"parked": [PARKED | {"x": 1}]})


def test_waiting_ends_at_a_change_or_in_time(rig: ServiceRig) -> None:
    database = rig.app.state.books.database

    async def scene() -> tuple[int, int, int]:
        changes = Changes(database)
        seen = await changes.number("t")
        nothing = await changes.wait("t", seen, 0.05)
        waiting = asyncio.create_task(changes.wait("t", seen, 20.0))
        await asyncio.sleep(0.05)
        with database.writing() as connection:
            count_change(connection, "t")
        changes.ring()
        return seen, nothing, await waiting

    assert asyncio.run(scene()) == (0, 0, 1)


def test_an_entry_camera_stands_on_the_stations_page_as_the_entrance(rig: ServiceRig, client: TestClient) -> None:
    entry = rig.enrol(DeviceKind.LANE, lane="E1")
    told = EMPTY | {"lane": "E1", "phase": "entrance", "reason": "ok", "asked_ahead": 17}
    assert tell(rig, client, entry, "/v1/lane-status", told).status_code == 204
    log_in(client, "wang")
    shown = client.get("/station?station=S1", headers=ENGLISH).text
    card = shown.partition('data-lane="E1"')[2].partition("</li>")[0]
    assert "entry camera" in card
    assert "Plates asked ahead: 17" in card
    assert "Ready" not in card, "it has no lamp"
    assert "Camera works" in card
    lost = told | {"at": "2026-05-04T08:30:01Z", "camera": "camera_lost"}
    assert tell(rig, client, entry, "/v1/lane-status", lost).status_code == 204
    day = client.get("/office?station=S1", headers=ENGLISH).text
    assert "Entrance E1: its camera has a fault" in day
    rig.clock.move(60)
    assert "Entrance E1 is silent" in client.get("/office?station=S1", headers=ENGLISH).text
